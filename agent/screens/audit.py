"""What came of an audit, as lines for people and as plain data for machines; the report is made of that data."""

from __future__ import annotations

from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.hindsight.audit import Audited, OfRule
from agent.hindsight.fitness import Misfit, misfits
from agent.screens.lines import counted, heading, say
from rules.audit import FOLLOWED, Entry, Outcome
from rules.clock_referee import Disagreement
from rules.instants import DAY, written
from rules.phrases import length
from rules.spread import Spread

WORST: Final = 10
"""Pairs of teams, exceptions and waits that are shown."""
HEAT: Final = 12
"""Teams of the hand-over heat map: those between which most tickets move."""
MARGIN: Final = 36


def show(console: Console, found: Audited, told: dict[str, Any]) -> None:
    """Five sentences, the steps by rule, the desk, then what does not fit; `told` is what `data` gave."""
    heading(console, "Audit", f"{found.told}; {written(found.asked.since)} to {written(found.asked.until)}")
    for sentence in told["sentences"]:
        console.print(sentence, soft_wrap=True)
    console.print(_steps(told))
    for name, said in _desk(told):
        say(console, name, said, margin=MARGIN)
    for clock in told["clocks"]:
        causes = ", ".join(f"{cause} ({number:,})" for cause, number in clock["causes"].items())
        say(
            console, f"clock of {clock['target']}", f"{clock['differ']:,} of {clock['compared']:,} differ {causes}", margin=MARGIN
        )
    for finding in told["fitness"]:
        console.print(Text(f"does not fit  {finding['what']}", "yellow"), soft_wrap=True)
        for line in (line for line in finding["change"].splitlines() if not line.startswith(" ")):
            console.print(Text(f"    {line}", "dim"), soft_wrap=True)
    for change in told.get("changed", ()):
        console.print(f"since the last report  {change}", soft_wrap=True)
    for note in told["notes"]:
        console.print(Text(f"note  {note}", "yellow"), soft_wrap=True)
    if found.stopped:
        console.print("Stopped before the end: these are the figures of the tickets that were read by then.")


