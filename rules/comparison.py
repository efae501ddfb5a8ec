"""Two rulebooks side by side, in words: which rules came, went and changed, and what else of the protocol is another one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum, StrEnum
from typing import Any, Final

from rules.deeds import deed
from rules.phrases import phrase
from rules.protocol.actions import Comment
from rules.protocol.conditions import All, Condition, Held
from rules.protocol.organisation import Organisation
from rules.protocol.rule import Existing, Mode, Rule, Step
from rules.protocol.rulebook import Rulebook


class Sign(StrEnum):
    """How a rule differs, as it stands in front of its line."""

    ADDED = "+"
    REMOVED = "-"
    CHANGED = "~"
    TO_LIVE = "^"
    NO_LONGER_LIVE = "v"


@dataclass(frozen=True, slots=True)
class Difference:
    """One rule that is another one now: clauses without a full stop, those that decide when it fires first.

    `rule` is its written id, as it is now where it has another; `before` and `after` are None where it was not there, or is gone.
    """

    sign: Sign
    rule: str
    said: tuple[str, ...]
    before: Rule | None
    after: Rule | None

    @property
    def acts_otherwise(self) -> bool:
        """Whether hoist does something else because of it; a new title or owner is no such thing."""
        if self.before is None or self.after is None:
            return True
        silent: dict[str, Any] = {name: getattr(self.after, name) for name in _SILENT}
        return replace(self.before, **silent) != self.after


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences: of rules, in the order of the new file with those that are gone last, and of the organisation."""

    rules: tuple[Difference, ...] = ()
    organisation: tuple[str, ...] = ()

    @property
    def none(self) -> bool:
        return not (self.rules or self.organisation)


_SILENT: Final = ("why", "owner", "protocol", "review_by", "order", "place", "formerly")
_SINGLE: Final = {"title": "title", "why": "why", "owner": "owner", "protocol": "clause of the policy", "review_by": "review by"}
_DATES: Final = {"live_from": "live from", "expires": "expires"}
CONFIDENTIAL: Final = "confidential: what differs is told nowhere"


def compared(before: Rulebook, after: Rulebook) -> Comparison:
    """What is another one in `after`. A rule that was renamed (`formerly`) is the same rule."""
    old = {rule.id: rule for rule in before.rules}
    new = {rule.id: rule for rule in after.rules}
    was = {rule.id: _former(rule, old, new) for rule in after.rules}
    found = [_difference(was[rule.id], rule) for rule in after.rules if not _same(was[rule.id], rule)]
    kept = {rule.id for rule in was.values() if rule is not None}
    gone = [_difference(rule, None) for rule in before.rules if rule.id not in kept]
    moved = _moved([rule.id for rule in before.rules if rule.id in new], [rule.id for rule in after.rules if rule.id in old])
    said = (*_organisation(before.organisation, after.organisation), *moved)
    return Comparison((*found, *gone), said)


def _former(rule: Rule, old: Mapping[str, Rule], new: Mapping[str, Rule]) -> Rule | None:
    names = (rule.id, *(name for name in rule.formerly if name not in new))
    return next((old[name] for name in names if name in old), None)


def _same(before: Rule | None, after: Rule) -> bool:
    return before is not None and replace(before, order=after.order, place=after.place) == after


def _difference(before: Rule | None, after: Rule | None) -> Difference:
    either = after or before
    if either is None:
        raise ValueError("two rules that are not there do not differ")
    hidden = any(rule is not None and rule.confidential for rule in (before, after))
    if before is None or after is None:
        gone = Sign.REMOVED if after is None else Sign.ADDED
        return Difference(gone, either.id, (CONFIDENTIAL if hidden else f"{either.title} ({either.mode})",), before, after)
    sign = Sign.CHANGED
    if before.mode is not after.mode:
        sign = Sign.TO_LIVE if after.mode is Mode.LIVE else Sign.NO_LONGER_LIVE if before.mode is Mode.LIVE else sign
    said = (*_mode(before, after), CONFIDENTIAL) if hidden else tuple(_clauses(before, after))
    return Difference(sign, after.id, said, before, after)


