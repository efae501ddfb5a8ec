"""Conditions as people write them: what a block of `when:` says, all, any and not of such blocks, and clocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Final

from pydantic import BeforeValidator, Field, PlainValidator, ValidationInfo

from rules.language.events import CameBack, Counting, CountingDown, CountingMoves, CountingReturns
from rules.language.field_tests import (
    ApprovalTest,
    Asked,
    NameTest,
    NativeFields,
    PersonTest,
    PriorityTest,
    StatusTest,
    TeamTest,
    TextTest,
    TierTest,
    WordsTest,
    together,
)
from rules.language.marked_yaml import Block, Items, Node
from rules.language.over_time import (
    DueDate,
    Noticed,
    PlatformTarget,
    QueueLength,
    RelatedTickets,
    Replied,
    Silence,
    StandingFields,
    TimeOfDay,
    Waiting,
    Windows,
)
from rules.language.pacing import lasting
from rules.language.part import Part, Reading, Several, marked, reading
from rules.language.problems import folded, nearest
from rules.language.provider_cases import ProviderCase
from rules.language.words import OneOrMany, RuleCalendar, Span, Summed
from rules.protocol.conditions import AnyOf, Clock, Condition, Not

_LATER: Final = {
    "approver": "whether an approval is waited for is `approval: waiting`; `tell: approver` is for those who give it",
    "list": "say what stands in it: `requester: {in: vip-requesters}`",
}


def _each(node: object) -> Items:
    """Under `any`, a block lists alternatives as well as a list does: each of its keys is one."""
    node = marked(node)
    if isinstance(node, Items):
        return node
    each = Items(node.place)
    if not isinstance(node, Block):
        each.append(node)
        return each
    for key, value in node.items():
        alternative = Block(key.place)
        alternative[key] = value
        each.append(alternative)
    return each


def _whose(node: object, info: ValidationInfo) -> bool:
    word = reading(info).text(node, "ticket or team")
    if folded(word) not in {"ticket", "team"}:
        raise reading(info).refused(word, "expected ticket or team", nearest(word, ("ticket", "team")))
    return folded(word) == "team"


OfTeam = Annotated[bool, PlainValidator(_whose, json_schema_input_type=str)]


class ClockTime(Asked):
    """The time in which `while` held, added up over interruptions, has reached this much."""

    named: ClassVar[str] = "clock"
    synonyms: ClassVar = {"for": "time"}
    calendar: RuleCalendar | None = Field(None, description="For business time, in place of the rule's own calendar")
    time: Summed = Field(description="How much", examples=["4 business hours"])
    of: OfTeam = Field(
        default=False,
        description="team: it begins anew with each hand-over to another team; ticket: it does not",
        examples=["team"],
    )
    while_: When = Field(alias="while", description="The clock runs while these hold")
    pause_while: OneOrMany[When] | None = Field(None, description="The clock stands while one of these holds")
    reset_when: OneOrMany[When] | None = Field(None, description="The clock goes back to nought when one of these begins to hold")
    stop_when: OneOrMany[When] | None = Field(
        None, description="The clock stands for good, unless it is reset, once one of these has begun to hold"
    )

    def condition(self, _key: str) -> Condition:
        """The clock has reached its time."""
        pause, reset, stop = either(self.pause_while), either(self.reset_when), either(self.stop_when)
        return Clock(self.while_.condition(), self.time, pause, reset, stop, self.of)


class When(Part):
    """Conditions that hold together: all of them, unless they stand under `any` or `not`."""

    named: ClassVar[str] = "condition"
    synonyms: ClassVar = {"label": "labels"}
    later: ClassVar = _LATER
    slips: ClassVar = {
        **dict.fromkeys(("or", "any_of", "one_of", "either"), "any"),
        **dict.fromkeys(("and", "all_of", "both"), "all"),
        **dict.fromkeys(("none_of", "except", "unless"), "not"),
        **dict.fromkeys(("state",), "status"),
        **dict.fromkeys(("group", "queue", "assigned_to_team"), "team"),
        **dict.fromkeys(("owner", "assigned_to"), "assignee"),
        **dict.fromkeys(("unassigned", "no_assignee", "no_owner", "without_owner", "without_an_owner"), "assignee: nobody"),
        **dict.fromkeys(("reporter", "caller", "customer", "vip", "vip_requester"), "requester"),
        **dict.fromkeys(("title", "summary"), "subject"),
        **dict.fromkeys(("age", "older_than", "duration", "after", "created", "created_before"), "for"),
        **dict.fromkeys(("tag", "tags"), "labels"),
        **dict.fromkeys(("severity", "urgency", "impact"), "priority"),
        **dict.fromkeys(("category", "component", "product"), "service"),
        **dict.fromkeys(("company", "client"), "organisation"),
        **dict.fromkeys(("no_reply", "no_answer", "unreplied", "no_reply_for", "no_answer_for", "no_response"), "unanswered"),
        **dict.fromkeys(("first_response",), "first_reply"),
        **dict.fromkeys(("no_update", "no_update_for", "stale", "idle", "inactive", "inactive_for", "untouched"), "silent"),
        **dict.fromkeys(("sla", "slo"), "target"),
        **dict.fromkeys(("weekend", "weekday", "day", "hour", "hours"), "time"),
        **dict.fromkeys(("maintenance", "change_freeze"), "window"),
        **dict.fromkeys(("ping_pong", "bounced"), "returned_to_former_team"),
        **dict.fromkeys(("within", "at_least"), "reassigned: {at_least: 3, within: 7 days}"),
    }

    status: StatusTest | None = Field(None, description="new, open, pending, on_hold, resolved or closed")
    native_status: NameTest | None = Field(None, description="The status as the source calls it")
    priority: PriorityTest | None = Field(None, description="A priority of the organisation", examples=["P1", {"at_least": "P2"}])
    team: TeamTest | None = Field(None, description="The team that has the ticket, or nobody")
    tier: TierTest | None = Field(None, description="Where the ticket stands in a chain")
    assignee: PersonTest | None = Field(None, description="The person who has the ticket, or nobody")
    requester: PersonTest | None = Field(None, description="The person who asked")
    organisation: NameTest | None = Field(None, description="The requester's organisation, company or customer")
    labels: NameTest | None = Field(None, description="One of these labels is on the ticket")
    type: NameTest | None = Field(None, description="The source's ticket type")
    request_type: NameTest | None = Field(None, description="What the requester asked for, as the source's portal calls it")
    project: NameTest | None = Field(None, description="The source's project, table or brand")
    approval: ApprovalTest | None = Field(None, description="waiting, approved or declined; nothing where none is asked for")
    service: TextTest | None = Field(None, description="Component, service or product")
    subject: TextTest | None = Field(None, description="The title of the ticket")
    description: TextTest | None = Field(None, description="The first text of the ticket")
    last_comment: TextTest | None = Field(None, description="The last message that a person wrote")
    text: WordsTest | None = Field(None, description="Words in the subject or in the description")
    native: NativeFields | None = Field(
        None, description="The source's own fields, by its own names", examples=[{"customfield_10050": "Gold"}]
    )
    reassigned: CountingMoves | None = Field(None, description="The team changed")
    returned_to_former_team: CountingMoves | None = Field(None, description="The ticket went back to a team that had it before")
    handed_back: CountingMoves | None = Field(None, description="The ticket went back to the team that had just handed it over")
    back_to_first_line: CountingDown | None = Field(None, description="The ticket went from a higher tier to the first line")
    owner_changed: Counting | None = Field(None, description="The assignee changed to another person")
    reopened: CountingReturns | None = Field(None, description="From resolved or closed to anything else")
    came_back: CameBack | None = Field(None, description="It was reopened, or a further ticket was made of it")
    priority_raised: Counting | None = Field(None, description="The priority became more urgent")
    priority_lowered: Counting | None = Field(None, description="The priority became less urgent")
    requester_wrote: CountingReturns | None = Field(None, description="The requester wrote a message")
    requester_chased: CountingReturns | None = Field(None, description="The requester wrote again before the staff had answered")
    silent: Silence | None = Field(None, description="Nobody touched the ticket for so long")
    unanswered: Waiting | None = Field(None, description="The other side has waited for an answer for so long")
    first_reply: Replied | None = Field(None, description="none or given: whether the staff has written to the requester")
    acknowledged: Noticed | None = Field(None, description="Somebody of the team that has the ticket has touched it")
    unchanged: StandingFields | None = Field(
        None, description="Fields that have had their present value for so long", examples=[{"status": "4 hours"}]
    )
    due: DueDate | None = Field(
        None, description="The due date has passed, or is near", examples=["passed", {"within": "1 hour"}]
    )
    target: PlatformTarget | None = Field(None, description="A target of the platform is near, used up so far, or missed")
    clock: ClockTime | None = Field(None, description="Time added up over interruptions")
    related: RelatedTickets | None = Field(None, description="So many other open tickets of the same service or organisation")
    provider_case: ProviderCase | None = Field(
        None, description="A case is open at a service provider", examples=["aws", {"provider": "aws", "turn": "theirs"}]
    )
    queue_of_team: QueueLength | None = Field(None, description="How many open tickets the team has that has this one")
    time: TimeOfDay | None = Field(None, description="The hour and the day at which the rule may act")
    window: Windows | None = Field(None, description="A named window is on")
    all_: OneOrMany[When] | None = Field(None, alias="all", description="All of these hold")
    any_: Annotated[tuple[When, ...], Several(), BeforeValidator(_each)] | None = Field(
        None, alias="any", description="At least one of these holds"
    )
    not_: When | None = Field(None, alias="not", description="These do not hold together")
    for_: Span | None = Field(None, alias="for", description="All that stands beside it has held without a break for so long")

    def condition(self) -> Condition:
        """All of the block's conditions; with `for`, held so long."""
        parts: list[Condition] = []
        for name, known in type(self).model_fields.items():
            written = getattr(self, name)
            if isinstance(written, Asked):
                parts.append(written.condition(known.alias or name))
        parts += [part.condition() for part in self.all_ or ()]
        if (some := either(self.any_)) is not None:
            parts.append(some)
        if self.not_ is not None:
            parts.append(Not(self.not_.condition()))
        return together(parts) if self.for_ is None else lasting(together(parts), self.for_)

    @classmethod
    def check_keys(cls, _found: Mapping[str, Node], node: Node, context: Reading) -> None:
        if isinstance(node, Block) and all(folded(key) == "for" for key in node):
            raise context.refused(node, "expected a condition, such as `status: open`")


def either(parts: Sequence[When] | None) -> Condition | None:
    """At least one of these holds; None where there are none."""
    if not parts:
        return None
    return parts[0].condition() if len(parts) == 1 else AnyOf(tuple(part.condition() for part in parts))
