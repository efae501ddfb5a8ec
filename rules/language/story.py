"""Stories as people write them: a ticket, what happens to it when, and which rules must fire then or must not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, tzinfo
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field, PlainValidator, TypeAdapter, ValidationInfo

from rules.language.actions import Deed
from rules.language.field_tests import NOBODY, PersonOrNobody, TeamOrNobody
from rules.language.files import written
from rules.language.hours import TimeZone
from rules.language.marked_yaml import Block, Items, Node, Text, read
from rules.language.moments import EXAMPLE, Moment, local_moment
from rules.language.part import Names, Part, Reading, marked, read_part, reading, shown
from rules.language.problems import Place, Report, folded, listed, nearest
from rules.language.provider_cases import TURNS
from rules.language.words import Number, OneOrMany, PriorityWord, StatusWord, Truth, Words, word_of
from rules.opening_hours import time_zone
from rules.protocol.organisation import CalendarHours
from rules.ticket import CASE, NATIVE, RELATED, TARGET, Kind, Value

OUTSIDE: Final = "other "
"""`other team Printing`, `other priority Trivial`: what the source has and the organisation does not name."""

EVERYTHING: Final = "all"
NOTHING: Final = "nothing"
"""Whose escalations are written to a story's ticket, where it names no rules."""

_NOTHING: Final = frozenset((NOBODY, NOTHING))
_ACTORS: Final = {kind.value: kind for kind in (Kind.STAFF, Kind.REQUESTER, Kind.AUTOMATION, Kind.HOIST)}


class StoryReading(Reading):
    """What a story's words are checked against: the organisation's names, the rules' ids, and the zone of its times."""

    def __init__(self, report: Report, names: Names, calendar: str | None, rules: tuple[str, ...]) -> None:
        super().__init__(report, names, calendar)
        self.rules = rules
        self.zone: tzinfo = UTC


def _story_reading(info: ValidationInfo) -> StoryReading:
    context = reading(info)
    if not isinstance(context, StoryReading):
        raise TypeError("a story is read with a StoryReading as its context")
    return context


def _moment(node: object, info: ValidationInfo) -> Moment:
    context = _story_reading(info)
    word = context.text(node, EXAMPLE)
    try:
        return local_moment(word, context.zone)
    except ValueError as error:
        raise context.refused(word, str(error)) from None


def _moment_or_nothing(node: object, info: ValidationInfo) -> Moment | None:
    return None if isinstance(node, Text) and folded(node) in _NOTHING else _moment(node, info)


def _rule(node: object, info: ValidationInfo) -> str:
    context = _story_reading(info)
    return str(context.one_of(node, context.rules, "rule"))


def _writer(node: object, info: ValidationInfo) -> str:
    word = reading(info).text(node, "all, nothing, or the id of a rule")
    return folded(word) if folded(word) in {EVERYTHING, NOTHING} else _rule(node, info)


def _actor(node: object, info: ValidationInfo) -> tuple[Kind, str]:
    context = reading(info)
    word = context.text(node, f"who did it: {listed(_ACTORS)}")
    kind, _, name = " ".join(word.split()).partition(" ")
    if folded(kind) not in _ACTORS:
        raise context.refused(
            word, f"expected one of {listed(_ACTORS)}, with a name behind it if you like", nearest(kind, _ACTORS)
        )
    return _ACTORS[folded(kind)], name


def _message(node: object, info: ValidationInfo) -> bool:
    word = reading(info).text(node, "public or internal")
    if folded(word) not in {"public", "internal"}:
        raise reading(info).refused(
            word, "expected public (the requester can read it) or internal; its text is never looked at", "public"
        )
    return folded(word) == "public"


def _case(node: object, info: ValidationInfo) -> str | None:
    if isinstance(node, Text) and folded(node) in _NOTHING:
        return None
    return word_of(node, reading(info), TURNS)


def _amount(node: object, info: ValidationInfo) -> int:
    word = reading(info).text(node, "a whole number")
    if word.isascii() and word.isdecimal() and len(word) <= 6:
        return int(word)
    raise reading(info).refused(word, "expected a whole number from 0 to 999999")


