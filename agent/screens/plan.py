"""A plan for people: one line per rule, six lines of consequences, what to do next; and as plain data for machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from rich.console import Console

from agent.plan.applying import Applied
from agent.plan.clocks import Jump
from agent.plan.commands import MadePlan
from agent.plan.consequences import Touched
from agent.plan.limits import Queue
from agent.plan.planning import Planned
from agent.plan.summary import Loaded, Summary, is_night
from agent.screens.lines import counted, heading, say
from agent.screens.plain import SHOWN
from agent.watched import Watched
from agent.words import named
from rules.instants import DAY, moment, written
from rules.phrases import length, stamp

COLUMN: Final = 34
"""The column in which what is said of a number begins."""
_NAMES: Final = 3
_TIMES: Final = 10
"""From so many times a team's day on its share is no longer told in per cent."""


def show(console: Console, made: MadePlan, *, tickets: bool) -> None:
    """All of it."""
    plan, found = made.plan, made.summary
    if plan is None or found is None:
        for problem in made.problems:
            say(console, "NOT POSSIBLE", problem, "red")
        console.print(f"{counted(len(made.problems), 'problem')}: these rules can't come into force. Nothing was written.")
        return
    zone = ZoneInfo(plan.rulebook.organisation.time_zone)
    former, since = plan.former, ""
    if former is not None:
        since = f" since {stamp(former.at, zone)}, applied by {former.by}"
    heading(
        console, f"Rules {plan.base.rules[:12]} (in force{since})  ->  your files {plan.version[:12]}", stamp(plan.made_at, zone)
    )
    for note in plan.notes:
        say(console, "LOOK", note, "yellow")
    if plan.comparison.none:
        console.print("Nothing differs. Nothing was written.")
        return
    _differences(console, plan, zone)
    heading(console, "If applied now")
    for name, number, said in _lines(found):
        say(console, f"  {name:<25}{number:>6}", said, margin=COLUMN)
    if tickets:
        _tickets(console, plan, zone)
    console.print(f"Saved as {made.name} ({made.file}).", soft_wrap=True)
    more = "" if tickets else "The tickets: hoist plan --tickets. "
    console.print(f"{more}Then: hoist apply {made.name if made.file is None else _argument(made)}", soft_wrap=True)
    console.print("Nothing was written.")


def _argument(made: MadePlan) -> str:
    return made.name if made.file is not None and made.file.name == f"{made.name}.json" else str(made.file)


def _differences(console: Console, plan: Planned, zone: ZoneInfo) -> None:
    for each in plan.comparison.rules:
        said = list(each.said)
        watched = plan.watched.get(each.rule)
        if watched is not None:
            said.insert(1, _watched(watched, plan, zone))
        say(console, f"{each.sign} {each.rule}", "; ".join(said), margin=22)
    for organisation in plan.comparison.organisation:
        say(console, "~ organisation", organisation, margin=22)


