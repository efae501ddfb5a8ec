"""Coverage by rules whose time is not plain: hours, ladders, lifetimes, calendars of the team, rotas. Each answer is known."""

from dataclasses import replace

import pytest

from rules.instants import DAY, HOUR, MINUTE, SECOND, Instant
from rules.protocol.durations import Duration
from rules.protocol.rulebook import Rulebook
from rules.prove import Guard, Kind, Proof, read_guard
from rules.prove.wording import lasting
from rules.rota import Rota, Shift
from rules.world import World
from tests.rules.protocol_texts import ORGANISATION, loaded
from tests.rules.prove.enumeration import URGENT, YEAR, asked, longest_waits
from tests.rules.worlds import world_of

P1 = "priority: P1, status: [new, open]"
EASTER = YEAR.start + 90 * DAY
"""The Wednesday before the longest time in which the office is closed: from Thursday 2026-04-02 17:30 to Tuesday 09:00."""
ARRIVALS = [EASTER + n * (3 * HOUR + 7 * MINUTE) for n in range(45)]
OVER_EASTER = "4 days 15 hours 30 minutes"


def rule(rest: str, when: str = "", name: str = "it") -> str:
    """One rule for urgent tickets."""
    return f"  - rule: {name}\n    mode: live\n    when: {{status: [new, open], priority: P1{when}}}\n{rest}"


def steps(*written: str) -> str:
    """A ladder."""
    return "    steps:\n" + "".join(f"      - {{{step}}}\n" for step in written)


TELL = "do: [{tell: duty-manager}]"
NOTE = "do: [{comment: x}]"


def told(rest: str = "") -> str:
    """What comes before, and then somebody is told."""
    return f"{rest}    {TELL}\n"


PROVED = {
    "a note first, then somebody is told": (
        rule(steps(f"after: 10 minutes, {NOTE}", f"after: 1 hour, {TELL}")),
        "1 hour",
    ),
    "a step unless somebody acknowledged": (
        rule(steps(f"after: 10 minutes, {NOTE}", f"after: 1 hour, unless: acknowledged, {TELL}")),
        "1 hour",
    ),
    "a step that is taken for some tickets alone": (
        rule(steps(f"after: 10 minutes, unless: {{assignee: nobody}}, {TELL}", f"after: 1 hour, {TELL}")),
        "1 hour",
    ),
    "a share of a clock": (
        rule("    clock: 4 hours\n" + steps(f"at: 75 percent, {TELL}", f"at: 100 percent, {NOTE}")),
        "3 hours",
    ),
    "the end of a clock of business hours": (
        rule("    clock: 4 business hours\n" + steps(f"at: 50 percent, {NOTE}", f"at: 100 percent, {TELL}")),
        "4 days 19 hours 30 minutes",
    ),
    "after the end of a clock": (
        rule("    clock: 1 hour\n" + steps(f"at: 100 percent, {NOTE}", f"after: 90 minutes, {TELL}")),
        "2 hours 30 minutes",
    ),
    "steps on different calendars": (
        rule(steps(f"after: 1 hour, {NOTE}", f"after: 4 business hours, {NOTE}", f"after: 10 hours, {TELL}")),
        "4 days 19 hours 30 minutes",
    ),
    "at the next opening": (
        rule("    at_next_opening: [{tell: duty-manager}]\n"),
        OVER_EASTER,
    ),
    "an opening after some time": (
        rule("    for: 30 minutes\n    at_next_opening: [{tell: duty-manager}]\n"),
        "4 days 16 hours",
    ),
    "held back out of hours": (
        rule(told("    hold_while: [{time: {outside: office}}]\n    for: 30 minutes\n")),
        "4 days 16 hours",
    ),
    "hours of the week, on the weekend on which clocks go back": (
        rule(told("    for: 30 minutes\n"), ", time: {days: mon-fri, from: '08:00', to: '18:00'}"),
        "2 days 15 hours 30 minutes",
    ),
    "one for the hours and one for the rest": (
        rule(told("    for: 30 minutes\n"), ", time: {inside: office}")
        + rule(told("    for: 1 hour\n"), ", time: {outside: office}", "other"),
        "1 hour",
    ),
    "held back in a window": (
        rule(told("    hold_while: [{window: freeze}]\n    for: 30 minutes\n")),
        "30 minutes",
    ),
    "one goes on where another ends": (
        rule(told("    for: 30 minutes\n    expires: 2026-06-02\n")) + rule(told("    live_from: 2026-06-01\n"), "", "other"),
        "30 minutes",
    ),
    "the hours of the ticket's team": (
        rule(told("    calendar: calendar of team\n    for: 4 business hours\n")),
        "4 days 19 hours 30 minutes",
    ),
    "a step on the hours of the ticket's team": (
        rule("    calendar: calendar of team\n" + steps(f"after: 4 business hours, {TELL}")),
        "4 days 19 hours 30 minutes",
    ),
    "the opening of the ticket's team": (
        rule("    calendar: calendar of team\n    at_next_opening: [{tell: duty-manager}]\n"),
        OVER_EASTER,
    ),
}
TEAMS = ORGANISATION.replace("Network Engineering}", "Network Engineering, calendar: always}")
WITH_WINDOW = TEAMS + "windows:\n  freeze: [{from: 2026-07-20, to: 2026-07-24}]\n"


