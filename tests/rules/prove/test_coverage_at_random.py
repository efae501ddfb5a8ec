"""Coverage of small protocols at random, each answer held against tickets that are run one by one."""

from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.instants import DAY, HOUR, MINUTE, Instant
from rules.protocol.durations import Duration
from rules.protocol.rulebook import Rulebook
from rules.prove import Guard, Kind
from rules.prove.coverage import usual_guards
from rules.rota import Rota, Shift
from rules.world import World
from tests.rules.protocol_texts import ORGANISATION, loaded
from tests.rules.prove.enumeration import YEAR, asked, longest_waits
from tests.rules.worlds import world_of

MAY = YEAR.start + 120 * DAY
"""Friday the first: two holidays lie within the next fortnight."""

WHEN = ("", "", ", priority: P1", ", priority: {at_most: P2}", ", assignee: nobody", ", label: x")
WAITS = ("", "", ", silent: 2 hours", ", silent: 4 business hours", ", unanswered: 90 minutes", ", team: network-ops")
TIME = (
    "",
    "",
    "",
    ", time: {inside: office}",
    ", time: {outside: office}",
    ", time: {days: mon-sat, from: '07:00', to: '19:00'}",
)
UNLESS = ("", "", "    unless: [{label: x}]\n", "    unless: [{assignee: nobody}]\n")
LASTING = (
    "",
    "    for: 30 minutes\n",
    "    for: 3 business hours\n",
    "    clock: 1 business hours\n",
    "    for: 1 business day\n",
)
BESIDE = (
    "",
    "",
    "",
    "    hold_while: [{time: {outside: office}}]\n",
    "    hold_while: [{label: x}]\n",
    "    expires: 2026-05-08\n",
    "    live_from: 2026-05-05\n",
)
DEEDS = (
    "tell: duty-manager",
    "escalate: network",
    "escalate: {chain: network, enter_at: network-ops}",
    "raise_priority: {by: 1, not_above: P1}",
    "label: x",
    "comment: y",
    "tell: on_call of network-ops",
    "tell: assignee",
)
AFTER = ("0 minutes", "20 minutes", "1 hour", "2 business hours", "5 hours")
STEP_UNLESS = ("", "", "", ", unless: acknowledged", ", unless: {assignee: nobody}", ", unless: {time: {outside: office}}")
CALENDARS = ("", "", "", "    calendar: calendar of team\n")


def a_rule(rng: Random, number: int) -> str:
    """A rule of any kind; most leave some tickets out, or some hours."""
    when, waits, time, unless, lasting, beside, calendar = map(
        rng.choice, (WHEN, WAITS, TIME, UNLESS, LASTING, BESIDE, CALENDARS)
    )
    known = (
        f"  - rule: r{number}\n    mode: live\n    when: {{status: [new, open]{when}{waits}{time}}}\n{unless}{beside}{calendar}"
    )
    if rng.random() < 0.6:
        return f"{known}{lasting}    do: [{{{rng.choice(DEEDS)}}}]\n"
    return f"{known}{a_ladder(rng)}"


def a_ladder(rng: Random) -> str:
    """Two or three steps."""
    after = sorted(rng.sample(range(len(AFTER)), rng.choice((2, 3))))
    steps = (f"{{after: {AFTER[n]}{rng.choice(STEP_UNLESS)}, do: [{{{rng.choice(DEEDS)}}}]}}" for n in after)
    return "    steps:\n" + "".join(f"      - {step}\n" for step in steps)


def a_net(rng: Random, number: int) -> str:
    """One rule, or two that share the hours, which leave no ticket out: proofs rest on them."""
    lasting = rng.choice(LASTING)
    if rng.random() < 0.3:
        return "".join(
            f"  - rule: r{number}-{side}\n    mode: live\n    when: {{status: [new, open], time: {{{side}: office}}}}\n"
            f"{rng.choice(LASTING)}    do: [{{tell: duty-manager}}]\n"
            for side in ("inside", "outside")
        )
    return (
        f"  - rule: r{number}\n    mode: live\n    when: {{status: [new, open]}}\n{lasting}{rng.choice(CALENDARS)}"
        f"    do: [{{label: x}}, {{tell: duty-manager}}]\n"
    )


