"""The words of the language: text that must be a name, a number, a duration or one of a few words."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import PlainValidator, ValidationInfo, WithJsonSchema

from rules.instants import DAY, HOUR, MINUTE
from rules.language.marked_yaml import Text
from rules.language.misspelt_durations import AN_EXAMPLE, unreadable
from rules.language.part import Reading, Several, reading
from rules.language.problems import folded, listed, nearest
from rules.placeholders import PLACEHOLDERS, unknown_placeholders
from rules.protocol.durations import CALENDARS_OF_THE_TICKET, Duration
from rules.protocol.rule import Existing, Mode, OnChange
from rules.ticket import NEXT_ANSWER, Kind, Status

LONGEST_DURATION_DAYS: Final = 3650
"""Ten years; more is a slip of the pen."""

_DURATION: Final = re.compile(r"([0-9]{1,6})\s+(business\s+)?(minute|hour|day|week)s?", re.ASCII | re.IGNORECASE)
_UNITS: Final = {"minute": MINUTE, "hour": HOUR, "day": DAY, "week": 7 * DAY}
_PERCENT: Final = re.compile(r"([1-9][0-9]{0,3})\s*(?:percent|%)", re.ASCII | re.IGNORECASE)

_RULE_ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?", re.ASCII)
_AT_MOST: Final = re.compile(r"at\s+most\s+([0-9]{1,6})\s+per\s+hour", re.ASCII | re.IGNORECASE)
EMAIL: Final = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]+")


def _text(node: object, info: ValidationInfo) -> str:
    return str(reading(info).text(node, "a text"))


def _number(node: object, info: ValidationInfo) -> int:
    word = reading(info).text(node, "a whole number")
    if re.fullmatch("[0-9]{1,6}", word) and int(word):
        return int(word)
    meant = re.match("([1-9][0-9]{0,5})[^0-9]*$", word)  # `2 levels`, `3x`
    raise reading(info).refused(word, "expected a whole number from 1 to 999999", meant[1] if meant else "")


def _summed(node: object, info: ValidationInfo) -> Duration:
    """A duration that can be added up: a business day has no length, it ends at a time of day."""
    found = duration(node, info)
    if found.business_days:
        raise reading(info).refused(
            reading(info).text(node, AN_EXAMPLE), "a clock sums up hours, not business days; write it in business hours"
        )
    return found


def _truth(node: object, info: ValidationInfo) -> bool:
    word = reading(info).text(node, "true or false")
    forms = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    if folded(word) not in forms:
        raise reading(info).refused(word, "expected true or false")
    truth = forms[folded(word)]
    if word not in {"true", "false"}:
        reading(info).report.hint(word.place, word, f"taken as {str(truth).lower()}", str(truth).lower())
    return truth


def duration(node: object, info: ValidationInfo) -> Duration:
    """A duration; business ones lie on the calendar in reach."""
    context = reading(info)
    word = context.text(node, AN_EXAMPLE)
    found = _DURATION.fullmatch(word.strip())
    if not found:
        raise context.refused(word, *unreadable(word))
    number, unit = int(found[1]), found[3].lower()
    if not number:
        raise context.refused(word, "no time at all; expected at least 1 minute")
    if number * _UNITS[unit] > LONGEST_DURATION_DAYS * DAY:
        raise context.refused(word, f"longer than {LONGEST_DURATION_DAYS} days")
    text = f"{number} {'business ' if found[2] else ''}{unit}{'' if number == 1 else 's'}"
    if not found[2]:
        return Duration(milliseconds=number * _UNITS[unit], text=text)
    context.business += 1
    if unit == "week":
        raise context.refused(word, "a business week is not one length; write it in business days", f"{number * 5} business days")
    if context.calendar is None:
        raise context.refused(
            word, "business time without a calendar; give the rule a `calendar:`, or `defaults:` of the organisation one"
        )
    calendar = _as_of_ticket(context.calendar) or str(context.calendar)
    if unit == "day":
        return Duration(business_days=number, calendar=calendar, text=text)
    return Duration(milliseconds=number * _UNITS[unit], calendar=calendar, text=text)


def word_of(node: object, context: Reading, words: tuple[str, ...], slips: dict[str, str] | None = None) -> str:
    """One of a few fixed words; other spellings of them are taken with a hint."""
    word = context.text(node, f"one of {listed(words)}")
    if word in words:
        return str(word)
    for known in words:
        if folded(known) == folded(word):
            context.report.hint(word.place, word, f"taken as `{known}`", known)
            return known
    slip = (slips or {}).get(folded(word))
    raise context.refused(word, f"expected one of {listed(words)}", nearest(word, words) if slip is None else slip)


_ASKERS: Final = ("customer", "requester", "caller", "user", "reporter")
_MODE_SLIPS: Final = dict.fromkeys(("on", "true", "yes", "active", "off", "false", "no"), "")  # what `on` means is not guessed
_STATUS_SLIPS: Final = {
    **dict.fromkeys(("done", "solved", "fixed"), "resolved"),
    **dict.fromkeys(("waiting", *(f"{a}_{b}" for a in ("waiting_for", "waiting_on", "awaiting") for b in _ASKERS)), "pending"),
    **dict.fromkeys(("in_progress", "work_in_progress", "waiting_for_support"), "open"),
}


def _mode(node: object, info: ValidationInfo) -> Mode:
    return Mode(word_of(node, reading(info), tuple(Mode), _MODE_SLIPS))


def _on_change(node: object, info: ValidationInfo) -> OnChange:
    return OnChange(word_of(node, reading(info), tuple(OnChange)))


def _status(node: object, info: ValidationInfo) -> str:
    return str(Status(word_of(node, reading(info), tuple(Status), _STATUS_SLIPS)))


def _side(node: object, info: ValidationInfo) -> Kind:
    return Kind(word_of(node, reading(info), (Kind.STAFF, Kind.REQUESTER)))


def _existing(node: object, info: ValidationInfo) -> Existing:
    context = reading(info)
    word = context.text(node, "ignore, all, or at most N per hour")
    if found := _AT_MOST.fullmatch(word.strip()):
        return Existing(int(found[1]))
    if folded(word) not in {"ignore", "all"}:
        raise context.refused(
            word, "expected ignore, all, or at most N per hour (a number for N)", nearest(word, ("ignore", "all"))
        )
    return Existing(None if folded(word) == "all" else 0)


def _priority(node: object, info: ValidationInfo) -> str:
    return str(reading(info).one_of(node, reading(info).names.priorities, "priority"))


def _team(node: object, info: ValidationInfo) -> str:
    context = reading(info)
    if isinstance(node, Text) and node not in context.names.teams:
        of, _, team = node.rpartition(" of ")
        if of and team in context.names.teams:
            raise context.refused(node, "somebody of a team, and no team: tickets go to teams", team)
    return str(context.one_of(node, context.names.teams, "team"))


def _chain(node: object, info: ValidationInfo) -> str:
    context = reading(info)
    if isinstance(node, Text) and node in context.names.teams and node not in context.names.chains:
        climbed = (chain for chain, teams in context.names.chains.items() if node in teams[1:])
        hint = "".join(f"{{chain: {chain}, to: {node}}}" for chain in list(climbed)[:1])
        raise context.refused(node, "a team, and no chain: `assign:` gives it the ticket, whatever its tier", hint)
    return str(context.one_of(node, context.names.chains, "chain"))


def _provider(node: object, info: ValidationInfo) -> str:
    """A provider of the organisation; any text where it names none."""
    context = reading(info)
    if context.names.providers:
        return str(context.one_of(node, context.names.providers, "provider"))
    return _text(node, info)


def _calendar(node: object, info: ValidationInfo) -> str:
    return str(reading(info).one_of(node, reading(info).names.calendars, "calendar"))


def _as_of_ticket(calendar: str) -> str:
    """A calendar that the ticket gives, in its one form; nothing for any other."""
    named = " ".join(calendar.casefold().replace("_", " ").split())
    return named if named in CALENDARS_OF_THE_TICKET else ""


def _rule_calendar(node: object, info: ValidationInfo) -> str:
    context = reading(info)
    word = context.text(node, "the name of a calendar")
    if named := _as_of_ticket(word):
        return named
    if word.casefold().startswith("calendar of "):
        if hours := context.names.hours_of_provider(word):
            return hours
        provider = word.split()[-1]
        if provider in context.names.providers:
            raise context.refused(word, f"the provider {provider} has no `calendar:` in the organisation")
        known = [*sorted(CALENDARS_OF_THE_TICKET), *(f"calendar of {name}" for name in context.names.providers)]
        raise context.refused(word, f"a ticket gives no such calendar; there are: {listed(known)}", nearest(word, known))
    return _calendar(node, info)


def _percent(node: object, info: ValidationInfo) -> int:
    word = reading(info).text(node, "a share such as 75 percent")
    found = _PERCENT.fullmatch(word)
    if found is None:
        hint = f"{word} percent" if re.fullmatch("[1-9][0-9]{0,3}", word) else ""
        raise reading(info).refused(word, "expected a share such as 75 percent", hint)
    return int(found[1])


def _rule_id(node: object, info: ValidationInfo) -> str:
    word = reading(info).text(node, "an id for the rule, such as nobody-took-it")
    if _RULE_ID.fullmatch(word):
        return str(word)
    better = re.sub("[^a-z0-9]+", "-", folded(word)).strip("-")[:64]
    raise reading(info).refused(word, "an id is up to 64 small letters a to z, digits and hyphens; `title:` is free text", better)


def _label(node: object, info: ValidationInfo) -> str:
    word = reading(info).text(node, "a label")
    if re.search(r"\s", word):
        raise reading(info).refused(word, "a label is one word: helpdesks divide it at spaces", "-".join(word.split()))
    return str(word)


def _comment(node: object, info: ValidationInfo) -> str:
    context = reading(info)
    word = context.text(node, "the text of a comment")
    if len(word) > 4000:
        raise context.refused(word, "longer than 4000 characters; a comment is read by people")
    for name in unknown_placeholders(word):
        known = listed("{" + known + "}" for known in PLACEHOLDERS)
        close = nearest(name, PLACEHOLDERS)
        context.report.problem(
            word.place, "{" + name + "}", f"nothing that a comment can fill in; there are: {known}", close and "{" + close + "}"
        )
    return str(word)


def email(node: object, info: ValidationInfo) -> str:
    """An e-mail address."""
    word = reading(info).text(node, "an e-mail address")
    if not EMAIL.fullmatch(word):
        raise reading(info).refused(word, "expected an e-mail address, such as anna@example.com")
    return str(word)


def _person(node: object, info: ValidationInfo) -> str:
    word = reading(info).text(node, "a person's e-mail address")
    return " ".join(word.split())


def _said(pattern: str, expected: str) -> dict[str, Any]:
    """A JSON schema of text with the sentence that editors show where the pattern does not fit."""
    return {"type": "string", "pattern": pattern, "patternErrorMessage": f"expected {expected}"}


W = TypeVar("W")
FREE_TEXT: Final = WithJsonSchema({"type": ["string", "number", "boolean"]})
"""Editors tell numbers and truth values from text; hoist reads all of them as the text that is written."""

OneOrMany = Annotated[tuple[W, ...], Several()]

Words = Annotated[str, PlainValidator(_text), FREE_TEXT]
A_NUMBER: Final = WithJsonSchema({"type": ["integer", "string"], "minimum": 1, "pattern": "^[0-9]{1,6}$"})
Number = Annotated[int, PlainValidator(_number), A_NUMBER]
Truth = Annotated[bool, PlainValidator(_truth), WithJsonSchema({"enum": [True, False, "true", "false"]})]
Span = Annotated[Duration, PlainValidator(duration), WithJsonSchema(_said(f"^{_DURATION.pattern}$", AN_EXAMPLE))]
Summed = Annotated[
    Duration,
    PlainValidator(_summed),
    WithJsonSchema(
        _said(
            rf"^([0-9]{{1,6}}\s+((business\s+)?(minute|hour)|day|week)s?|{NEXT_ANSWER}.+)$",
            "a duration such as 15 minutes, 4 business hours or 2 days; a clock sums up no business days",
        )
    ),
]
ModeWord = Annotated[Mode, PlainValidator(_mode, json_schema_input_type=Mode)]
OnChangeWord = Annotated[OnChange, PlainValidator(_on_change, json_schema_input_type=OnChange)]
StatusWord = Annotated[str, PlainValidator(_status, json_schema_input_type=Status)]
Side = Annotated[Kind, PlainValidator(_side, json_schema_input_type=Literal["staff", "requester"])]
ExistingWord = Annotated[
    Existing,
    PlainValidator(_existing),
    WithJsonSchema(_said("^(ignore|all|at most [0-9]{1,6} per hour)$", "ignore, all, or at most N per hour")),
]
PriorityWord = Annotated[str, PlainValidator(_priority), FREE_TEXT]
TeamName = Annotated[str, PlainValidator(_team, json_schema_input_type=str)]
Person = Annotated[str, PlainValidator(_person, json_schema_input_type=str)]
ProviderName = Annotated[str, PlainValidator(_provider, json_schema_input_type=str)]
ChainName = Annotated[str, PlainValidator(_chain, json_schema_input_type=str)]
CalendarName = Annotated[str, PlainValidator(_calendar, json_schema_input_type=str)]
RuleCalendar = Annotated[str, PlainValidator(_rule_calendar, json_schema_input_type=str)]
Percent = Annotated[
    int, PlainValidator(_percent), WithJsonSchema(_said(r"^[1-9][0-9]{0,3}\s*(percent|%)$", "a share such as 75 percent"))
]
RuleId = Annotated[
    str,
    PlainValidator(_rule_id),
    WithJsonSchema(_said(f"^{_RULE_ID.pattern}$", "small letters, digits and hyphens, such as nobody-took-it")),
]
Label = Annotated[str, PlainValidator(_label), WithJsonSchema(_said(r"^\S+$", "one word"))]
CommentText = Annotated[str, PlainValidator(_comment, json_schema_input_type=str)]
Email = Annotated[str, PlainValidator(email, json_schema_input_type=str)]