def _clauses(before: Rule, after: Rule) -> Iterator[str]:
    yield from _mode(before, after)
    if before.id != after.id:
        yield f"was called {before.id}"
    yield from _condition(before, after)
    yield from _steps(before.steps, after.steps)
    if before.repeat != after.repeat:
        yield "no longer repeats" if after.repeat is None else f"repeats every {after.repeat.every}, {after.repeat.at_most} times"
    if before.hold_while != after.hold_while:
        held = after.hold_while
        yield "is no longer held back" if held is None else f"is held back while {phrase(held)}"
    if before.existing != after.existing:
        yield f"existing tickets: {existing_in_words(after.existing)} instead of {existing_in_words(before.existing)}"
    for name, words in (("calendar", "counts on the calendar"), ("on_change", "on change:")):
        if getattr(before, name) != getattr(after, name):
            yield f"{words} {getattr(after, name) or 'none'} instead of {getattr(before, name) or 'none'}"
    if before.applies_to != after.applies_to:
        yield f"applies to {_listed(after.applies_to.sources)} instead of {_listed(before.applies_to.sources)}"
    if before.only_to != after.only_to:
        yield f"its tickets go to {_listed(after.only_to or None)} instead of {_listed(before.only_to or None)}"
    for name, words in {**_DATES, **_SINGLE}.items():
        if getattr(before, name) != getattr(after, name):
            yield f"{words}: {getattr(after, name) or 'none'} instead of {getattr(before, name) or 'none'}"


def _mode(before: Rule, after: Rule) -> tuple[str, ...]:
    return (f"{before.mode} -> {after.mode}",) if before.mode is not after.mode else ()


def existing_in_words(existing: Existing) -> str:
    """`existing_tickets` as it is written."""
    return "all" if existing.limit is None else f"at most {existing.limit} per hour" if existing.limit else "ignore"


def _condition(rule_before: Rule, rule_after: Rule) -> Iterator[str]:
    """How long it waits, then what it asks for that it did not, and no longer does."""
    before, after = rule_before.condition, rule_after.condition
    if before == after or (rule_before.calendar != rule_after.calendar and phrase(before) == phrase(after)):
        return
    parts, former = _parts(after), _parts(before)
    waits = [part.duration for part in parts if isinstance(part, Held)]
    waited = [part.duration for part in former if isinstance(part, Held)]
    if len(waits) == len(waited) == 1 and waits != waited:
        yield f"waits {waits[0]} instead of {waited[0]}"
    asked, asked_before = ({phrase(part): None for each in found for part in _held(each)} for found in (parts, former))
    new, old = ([said for said in these if said not in those] for these, those in _both_ways(asked, asked_before))
    if new:
        yield f"asks now: {'; '.join(new)}"
    if old:
        yield f"asks no longer: {'; '.join(old)}"
    if not (new or old or waits != waited):
        yield "its condition is put together otherwise"


def _parts(condition: Condition) -> list[Condition]:
    return [part for each in condition.parts for part in _parts(each)] if isinstance(condition, All) else [condition]


def _held(condition: Condition) -> list[Condition]:
    """What lasts, without how long it must."""
    return _parts(condition.part) if isinstance(condition, Held) else [condition]


def _both_ways(one: Mapping[str, None], other: Mapping[str, None]) -> Sequence[tuple[Mapping[str, None], Mapping[str, None]]]:
    return (one, other), (other, one)