def _steps(told: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    for name in ("rule", "due", "ok", "hoist", "hand", "late", "skipped", "wrong", "undone", "refused", "held"):
        table.add_column(name, justify="left" if name == "rule" else "right", no_wrap=True)
    for rule, of_rule in told["rules"].items():
        by = of_rule["outcomes"]
        hand = by.get(Outcome.BY_HAND_BEFORE, 0) + by.get(Outcome.BY_HAND, 0)
        late = by.get(Outcome.BY_HAND_LATE, 0) + by.get(Outcome.BY_HOIST_LATE, 0)
        others = (Outcome.SKIPPED, Outcome.WRONG_TIER, Outcome.OVERRIDDEN, Outcome.REFUSED, Outcome.HELD_BACK)
        numbers = (of_rule["due"], share(of_rule["followed"], of_rule["due"], 0), by.get(Outcome.BY_HOIST, 0), hand, late)
        table.add_row(rule, *map(_cell, (*numbers, *(by.get(name, 0) for name in others))))
    return table


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _desk(told: dict[str, Any]) -> list[tuple[str, str]]:
    desk = told["desk"]
    worst = desk["ping_pong"]["pairs"][:1]
    pair = f", most often {worst[0]['teams'][0]} and {worst[0]['teams'][1]} ({worst[0]['times']:,} times)" if worst else ""
    found = [
        ("handed back at once (A-B-A)", f"{share(desk['ping_pong']['tickets'], desk['tickets'], 2)} of tickets{pair}"),
        ("came back to a former team", counted(desk["returned"], "ticket")),
        ("changed the team", f"at least once {desk['moved']:,}, twice {desk['moved_twice']:,}"),
        ("reopened after a resolution", share(desk["reopened"], desk["resolved"], 2)),
        ("never formally resolved", share(desk["tickets"] - desk["resolved"], desk["tickets"], 2)),
        ("solved by the first line alone", share(desk["solved_in_front"], desk["solved"])),
    ]
    found += [(f"waited in {wait['status']}", f"{wait['days']:,.0f} days, {wait['tickets']:,} tickets") for wait in desk["waits"]]
    parked = desk["parked_on_the_requester"]
    if parked["stays"]:
        told_of = "not known: nothing is recorded of what requesters did"
        waits = told_of if parked["parked"] is None else f"{parked['parked']:,} of {parked['stays']:,} waits"
        found.append(("parked on the requester", waits))
    for tier in told["acknowledged"]:
        median = tier["median"]
        half = "" if median is None else f", half of them within {length(median)}"
        found.append((f"taken by {tier['tier']} in time", f"{share(tier['met'], tier['met'] + tier['missed'])}{half}"))
    return found


def share(part: int, whole: int, digits: int = 1) -> str:
    """`15.58 %`; nothing of nothing."""
    return f"{100 * part / whole:.{digits}f} %" if whole else "-"


# --- for machines --------------------------------------------------------------------------------------------------------


def data(found: Audited) -> dict[str, Any]:
    """All of it; durations in milliseconds, instants in ISO 8601."""
    told = {
        "past": found.told,
        "since": written(found.asked.since),
        "until": written(found.asked.until),
        "late_after": found.asked.grace,
        "seed": found.seed,
        "stopped": found.stopped,
        "notes": list(found.notes),
        "rules_version": found.rules.version,
        "journal_head": None if found.head is None else {"position": found.head.position, "hash": found.head.hash},
        "population": _population(found),
        "steps": found.steps,
        "followed": found.count(*FOLLOWED),
        "outcomes": {outcome: found.count(outcome) for outcome in Outcome},
        "rules": {rule: _rule(found, rule, of_rule) for rule, of_rule in found.of_rule.items()},
        "sample": [[entry_data(entry) for entry in entries] for entries in found.sample],
        "desk": _desk_data(found),
        "acknowledged": _acknowledged(found),
        "clocks": [_clock(each) for each in found.referee.disagreements()],
        "fitness": [_misfit(each) for each in misfits(found)],
        "forecast": None,
    }
    return {"sentences": sentences(told), **told}


def sentences(told: dict[str, Any]) -> list[str]:
    """What a manager should know, five of them."""
    outcomes, desk, people = told["outcomes"], told["desk"], told["population"]
    late = outcomes[Outcome.BY_HAND_LATE] + outcomes[Outcome.BY_HOIST_LATE]
    tiers = [tier for tier in told["acknowledged"] if tier["met"] + tier["missed"]]
    met, judged = sum(tier["met"] for tier in tiers), sum(tier["met"] + tier["missed"] for tier in tiers)
    in_time = share(told["followed"], told["steps"])
    tried = outcomes[Outcome.BY_HOIST] + outcomes[Outcome.BY_HOIST_LATE]
    back, unfit = share(desk["ping_pong"]["tickets"], desk["tickets"]), counted(len(told["fitness"]), "thing")
    taken = "No tier of a chain has a time in which it should take a ticket, or none was given any."
    if judged:
        taken = f"Teams with a target took {share(met, judged)} of the tickets that they were given in time."
    hoists = (
        f"hoist did {tried:,}, people undid {outcomes[Outcome.OVERRIDDEN]:,}, {outcomes[Outcome.REFUSED]:,} the helpdesk refused"
        f" or left without an answer; {outcomes[Outcome.HELD_BACK]:,} were held back."
    )
    return [
        f"The protocol asked for {told['steps']:,} steps on {people['alive']:,} tickets; {in_time} done in time or held back.",
        f"{late:,} were late, {outcomes[Outcome.SKIPPED]:,} skipped; {outcomes[Outcome.WRONG_TIER]:,} went to another tier.",
        hoists,
        taken,
        f"{back} of the tickets were handed straight back at least once; {unfit} no longer fit how the desk works.",
    ]


def _population(found: Audited) -> dict[str, Any]:
    people, census = found.population, found.population.census
    listed: dict[str, Any] | None = None
    if census is not None:
        at = written(census.finished_at or census.started_at)
        listed = {"listed": census.listed, "at": at, "missed": census.missed, "gone": census.gone}
        listed |= {
            "read_and_there_then": people.before,
            "came_meanwhile": people.during,
            "came_later": people.after,
            "had_left_by_then": people.gone,
            "in_quarantine": people.quarantined,
            "not_accounted_for": None if found.stopped else people.difference,
        }
    return {"read": people.seen, "alive": people.alive, "counted_by_the_source": listed}


def _rule(found: Audited, rule: str, of_rule: OfRule) -> dict[str, Any]:
    known = found.rules.by_id.get(rule)
    return {
        "title": rule if known is None else known.rule.title,
        "clause": "" if known is None else known.rule.protocol,
        "tickets": of_rule.tickets,
        "due": of_rule.outcomes.total(),
        "followed": sum(of_rule.outcomes[outcome] for outcome in FOLLOWED),
        "outcomes": {outcome: number for outcome, number in of_rule.outcomes.items() if number},
        "held_back_by": dict(of_rule.exceptions.most_common(WORST)),
        "versions": dict(of_rule.versions),
        "by_month": dict(sorted(of_rule.months.items())),
        "examples": [entry_data(entry) for entries in of_rule.examples.values() for entry in entries],
    }


def entry_data(entry: Entry) -> dict[str, Any]:
    """One step."""
    done = None if entry.done is None else written(entry.done)
    fields = {
        "ticket": entry.ticket,
        "rule": entry.rule,
        "clause": entry.clause,
        "due": written(entry.due),
        "outcome": entry.outcome,
    }
    return {**fields, "done": done, "why": entry.why, "version": entry.version}


def _desk_data(found: Audited) -> dict[str, Any]:
    ways, names = found.passages, found.rules.directory.teams
    pairs = [
        {"teams": [names.get(team, team) for team in pair], "times": times, "tickets": ways.examples[pair]}
        for pair, times in sorted(ways.pairs.items(), key=lambda each: (-each[1], each[0]))[:WORST]
    ]
    waits = sorted(ways.waits.items(), key=lambda each: (-each[1].total, each[0]))
    return {
        "tickets": ways.tickets,
        "moved": ways.moved,
        "moved_twice": ways.moved_again,
        "returned": ways.returned,
        "ping_pong": {"tickets": ways.ping_pong, "pairs": pairs},
        "resolved": ways.resolved,
        "reopened": ways.reopened,
        "solved": found.solved,
        "solved_in_front": found.solved_in_front,
        "waits": [
            {
                "status": native,
                "as": status,
                "tickets": spread.count,
                "days": round(spread.total / DAY, 2),
                "median": spread.median,
            }
            for (status, native), spread in waits
        ],
        "parked_on_the_requester": _parked(found),
        "hand_overs": _heat(found),
    }


def _parked(found: Audited) -> dict[str, Any]:
    """None and no teams where the history does not tell what requesters did."""
    parking, names = found.parking, found.rules.directory.teams
    teams = [{"team": names.get(team, team), "times": times} for team, times in parking.teams.most_common(WORST)]
    known = {"parked": parking.parked, "median": parking.waited.median, "teams": teams}
    return {"stays": parking.stays, **(known if parking.heard else {"parked": None, "median": None, "teams": []})}


def _heat(found: Audited) -> dict[str, Any]:
    """Hand-overs between the teams that have most of them: from the rows to the columns."""
    names, totals = found.rules.directory.teams, dict[str, int]()
    moves = {pair: seen.number for pair, seen in found.passages.moves.items()}
    for (a, b), number in moves.items():
        totals[a] = totals.get(a, 0) + number
        totals[b] = totals.get(b, 0) + number
    teams = sorted(totals, key=lambda team: (-totals[team], team))[:HEAT]
    return {
        "teams": [names.get(team, team) for team in teams],
        "numbers": [[moves.get((a, b), 0) for b in teams] for a in teams],
        "all": sum(moves.values()),
    }


def _acknowledged(found: Audited) -> list[dict[str, Any]]:
    return [
        {
            "tier": tier,
            "met": one.met,
            "missed": one.missed.number,
            **_spread(one.waited),
            "examples": one.missed.tickets,
        }
        for tier, one in sorted(found.acknowledged.of_tier.items())
    ]


def _spread(spread: Spread) -> dict[str, int | None]:
    return {"number": spread.count, "median": spread.median, "p75": spread.percentile(75), "p90": spread.percentile(90)}


def _clock(each: Disagreement) -> dict[str, Any]:
    causes = dict(sorted(each.causes.items(), key=lambda cause: (-cause[1], cause[0])))
    differ = sum(causes.values())
    return {"target": each.target, "compared": each.compared, "differ": differ, "causes": causes, "examples": list(each.examples)}


def _misfit(each: Misfit) -> dict[str, Any]:
    since = None if each.since is None else written(each.since)
    return {"what": each.what, "evidence": list(each.evidence), "since": since, "change": each.change}