def _watched(watched: Watched, plan: Planned, zone: ZoneInfo) -> str:
    if not watched.times or watched.since is None:
        return "while it watched it found nothing"
    days = max(1, -(-(plan.made_at - watched.since) // DAY))
    night = sum(is_night(moment(at).astimezone(zone).hour) for at in watched.instants)
    times = f"{counted(watched.times, 'time')} on {counted(watched.tickets, 'ticket')}"
    said = f"watched {counted(days, 'day')}: {times}, {night} at night"
    if watched.gained is not None:
        said += f"; on {watched.acted} of them people acted within a day, {length(watched.gained)} later in the middle"
    return said


def _lines(found: Summary) -> Iterator[tuple[str, str, str]]:
    existing = found.left_alone + found.released + found.queued
    yield "already in this state", f"{existing:,}", _existing(found)
    yield "next 24 h if nobody acts", f"{found.soon + found.released + found.queued:,}", "; ".join(_soon(found))
    paged, told = sum(each.number for each in found.paged), sum(each.number for each in found.told)
    yield "people paged", f"{paged:,}", _people(found.paged) + (f"; told {told:,}: {_names(found.told)}" if told else "")
    mails = sum(each.number for each in found.mails)
    whose = "; ".join(f"{each.source}: {each.why}" for each in found.mails)
    yield "mails sent by helpdesks", f"{mails:,}", f"at least, by their own notifications ({whose})" if whose else "none"
    yield "SLA clocks that jump", f"{len(found.clocks):,}", "; ".join(_clocks(found.clocks)) or "none"
    impossible = sum(number for _, number in found.findings)
    why = "; ".join(f"{number:,} times: {said}" for said, number in found.findings[:_NAMES])
    yield "not possible", f"{impossible:,}", why or "none"
    if found.runs:
        yield (
            "limits hold back",
            f"{sum(run.number for run in found.runs):,}",
            f"at least, until somebody approves it: {_runs(found)}",
        )


def _existing(found: Summary) -> str:
    parts = [f"{found.left_alone:,} left alone (existing_tickets: ignore)"] if found.left_alone else []
    parts += [f"{found.released:,} acted on at once"] if found.released else []
    parts += [_queue(each) for each in found.queues]
    parts += [f"{found.noted:,} only noted (watch)"] if found.noted else []
    parts += [f"{found.held:,} held back for now"] if found.held else []
    return ", ".join(parts) or "none"


def _queue(found: Queue) -> str:
    last = f", the last after {length(found.lasts)}" if found.lasts else ""
    return f"{counted(found.number, 'change')} of {found.rule} at {found.rate} an hour{last}"


def _clocks(found: Sequence[Jump]) -> Iterator[str]:
    for missed, said in (
        (True, "missed at once by the new priority"),
        (False, "set anew by the new priority, not missed at once"),
        (None, "set anew by the new priority, nobody knows how long they are then"),
    ):
        some = [f"{each.source}:{each.key} ({each.target})" for each in found if each.missed is missed]
        if some:
            yield f"{said}: {', '.join(some[:_NAMES])}" + (f" and {len(some) - _NAMES:,} more" if len(some) > _NAMES else "")


def _runs(found: Summary) -> str:
    shown = [f"{run.number:,} of {run.rule or 'all rules'} ({run.source}: {run.limit:,} an hour)" for run in found.runs]
    return ", ".join(shown[:_NAMES]) + (f" and {len(shown) - _NAMES} more runs" if len(shown) > _NAMES else "")


def _soon(found: Summary) -> Iterator[str]:
    teams = [f"{each.number:,} to {each.name}{_share(each)}" for each in found.teams[:_NAMES]]
    if teams:
        yield ", ".join(teams) + (f" and {len(found.teams) - _NAMES} more teams" if len(found.teams) > _NAMES else "")
    if found.dropped:
        yield f"{found.dropped:,} that the rules in force would do are no longer done so"
    if found.hidden:
        yield f"{found.hidden:,} of confidential rules"
    if not (teams or found.dropped or found.hidden):
        yield "none moves a ticket" if found.soon else "none"


def _share(each: Loaded) -> str:
    if each.share is None:
        return ""
    return f" ({each.share:,.0f} times their day)" if each.share >= _TIMES else f" (+{each.share * 100:.0f} % of their day)"


def _people(people: Sequence[Loaded]) -> str:
    if not people:
        return "none"
    night = sum(each.at_night for each in people)
    return f"{_names(people)}; {night or 'none'} between 22 and 7"


def _names(people: Sequence[Loaded]) -> str:
    shown = ", ".join(f"{each.name} {each.number:,}" for each in people[:_NAMES])
    return shown + (f" and {len(people) - _NAMES} more" if len(people) > _NAMES else "")


def _tickets(console: Console, plan: Planned, zone: ZoneInfo) -> None:
    for title, each in (
        *(("at once", each) for each in plan.found.now),
        *(("later", each) for each in plan.found.later),
        *(("no longer", each) for each in plan.found.dropped),
    ):
        _ticket(console, title, each, plan, zone)
    for (source, rule), keys in sorted(plan.found.left_alone.items()):
        say(console, "left alone", f"{rule} ({source}): {', '.join(keys[:SHOWN])}{_rest(plan.found.left[source, rule])}")


def _rest(number: int) -> str:
    return f" and {number - SHOWN:,} more" if number > SHOWN else ""


def _ticket(console: Console, title: str, each: Touched, plan: Planned, zone: ZoneInfo) -> None:
    rules = ", ".join(dict.fromkeys(firing.rule for firing in each.firings))
    rate = f", at most {each.rate} per hour" if each.rate is not None else ""
    heading(console, f"{each.source}:{each.key}", f"{title}: {stamp(each.at, zone)}{rate}, {rules}")
    if each.confidential:
        say(console, "  confidential", "what it would do is told nowhere")
        return
    directory = plan.names[each.source]
    for field, old, new in each.changes:
        say(console, f"  {field}", f"{named(field, old, directory)} -> {named(field, new, directory)}")
    for label in each.labels:
        say(console, "  label", label)
    if each.note is not None:
        say(console, "  internal note", each.note)
    for told in each.told:
        say(console, f"  {told.kind}", f"{told.to}, {stamp(told.at, zone)}")
    for firing in each.firings:
        for reason in firing.because:
            say(console, "  because", reason, "dim")
    for finding in each.findings:
        say(console, "  LOOK", finding, "yellow")


def data(made: MadePlan) -> Mapping[str, Any]:
    """The plan as its file has it, with where that lies and its consequences; texts of the rules are in the file alone."""
    if made.problems:
        return {"saved_as": None, "problems": list(made.problems)}
    found = made.summary
    return {
        "plan": made.name,
        "saved_as": None if made.file is None else str(made.file),
        "problems": [],
        "consequences": None if found is None else _summary(found),
        **{key: value for key, value in made.data.items() if key != "texts"},
    }


def _summary(found: Summary) -> dict[str, Any]:
    return {
        "left_alone": found.left_alone,
        "acted_on_at_once": found.released,
        "at_a_rate": found.queued,
        "within_24_hours": found.soon,
        "no_longer": found.dropped,
        "only_noted": found.noted,
        "held_back": found.held,
        "confidential": found.hidden,
        "teams": [{"team": each.name, "tickets": each.number, "share_of_their_day": each.share} for each in found.teams],
        "paged": [_person(each) for each in found.paged],
        "told": [_person(each) for each in found.told],
        "mails_at_least": [{"source": each.source, "mails": each.number, "why": each.why} for each in found.mails],
        "clocks_that_jump": [
            {"source": each.source, "ticket": each.key, "target": each.target, "missed_at_once": each.missed}
            for each in found.clocks
        ],
        "queues": [
            {"source": each.source, "rule": each.rule, "tickets": each.number, "per_hour": each.rate} for each in found.queues
        ],
        "held_for_approval_at_least": [
            {
                "source": run.source,
                "rule": run.rule or None,
                "changes": run.number,
                "from": written(run.at),
                "per_hour": run.limit,
            }
            for run in found.runs
        ],
        "not_possible": [{"times": number, "why": said} for said, number in found.findings],
    }


def _person(each: Loaded) -> dict[str, Any]:
    return {"who": each.name, "times": each.number, "between_22_and_7": each.at_night, "hours": list(each.hours)}


# --- apply -----------------------------------------------------------------------------------------------------------------


def applied(console: Console, found: Applied) -> None:
    """What became of a plan."""
    if found.waits:
        console.print(f"{found.plan} comes into force at {written(found.at)}, if nothing that it rests on has changed by then.")
        console.print(f"Next: hoist apply {found.plan} --withdraw takes it back until then.", style="dim")
        return
    console.print(f"{found.plan} is in force; hoist run takes it over within seconds, or when it runs again.")
    console.print(f"Released: {counted(found.released, 'change')} of tickets that were so already.")
    for each in found.held:
        say(console, "  HELD", f"{each.source}:{each.key} {each.rule}: {each.why}", "yellow")
    if found.held:
        console.print("What still applies of these waits for you: hoist changes list", style="dim")


def applied_data(found: Applied) -> dict[str, Any]:
    """The same as plain data."""
    return {
        "plan": found.plan,
        "rules": found.version,
        "in_force_from": written(found.at),
        "waits": found.waits,
        "released": found.released,
        "held": [{"source": each.source, "ticket": each.key, "rule": each.rule, "why": each.why} for each in found.held],
    }