Time = Annotated[Moment, PlainValidator(_moment, json_schema_input_type=str)]
TimeOrNothing = Annotated[Moment | None, PlainValidator(_moment_or_nothing, json_schema_input_type=str)]
RuleName = Annotated[str, PlainValidator(_rule, json_schema_input_type=str)]
Writer = Annotated[str, PlainValidator(_writer, json_schema_input_type=str)]
Actor = Annotated[tuple[Kind, str], PlainValidator(_actor, json_schema_input_type=str)]
MessageWord = Annotated[bool, PlainValidator(_message, json_schema_input_type=Literal["public", "internal"])]
CaseTurn = Annotated[str | None, PlainValidator(_case, json_schema_input_type=Literal["ours", "theirs", "nothing"])]
Amount = Annotated[int, PlainValidator(_amount, json_schema_input_type=int)]


def _team(node: object, info: ValidationInfo) -> str:
    outside = _outside(node)
    return outside or _TEAM.validate_python(node, context=info.context)


def _priority(node: object, info: ValidationInfo) -> str:
    outside = _outside(node)
    if outside or (isinstance(node, Text) and folded(node) in _NOTHING):
        return outside or str(node)
    return _PRIORITY.validate_python(node, context=info.context)


def _outside(node: object) -> str:
    return str(node) if isinstance(node, Text) and node.casefold().startswith(OUTSIDE) else ""


_TEAM: Final[TypeAdapter[str]] = TypeAdapter(TeamOrNobody)
_PRIORITY: Final[TypeAdapter[str]] = TypeAdapter(PriorityWord)
AnyTeam = Annotated[str, PlainValidator(_team, json_schema_input_type=str)]
AnyPriority = Annotated[str, PlainValidator(_priority, json_schema_input_type=str)]


class TargetTimes(Part):
    """A target of the platform: when it is due while it runs; `nothing` once it does not."""

    short: ClassVar[str] = "due"
    named: ClassVar[str] = "target"
    due: TimeOrNothing = Field(description="When it is due; nothing where it does not run")
    start: Time | None = Field(None, description="When its cycle began")


class FieldValues(Part):
    """Values of a ticket's fields, in the organisation's words."""

    named: ClassVar[str] = "block of values"
    synonyms: ClassVar = {"label": "labels"}
    status: StatusWord | None = Field(None, description="new (where a ticket says nothing), open, pending, on_hold, resolved")
    native_status: Words | None = Field(None, description="The status as the source calls it")
    priority: AnyPriority | None = Field(None, description="A priority of the organisation")
    team: AnyTeam | None = Field(None, description="A team of the organisation, or nobody")
    assignee: PersonOrNobody | None = Field(None, description="A person, or nobody")
    requester: PersonOrNobody | None = Field(None, description="A person")
    labels: OneOrMany[Words] | None = Field(None, description="All of its labels")
    type: Words | None = Field(None, description="The source's ticket type")
    project: Words | None = Field(None, description="The source's project, table or brand")
    service: Words | None = Field(None, description="Component, service or product")
    subject: Words | None = Field(None, description="The title of the ticket")
    description: Words | None = Field(None, description="The first text of the ticket")
    last_comment: Words | None = Field(None, description="The text of the last message")
    due: TimeOrNothing = Field(None, description="The due date")
    organisation: Words | None = Field(None, description="The requester's organisation")
    request_type: Words | None = Field(None, description="The source's request type")
    approval: Words | None = Field(None, description="waiting, approved, declined, or nothing")
    approver: OneOrMany[PersonOrNobody] | None = Field(None, description="Those whose approval is waited for")
    provider_case: dict[str, CaseTurn] | None = Field(
        None, description="Cases at providers: ours, theirs (whose turn it is), or nothing where none is open"
    )
    queue: Amount | None = Field(None, description="How many open tickets its team has")
    related: dict[str, Amount] | None = Field(None, description="How many related tickets, by what they share")
    native: dict[str, OneOrMany[Words]] | None = Field(None, description="The source's own fields, by their own names")
    target: dict[str, TargetTimes] | None = Field(None, description="Targets of the platform, by name")

    def values(self) -> dict[str, Value]:
        """The values that are said, by the field's name in `rules.ticket`."""
        said: dict[str, Value] = {}
        for name in FieldValues.model_fields:
            written_value = getattr(self, name)
            if name not in self.model_fields_set or name in {"related", "native", "target", "provider_case"}:
                continue
            said[name] = _value(written_value, several=name in {"labels", "approver"})
        said |= {f"{CASE}{name}": turn for name, turn in (self.provider_case or {}).items()}
        said |= {f"{RELATED}{name}": number for name, number in (self.related or {}).items()}
        said |= {f"{NATIVE}{name}": _value(value, several=len(value) > 1) for name, value in (self.native or {}).items()}
        for name, times in (self.target or {}).items():
            said[f"{TARGET}{name}"] = None if times.due is None else times.due.at
            said[f"{TARGET}{name}.start"] = None if times.start is None else times.start.at
        return said