def a_keeper(rng: Random) -> str:
    """A confidential rule, which keeps others from moving its tickets and may do nothing about them itself."""
    when, waits = rng.choice((", label: x", ", assignee: nobody", ", priority: P1")), rng.choice(WAITS)
    bounds = rng.choice(("", "    only_to: [network-eng]\n", "    only_to: [network-ops, network-eng]\n"))
    done = rng.choice(("comment: y", "comment: y", "escalate: network", "tell: duty-manager"))
    named = f"  - rule: quiet\n    mode: live\n    confidential: true\n    when: {{status: [new, open]{when}{waits}}}\n"
    return f"{named}{bounds}{rng.choice(LASTING)}    do: [{{{done}}}]\n"


def a_rulebook(rng: Random) -> Rulebook:
    """One to three rules, in half of the protocols with a net below them, in a third with a confidential one."""
    parts = [a_rule(rng, n) for n in range(rng.choice((1, 1, 2, 3)))]
    if rng.random() < 0.5:
        parts.insert(rng.randrange(len(parts) + 1), a_net(rng, len(parts)))
    if rng.random() < 0.35:
        parts.append(a_keeper(rng))
    organisation = ORGANISATION.replace("Network Night]}", "Network Night], on_call: rotas/ops.ics, calendar: office}").replace(
        "Network Engineering}", "Network Engineering, on_call: rotas/eng.ics}"
    )
    return loaded("rules:\n" + "".join(parts), organisation).rulebook


def a_world(rulebook: Rulebook, rng: Random) -> World:
    """Rotas with a gap of a night or of some days each, about half of them none."""
    rotas = {}
    for name in ("ops", "eng"):
        start = MAY + rng.randrange(14 * 24) * HOUR
        end = start + rng.choice((0, 0, 9, 60)) * HOUR
        shifts = [Shift(0, start, ("bob@example.com",)), Shift(end, YEAR.end + DAY, ("bob@example.com",))]
        rotas[f"rotas/{name}.ics"] = Rota(name, tuple(shifts), 0, YEAR.end + DAY)
    return replace(world_of(rulebook), rotas=rotas)


def arrivals(rng: Random) -> list[Instant]:
    """Of the fortnight with the holidays, the dates and the gaps: some at any minute, some about closing and midnight."""
    about = [rng.randrange(14) * DAY + rng.choice((7, 15, 22)) * HOUR + rng.randrange(-31, 32) * MINUTE for _ in range(6)]
    return [MAY + at for at in (*about, *(rng.randrange(14 * 24 * 60) * MINUTE for _ in range(5)))]


def outcome(seed: int) -> Kind:
    """How the question of urgent tickets ends for one protocol; checked against tickets that are run."""
    rng = Random(seed)
    rulebook = a_rulebook(rng)
    world = a_world(rulebook, rng)
    guard = usual_guards(rulebook)[0]
    found = asked(rulebook, world, [guard])
    tried = longest_waits(rulebook, world, arrivals(rng))
    if found[0].kind is not Kind.PROVED:
        return found[0].kind
    assert None not in tried, found[0].sentence
    worst = max(wait for wait in tried if wait is not None)
    if worst:
        sooner = Guard("it", guard.condition, Duration(worst - 1, text="so long"))
        assert Kind.PROVED not in {proof.kind for proof in asked(rulebook, world, [sooner])}, found[0].sentence
    return Kind.PROVED


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**9))
def test_no_ticket_waits_longer_than_was_proved(seed: int) -> None:
    """What is proved holds for every ticket and arrival that was tried."""
    outcome(seed)


def test_enough_of_the_protocols_at_random_end_in_a_proof() -> None:
    """At least a third: otherwise what is tried above would hold because nothing is ever proved."""
    kinds = [outcome(seed) for seed in range(12)]
    assert kinds.count(Kind.PROVED) >= 4
    assert Kind.FOUND in kinds