def _steps(before: Sequence[Step], after: Sequence[Step]) -> Iterator[str]:
    if len(before) != len(after):
        yield f"{len(after)} steps instead of {len(before)}"
    for number, (old, new) in enumerate(zip(before, after, strict=False), 1):
        where = f"step {number}: " if max(len(before), len(after)) > 1 else ""
        if (old.after, old.begins, old.at_opening, old.opening_of) != (new.after, new.begins, new.at_opening, new.opening_of):
            yield f"{where}comes {_when(new)} instead of {_when(old)}"
        if old.unless != new.unless:
            yield f"{where}is passed over {f'while {phrase(new.unless)}' if new.unless is not None else 'no longer'}"
        done, no_longer = (
            [deed(action) for action in these if action not in those]
            for these, those in ((new.actions, old.actions), (old.actions, new.actions))
        )
        texts = [(old.actions, new.actions)] if done == no_longer else []
        yield from (f"{where}{said}" for said in done if not texts)
        yield from (f"{where}no longer: {said}" for said in no_longer if not texts)
        if texts and old.actions != new.actions:
            same = {type(action) for action in new.actions if action not in old.actions} == {Comment}
            yield f"{where}{'its text is another one' if same else 'its actions come in another order'}"


def _when(step: Step) -> str:
    return step.said or (f"after {step.after}" if step.after is not None else "at once")


def _listed(names: Sequence[str] | None) -> str:
    return "all" if names is None else ", ".join(names)


def _moved(before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    """Of rules that meet, the first one wins the team: their order is part of what they mean."""
    if before != after and sorted(before) == sorted(after):
        first = next(new for old, new in zip(before, after, strict=True) if old != new)
        yield f"the rules stand in another order: {first} comes earlier, and of rules that meet the first one wins the team"


# --- the organisation ----------------------------------------------------------------------------------------------------

_NAMED: Final = {
    "teams": "team",
    "chains": "chain",
    "roles": "role",
    "calendars": "calendar",
    "lists": "list",
    "windows": "window",
    "providers": "provider",
    "twins": "twins of",
}
_LISTS: Final = {
    "priorities": "priority",
    "absences": "absence",
    "overrides": "override",
    "people": "person",
    "people_files": "file of people",
}
_REST: Final = {"time_zone": "time zone", "calendar": "usual calendar", "people_keep": "what people keep"}


def _organisation(before: Organisation, after: Organisation) -> Iterator[str]:
    for name, kind in _NAMED.items():
        old, new = getattr(before, name), getattr(after, name)
        yield from (f"{kind} {each} is new" for each in new if each not in old)
        yield from (f"{kind} {each} is gone" for each in old if each not in new)
        for each in new:
            if each in old and old[each] != new[each]:
                yield f"{kind} {each}: {_changed(old[each], new[each])}"
    for name, kind in _LISTS.items():
        old, new = getattr(before, name), getattr(after, name)
        yield from (f"{kind} {_short(each)} is new" for each in new if each not in old)
        yield from (f"{kind} {_short(each)} is gone" for each in old if each not in new)
        if old != new and all(each in old for each in new) and all(each in new for each in old):
            yield f"{kind}: another order, {_listed([_short(each) for each in new])}"
    for name, words in _REST.items():
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield f"{words}: {_changed(old, new)}"


def _changed(before: Any, after: Any) -> str:
    """`lead bert@example.com instead of anna@example.com`, field by field."""
    if not (is_dataclass(before) and is_dataclass(after) and type(before) is type(after)):
        return f"{_short(after)} instead of {_short(before)}"
    named = [each.name for each in fields(after) if each.compare or each.name == "sources"]
    other = [name for name in named if getattr(before, name) != getattr(after, name)]
    return "; ".join(
        f"{name.replace('_', ' ')} {_short(getattr(after, name))} instead of {_short(getattr(before, name))}" for name in other
    )


def _short(value: Any) -> str:
    """A value of the organisation as it is called, else what it is made of."""
    if value is None or value in ("", ()):
        return "none"
    if isinstance(value, Enum):
        return str(value.value)
    if is_dataclass(value):
        if (name := getattr(value, "name", None) or getattr(value, "team", None) or getattr(value, "who", None)) is not None:
            return _short(name)
        return ", ".join(_short(getattr(value, each.name)) for each in fields(value))
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_short(each)}" for key, each in value.items()) or "none"
    if isinstance(value, tuple):
        return ", ".join(map(_short, value))
    return str(value)