def protocol(rules: str, organisation: str = WITH_WINDOW) -> Rulebook:
    return loaded(f"rules:\n{rules}", organisation).rulebook


def answers(rulebook: Rulebook, within: str | None = None, text: str = P1, world: World | None = None) -> list[Proof]:
    """The answers about some tickets, urgent ones unless said otherwise."""
    return asked(rulebook, world or world_of(rulebook), [read_guard(text, within, rulebook)])


def milliseconds(text: str) -> int:
    """`2 hours 30 minutes`."""
    sizes = {"day": DAY, "hour": HOUR, "minute": MINUTE}
    words = text.split()
    return sum(int(number) * sizes[size.rstrip("s")] for number, size in zip(words[::2], words[1::2], strict=True))


@pytest.mark.parametrize("name", PROVED)
def test_the_bound_is_the_one_that_can_be_worked_out_by_hand(name: str) -> None:
    """It is named, no ticket that is tried waits longer, and one that the engine shows waits that long."""
    rules, bound = PROVED[name]
    rulebook = protocol(rules)
    (proof,) = answers(rulebook)
    assert proof.kind is Kind.PROVED, proof.sentence
    assert f"is escalated within {bound} if nobody acts" in proof.sentence
    assert ("outside of freeze" in proof.sentence) is ("freeze" in rules)
    tried = longest_waits(rulebook, world_of(rulebook), ARRIVALS, {**URGENT, "labels": ((),)})
    assert None not in tried
    assert max(wait for wait in tried if wait is not None) <= milliseconds(bound)
    guard = read_guard(P1, None, rulebook)
    sooner = asked(rulebook, world_of(rulebook), [replace(guard, within=Duration(milliseconds(bound) - MINUTE, text="less"))])
    assert Kind.FOUND in {proof.kind for proof in sooner}


def test_a_team_with_hours_of_its_own_is_asked_for_by_itself() -> None:
    """The night shift's tickets wait four hours, the desk's over Easter."""
    rulebook = protocol(rule(told("    calendar: calendar of team\n    for: 4 business hours\n")))
    (proof,) = answers(rulebook, None, "priority: P1, status: new, team: network-eng")
    assert "within 4 hours if nobody acts" in proof.sentence
    assert proof.kind is Kind.PROVED