def _value(value: Any, *, several: bool) -> Value:
    if isinstance(value, tuple):
        kept = tuple(sorted(text for text in value if folded(text) not in _NOTHING))
        return kept if several else (kept or (None,))[0]
    if isinstance(value, Moment):
        return value.at
    if isinstance(value, str) and folded(value) in _NOTHING:
        return None
    return value  # type: ignore[no-any-return] # a number, a text, or None


class WrittenTicket(FieldValues):
    """The ticket as it was created."""

    named: ClassVar[str] = "ticket of a story"
    created: Time = Field(description="When it was created", examples=["2026-11-06 16:50"])
    key: Words = Field("STORY-1", description="What people call it")


class WrittenChange(FieldValues):
    """What somebody did to the ticket in one go."""

    named: ClassVar[str] = "change of a story"
    at: Time = Field(description="When", examples=["2026-11-06 17:05"])
    by: Actor = Field((Kind.STAFF, ""), description="staff (the default), requester, automation or hoist; a name may follow")
    message: MessageWord | None = Field(None, description="A message was written: public or internal")
    thanks: Truth = Field(default=False, description="true: the requester's message says thanks and nothing else")
    add_label: OneOrMany[Words] | None = Field(None, description="Labels that are added")
    remove_label: OneOrMany[Words] | None = Field(None, description="Labels that are taken away")

    def check(self, node: Node, context: Reading) -> None:
        if self.model_fields_set <= {"at", "by"}:
            raise context.refused(node, "nothing happens in this change; say a field, `message:` or `add_label:`")
        if self.thanks and (self.message is None or self.by[0] is not Kind.REQUESTER):
            raise context.refused(marked(written(marked(node), "thanks")), "only a requester's message is mere thanks")


class WrittenFiring(Part):
    """A rule fires at an instant. Where no rule is named, any may."""

    short: ClassVar[str] = "at"
    named: ClassVar[str] = "row of `fires`"
    at: Time = Field(description="When", examples=["Mon 2026-11-09 09:05"])
    rule: RuleName | None = Field(None, description="The rule's id")
    step: Number = Field(1, description="Which of its steps, 1 being the first; repetitions count on")
    does: OneOrMany[Deed] | None = Field(None, description="What the step does, as under `do:`; it may do more")


class WrittenSilence(Part):
    """A rule does not fire."""

    short: ClassVar[str] = "rule"
    named: ClassVar[str] = "row of `does_not_fire`"
    rule: RuleName = Field(description="The rule's id")
    from_: Time | None = Field(None, alias="from", description="Not from then on")
    to: Time | None = Field(None, description="Not before then")