@pytest.mark.parametrize(
    ("time", "within", "kind"),
    [
        ("4 business hours", "4 business hours", Kind.PROVED),
        ("4 business hours", "3 business hours", Kind.FOUND),
        ("15 minutes", "1 business hour", Kind.PROVED),
        ("2 hours", "1 business hour", Kind.FOUND),
        ("1 business day", "2 business days", Kind.PROVED),
        ("2 business days", "1 business day", Kind.FOUND),
    ],
)
def test_a_time_in_business_hours_is_counted_as_the_rules_count_it(time: str, within: str, kind: Kind) -> None:
    """What is due on the same calendar is in time; a plain time is compared with the shortest and the longest of them."""
    rulebook = protocol(rule(told(f"    for: {time}\n")))
    assert [proof.kind for proof in answers(rulebook, within)] == [kind]


def test_a_day_between_two_rules_is_a_hole() -> None:
    """What expires before it is due is not written, and what begins to be live acts on what begins then."""
    rulebook = protocol(
        rule(told("    for: 30 minutes\n    expires: 2026-06-01\n")) + rule(told("    live_from: 2026-06-01\n"), "", "other")
    )
    (proof,) = answers(rulebook)
    assert proof.kind is Kind.FOUND
    assert proof.story is not None
    arrival = proof.story.ticket.created
    midnight = EASTER + 61 * DAY - 2 * HOUR  # in Amsterdam
    assert midnight - 30 * MINUTE <= arrival < midnight
    assert longest_waits(rulebook, world_of(rulebook), [arrival]).count(None) == 20


def test_a_step_that_is_freed_late_leaves_no_proof_for_those_above_it() -> None:
    """They keep their distance from it: an hour is not what the ticket at a quarter to nine waits."""
    rules = rule(
        steps(
            f"after: 10 minutes, unless: {{time: {{outside: office}}}}, {NOTE}",
            f"after: 20 minutes, {NOTE}",
            f"after: 1 hour, {TELL}",
        )
    )
    rulebook = protocol(rules)
    tried = longest_waits(rulebook, world_of(rulebook), [EASTER + 6 * HOUR + 30 * MINUTE], {**URGENT, "team": (None,)})
    assert max(wait or 0 for wait in tried) > HOUR
    assert [proof.kind for proof in answers(rulebook)] == [Kind.UNDECIDED]


def test_a_value_that_another_rule_sets_is_not_taken_for_unchanged() -> None:
    """Two hours with the same value are not two hours from the arrival where a rule sets it in between."""
    rules = rule(told(), ", unchanged: {native.x: 2 hours}") + rule(
        "    for: 1 hour\n    do: [{set: {native.x: hot}}]\n", name="sets"
    )
    rulebook = protocol(rules)
    waits = longest_waits(rulebook, world_of(rulebook), [EASTER], {**URGENT, "native.x": ("cold",)})
    assert set(waits) == {3 * HOUR + SECOND}  # a write takes a second
    assert Kind.PROVED not in {proof.kind for proof in answers(rulebook)}
    alone = protocol(rule(told(), ", unchanged: {native.x: 2 hours}"))
    assert [proof.kind for proof in answers(alone, "2 hours")] == [Kind.PROVED]


# --- rotas -------------------------------------------------------------------------------------------------------------

ON_CALL = (
    ORGANISATION.replace("Network Night]}", "Network Night], on_call: rotas/ops.ics}")
    .replace("Network Engineering}", "Network Engineering, on_call: rotas/eng.ics}")
    .replace(", lead: anna@example.com", "")
)
UP = "    do: [{escalate: {chain: network, enter_at: network-ops}}]\n"
DESK = "priority: P1, status: [new, open], team: service-desk"
NIGHT = (EASTER + 20 * HOUR, EASTER + 29 * HOUR)


def on_duty(rulebook: Rulebook, **gaps: tuple[Instant, Instant]) -> World:
    """Rotas with somebody on duty all year but for one gap each."""
    rotas = {}
    for name in ("ops", "eng"):
        start, end = gaps.get(name, (YEAR.end, YEAR.end))
        shifts = [Shift(0, start, ("bob@example.com",)), Shift(end, YEAR.end + DAY, ("bob@example.com",))]
        rotas[f"rotas/{name}.ics"] = Rota(name, tuple(shifts), 0, YEAR.end + DAY)
    return replace(world_of(rulebook), rotas=rotas)