class WrittenStory(Part):
    """A story: what happens to a ticket, and what the rules make of it."""

    named: ClassVar[str] = "story"
    story: Words = Field(description="What is told, in a sentence")
    time_zone: TimeZone | None = Field(None, description="Of its times; the organisation's unless said")
    source: Words | None = Field(None, description="The source it happens in; where nothing is said, one that has every team")
    ticket: WrittenTicket = Field(description="The ticket as it was created")
    changes: tuple[WrittenChange, ...] = Field((), description="What happens to it, in order")
    until: Time | None = Field(None, description="What would fire later is not looked at")
    writes: OneOrMany[Writer] | None = Field(
        None,
        description="Whose escalations are written to the ticket: all (unless said), nothing, or rules by id; others fire only",
        examples=["nothing", ["nobody-took-it"]],
    )
    fires: OneOrMany[WrittenFiring] | None = Field(None, description="Which rules fire when, and at no other time")
    does_not_fire: OneOrMany[WrittenSilence] | None = Field(None, description="Rules that do not fire")
    nothing_else: Truth = Field(default=False, description="true: no rule fires but those under `fires`")

    def check(self, node: Node, context: Reading) -> None:
        if not (self.fires or self.does_not_fire or self.nothing_else):
            raise context.refused(node, "this story expects nothing; say what `fires:` or `does_not_fire:`")
        if len(self.writes or ()) > 1 and {EVERYTHING, NOTHING} & set(self.writes or ()):
            raise context.refused(marked(written(node, "writes")), "all and nothing stand alone; else name rules")
        earlier = self.ticket.created.at
        for change, block in zip(self.changes, written(node, "changes") or (), strict=False):
            if change.at.at < earlier:
                raise context.refused(
                    marked(written(marked(block), "at")), "earlier than what stands before it; changes go by time"
                )
            earlier = change.at.at
        fires = written(node, "fires")
        for fired, row in zip(self.fires or (), fires if isinstance(fires, Items) else (fires,), strict=False):
            if fired.at.at + fired.at.precision <= self.ticket.created.at:
                said = marked(row)
                raise context.refused(written(said, "at") or said, "there is no ticket yet: it is created later")
        end = self.until
        if end is not None and any(fired.at.at >= end.at + end.precision for fired in self.fires or ()):
            raise context.refused(marked(written(node, "until")), "the story ends before an escalation that it expects")


class StoryFile(Part):
    """A file of stories."""

    named: ClassVar[str] = "file of stories"
    stories: tuple[WrittenStory, ...] = Field(description="Stories, each with what must come of it")


_STORY: Final = TypeAdapter(WrittenStory)


def written_stories(files: Mapping[str, str], context: StoryReading) -> Iterator[tuple[WrittenStory, Block, tzinfo]]:
    """The stories of all files, in order, with the block each stands in and its zone. Problems go to the report."""
    default = context.zone
    for file in sorted(files):
        for node in _of_file(file, files[file], context):
            context.zone = _zone_of(node) or default
            story = read_part(_STORY, node, context)
            if story is not None and isinstance(node, Block):
                yield story, node, context.zone
    context.zone = default


def _of_file(file: str, text: str, context: StoryReading) -> list[Node]:
    """The stories of a file as nodes; one that holds none is a problem, for it would pass whatever the rules do."""
    before = len(context.report.problems)
    root = read(file, text, context.report)
    if isinstance(root, Block):
        found = context.items(StoryFile.tidy(root, context).get("stories", Text("", root.place)), "stories")
        if not found and len(context.report.problems) == before:
            context.report.problem(root.place, "stories", "there is no story in this file; write one, or take the file away")
        return list(found)
    if root is not None:
        context.report.problem(root.place, shown(root), "a file of stories begins with `stories:`")
    elif len(context.report.problems) == before:
        context.report.problem(Place(file, 1, 1), "", "this file is empty: a file of stories begins with `stories:`")
    return []


def _zone_of(node: Node) -> tzinfo | None:
    """The story's own zone; None where it says none, or none that there is (which its model reports)."""
    zone = written(node, "time_zone")
    try:
        return time_zone(CalendarHours("", always=True, time_zone=zone)) if isinstance(zone, Text) else None
    except ValueError:
        return None