def test_a_move_to_teams_that_may_be_off_duty_is_no_coverage() -> None:
    """A ticket in the night in which nobody is there is shown; the whole chain must be off duty."""
    rulebook = protocol(rule(UP), ON_CALL)
    night, other = on_duty(rulebook, ops=NIGHT, eng=NIGHT), on_duty(rulebook, ops=NIGHT)
    (proof,) = answers(rulebook, "8 hours", DESK, night)
    assert proof.kind is Kind.FOUND
    assert proof.story is not None
    assert NIGHT[0] <= proof.story.ticket.created < NIGHT[1]
    (one,) = answers(rulebook, None, DESK, other)
    assert (one.kind, "within no time" in one.sentence) == (Kind.PROVED, True)
    assert None in longest_waits(rulebook, night, [NIGHT[0]], {**URGENT, "team": ("service-desk",)})
    assert None not in longest_waits(rulebook, other, [NIGHT[0]], {**URGENT, "team": ("service-desk",)})


@pytest.mark.parametrize(
    ("done", "organisation"),
    [
        (UP.replace("}}]", "}}, {tell: duty-manager}]"), ON_CALL),
        (UP, ON_CALL.replace("rotas/eng.ics}", "rotas/eng.ics, calendar: always}")),
        (UP, ON_CALL.replace(", on_call: rotas/eng.ics", "")),
        (UP, ON_CALL.replace("Service Desk}", "Service Desk, lead: anna@example.com}")),
    ],
    ids=["somebody is told as well", "hours of its own", "a tier without a rota", "the desk's lead is told at the top"],
)
def test_a_gap_that_something_else_fills_is_none(done: str, organisation: str) -> None:
    """Whoever is told beside it, a team's own hours, a tier that always receives, and the lead who is told at the end."""
    rulebook = protocol(rule(done), organisation)
    world = on_duty(rulebook, ops=NIGHT, eng=NIGHT)
    (proof,) = answers(rulebook, None, DESK, world)
    assert None not in longest_waits(rulebook, world, [NIGHT[0]], {**URGENT, "team": ("service-desk",)})
    assert proof.kind is Kind.PROVED


def test_whoever_is_on_call_is_told_only_where_somebody_is() -> None:
    """A page to a rota with a gap leaves that gap open, and names it by a ticket."""
    rulebook = protocol(rule("    do: [{page: on_call of network-ops}]\n"), ON_CALL)
    world = on_duty(rulebook, ops=NIGHT)
    (proof,) = answers(rulebook, None, P1, world)
    assert proof.kind is Kind.FOUND
    assert proof.story is not None
    assert NIGHT[0] <= proof.story.ticket.created < NIGHT[1]
    assert [proof.kind for proof in answers(rulebook, None, P1, on_duty(rulebook))] == [Kind.PROVED]


def test_nobody_is_told_where_the_ticket_names_nobody() -> None:
    """The owner of a ticket without an owner, the lead of a team without a lead: both are shown."""
    found = answers(protocol(rule("    do: [{tell: assignee}]\n")))
    assert "nobody as assignee" in found[0].sentence
    teams = answers(protocol(rule("    do: [{tell: lead of current team}]\n")))
    assert {proof.kind for proof in teams} == {Kind.FOUND}
    assert "team service-desk" not in " ".join(proof.sentence for proof in teams)


def test_a_guard_is_its_own_words() -> None:
    """Lengths are said so that they can be written in `--within`."""
    assert lasting(milliseconds(OVER_EASTER)) == OVER_EASTER
    assert isinstance(read_guard(P1, "1 hour", protocol(rule(told()))), Guard)
