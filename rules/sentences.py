"""A rule as English sentences with a worked date: what it looks for, what it does, and when it acts on a simple ticket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from rules.binding import BoundRules
from rules.conditions.tree import calendars_of, durations_of, walk
from rules.confidential import COMMENT
from rules.deeds import deed
from rules.instants import DAY, FOREVER, Instant, moment
from rules.opening_hours import public_holidays, week
from rules.phrases import phrase, stamp
from rules.protocol.actions import Comment
from rules.protocol.conditions import All, Clock, Condition, Ever, Held, Lingering, Not, OneOf, State, Target, Until
from rules.protocol.organisation import CalendarHours
from rules.protocol.rule import Mode, OnChange, Rule, Step
from rules.protocol.rulebook import Rulebook
from rules.references import named_in_source
from rules.stories import zone_of
from rules.story_steps import Fired
from rules.ticket import CASE, NATIVE, TARGET, Kind, Value
from rules.worked_examples import Act, NotBuilt, Worked, worked_example

_MODES: Final = {Mode.DRAFT: "It is a draft: checked only.", Mode.WATCH: "It only watches.", Mode.LIVE: ""}
_SAID_ALREADY: Final = frozenset(("priority", "team", "assignee", "status"))
_OTHERS: Final = {
    "related.words": "other open tickets that say much the same",
    "related.service": "other open tickets of the same service",
    "related.organisation": "other open tickets of the same organisation",
    "queue": "open tickets in its team's queue",
}
_SHOWN_ACTS: Final = 6
_LOOKED_THROUGH: Final = 60
"""Days that are looked through for holidays."""


@dataclass(frozen=True, slots=True)
class Explained:
    """A rule in words. `example` is its worked date, or says why there is none (`worked` is None then)."""

    rule: Rule
    sentences: tuple[str, ...]
    example: str
    worked: Worked | None


def explained(rulebook: Rulebook, bound: BoundRules, rule: Rule) -> Explained:
    """A rule of a rulebook that is bound to its own words (`rules.stories.bound_for`); the same words each time."""
    limits = (*_limits(rule), *_twins(rulebook, rule), *_hours(rulebook, rule), *_about(rule))
    sentences = tuple(said for said in (_when(rule), *_steps(rule), *limits, _MODES[rule.mode]) if said)
    zone = zone_of(rulebook, rule.calendar)
    try:
        worked = worked_example(bound, rule.id, zone)
    except NotBuilt as none:
        return Explained(rule, sentences, f"There is no simple example: {none}.", None)
    closed = _closed_between(rulebook, rule, worked, zone)
    return Explained(rule, sentences, " ".join((_example(worked, zone), *closed)), worked)


def _when(rule: Rule) -> str:
    return _sentence(f"When {_asked(rule.condition)}{_first_of(rule)}")


def _asked(condition: Condition) -> str:
    match condition:
        case Until(part, ended):
            return f"{_asked(part)}, until {phrase(ended)}"
        case Lingering(part, still):
            return f"{_asked(part)}, and from then on as long as {phrase(still)}"
        case Ever(part):
            return f"it has once been so, whatever becomes of it later, that {phrase(part)}"
        case All((Ever() as once, Not(part))):
            return f"{_asked(once)}, but not while {phrase(part)}"
        case All((Held() as first, *others)) if others:
            return f"{_asked(first)}, and {phrase(All(tuple(others)))}"
    if isinstance(condition, Held):
        at_once = not (condition.duration.milliseconds or condition.duration.business_days)
        return _asked(condition.part) + ("" if at_once else f", for {condition.duration} without a break")
    if isinstance(condition, All) and isinstance(clock := condition.parts[-1], Clock):
        held = condition.parts[0] if len(condition.parts) == 2 else All(condition.parts[:-1])
        if clock.running == held:
            return f"{phrase(held)}, for {clock.duration} in all{_breaks(clock)}"
    return phrase(condition)


def _breaks(clock: Clock) -> str:
    pause = f", the time left out in which {phrase(clock.pause_while)}" if clock.pause_while is not None else ""
    reset = f", counted anew whenever this begins: {phrase(clock.reset)}" if clock.reset is not None else ""
    stop = f", until {phrase(clock.stop)}" if clock.stop is not None else ""
    team = ", counted anew for each team" if clock.of_team else ""
    return pause + reset + stop + team


def _first_of(rule: Rule) -> str:
    """What is done, where that is all in one step and at once."""
    if len(rule.steps) == 1 and _begin(rule.steps[0]) == "At once":
        return f": {_deeds(rule, rule.steps[0])}"
    return ", a ladder begins" if rule.steps else ""


def _steps(rule: Rule) -> list[str]:
    said = [] if len(rule.steps) == 1 and _begin(rule.steps[0]) == "At once" else [_step(rule, step) for step in rule.steps]
    if rule.repeat is not None:
        times = "once" if rule.repeat.at_most == 1 else f"up to {rule.repeat.at_most} times"
        said.append(f"{'This' if len(rule.steps) == 1 else 'The last step'} is repeated every {rule.repeat.every}, {times}.")
    return said


def _step(rule: Rule, step: Step) -> str:
    unless = f", unless {phrase(step.unless)}" if step.unless is not None else ""
    return _sentence(f"{_begin(step)}{unless}: {_deeds(rule, step)}")


def _sentence(said: str) -> str:
    """With its full stop, unless it ends with somebody's whole sentence."""
    return said if said.endswith(('."', '..."')) else f"{said}."


def _begin(step: Step) -> str:
    begin = "At once"
    waits = step.after is not None and bool(step.after.milliseconds or step.after.business_days)
    if waits:
        begin = f"After {step.after}"
    if step.begins is not None:
        share = _share(step.begins)
        begin = f"{begin}, counted from {share} on" if waits else f"At {share}"
    if not step.at_opening:
        return begin
    opening = f"the next opening of {step.opening_of}" if step.opening_of else "the next opening"
    return f"At {opening}" if begin == "At once" else f"{begin}, at {opening}"


def _share(begins: Condition) -> str:
    """`75 percent of the target Time to resolution`, or of the rule's time: what a step waits for."""
    for part in walk(begins):
        match part:
            case Target(name=name, percent=percent) if percent is not None:
                return f"{percent} percent of the target {name}"
            case Held(duration=time) | Clock(duration=time):
                return str(time) if "percent of" in str(time) else f"100 percent of {time}"
            case _:
                pass
    return f"the time when {phrase(begins)}"


def _deeds(rule: Rule, step: Step) -> str:
    """What is done; a confidential rule's comments say another thing than was written, whatever that is."""
    written = [action for action in step.actions if not (rule.confidential and isinstance(action, Comment))]
    said = [deed(action) for action in written]
    if rule.confidential:
        said.append(deed(Comment(COMMENT)))
    return "; ".join(said) or "nothing is done"


def _limits(rule: Rule) -> list[str]:
    said = ["It is confidential: nothing of it is told outside its own chain."] if rule.confidential else []
    if rule.hold_while is not None:
        said.append(f"Nothing is written while {phrase(rule.hold_while)}, and afterwards only what is still true.")
    if rule.only_to:
        said.append(f"Its tickets go to {_listed(rule.only_to)} only.")
    if rule.applies_to.sources is not None:
        said.append(f"It applies to tickets of {_listed(rule.applies_to.sources)} only.")
    if rule.live_from:
        said.append(f"Before {rule.live_from} it only watches.")
    if rule.expires:
        said.append(f"From {rule.expires} on it only watches.")
    return said


def _twins(rulebook: Rulebook, rule: Rule) -> list[str]:
    sources = rule.applies_to.sources
    known = {source: twins for source, twins in rulebook.organisation.twins.items() if sources is None or source in sources}
    return [
        f"Of twins in {source} it acts on the leading one alone, where {phrase(State(twins.field, OneOf(twins.leading)))}."
        for source, twins in known.items()
    ]


def _hours(rulebook: Rulebook, rule: Rule) -> list[str]:
    """The calendars on which the rule counts time, each with its zone and holidays."""
    conditions = [rule.condition, *(c for step in rule.steps for c in (step.begins, step.unless) if c is not None)]
    conditions += [rule.hold_while] if rule.hold_while is not None else []
    parts = [part for condition in conditions for part in walk(condition)]
    lasting = [d for part in parts for d in durations_of(part)] + [step.after for step in rule.steps if step.after is not None]
    lasting += [rule.repeat.every] if rule.repeat is not None else []
    opening = [step.opening_of or rule.calendar for step in rule.steps if step.at_opening]
    named = [*(d.calendar for d in lasting), *opening, *(name for part in parts for name in calendars_of(part))]
    known = rulebook.organisation.calendars
    return [_calendar(name, known.get(name)) for name in dict.fromkeys(named) if name is not None]


def _calendar(name: str, hours: CalendarHours | None) -> str:
    if hours is None:
        return f"Business time is that of the {name}."
    if kept := named_in_source(hours.schedule):
        return f"Business time is that of {name}, which {kept[0]} keeps as the schedule {kept[1]}."
    off = f", closed on public holidays of {hours.holidays}" if hours.holidays else ""
    off += f"{' and' if off else ', closed'} on {_listed(hours.also_closed)}" if hours.also_closed else ""
    if hours.always and not off:
        return f"The calendar {name} never closes."
    return f"Business time is that of {name}, in {hours.time_zone}{off}."


def _about(rule: Rule) -> list[str]:
    """Where it comes from, who answers for it, and what becomes of tickets that are there already."""
    said = [f"It is {rule.protocol} of the written policy."] if rule.protocol else []
    said += [f"{rule.owner} answers for it."] if rule.owner else []
    said += [f"It is to be looked at again by {rule.review_by}."] if rule.review_by else []
    said += [f"It was called {_listed(rule.formerly)} before."] if rule.formerly else []
    if rule.on_change is OnChange.KEEP:
        said.append("When it is changed, what is under way goes on under the text under which it began.")
    limit = rule.existing.limit
    if limit is None:
        said.append("When it goes live, it acts on tickets that are so already.")
    elif limit:
        said.append(f"When it goes live, it acts on tickets that are so already, at most {limit} per hour.")
    else:
        said.append("When it goes live, it leaves tickets alone that are so already.")
    return said


def _listed(words: Sequence[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


# --- the worked date ---------------------------------------------------------------------------------------------------


def _example(worked: Worked, zone: ZoneInfo) -> str:
    arrival, fired = worked.ticket.created, worked.fired
    told = _told(worked, zone)
    first, *later = fired
    said = f"For example, {told} escalates {_at(first.at, arrival, zone)}"
    if len({step.at for step in fired}) > 1 and later:
        said += f"; {_later(later, arrival, zone)}"
    return f"{said}."


def _later(later: list[Fired], arrival: Instant, zone: tzinfo) -> str:
    shown = [f"{step.name.partition(', ')[2]} comes {_at(step.at, arrival, zone)}" for step in later[:_SHOWN_ACTS]]
    return ", ".join(shown) + (" and so on" if len(later) > _SHOWN_ACTS else "")


def _said(name: str, value: str) -> str:
    """A field's value as people say it: `5 others of the same service`, `Time to resolution due on Saturday`."""
    if name in _OTHERS:
        return f"{value} {_OTHERS[name]}"
    if name.startswith(CASE):
        return f"a case at {name.removeprefix(CASE)} in which the turn is {value}"
    if name.startswith(TARGET):
        return f"{name.removeprefix(TARGET)} due {value}"
    if name.startswith(NATIVE):
        return f"{name.removeprefix(NATIVE)} {value}"
    return f"{'a due date' if name == 'due' else name.replace('_', ' ')} {value}"


def _told(worked: Worked, zone: ZoneInfo) -> str:
    """`a P1 ticket that arrives on Friday at 16:50 without an owner`."""
    asked, arrival = worked.asked, worked.ticket.created
    priority = asked.get("priority")
    kind = f"{_article(str(priority))} {priority} ticket" if priority else "a ticket"
    said = f"{kind} that arrives {_arrives(arrival, zone)}"
    team = asked.get("team")
    said += f" in {team}" if isinstance(team, str) else ""
    said += " without an owner" if "assignee" in asked and asked["assignee"] is None else ""
    others = [_said(name, _shown(value)) for name, value in asked.items() if name not in _SAID_ALREADY]
    status = asked.get("status")
    dates = {name: value for name, value in worked.ticket.fields.items() if name in worked.dates and isinstance(value, int)}
    others += [_said(name, _at(at, arrival, zone)) for name, at in dates.items() if not name.endswith(".start")]
    others += [f"status {status}"] if status not in {None, "new", "open"} else []
    others += [f"owner {asked['assignee']}"] if asked.get("assignee") else []
    said += f" with {' and '.join(others)}" if others else ""
    acts = [_act(act, arrival, zone) for act in worked.acts[:_SHOWN_ACTS]]
    acts += ["and so on"] if len(worked.acts) > _SHOWN_ACTS else []
    return f"{said}, {', '.join(acts)}," if acts else said


def _act(act: Act, arrival: Instant, zone: tzinfo) -> str:
    at = _at(arrival + act.after, arrival, zone)
    if not act.field:
        return f"is written to by {'the requester' if act.by is Kind.REQUESTER else 'the staff'} {at}"
    if act.field == "team":
        return f"goes to {act.value} {at}"
    return f"gets the {act.field} {_shown(act.value)} {at}"


def _shown(value: Value) -> str:
    return "+".join(value) if isinstance(value, tuple) else "nobody" if value is None else str(value)


def _article(word: str) -> str:
    return "an" if word[:1].lower() in "aeio" else "a"


def _arrives(at: Instant, zone: ZoneInfo) -> str:
    """`on Friday 15 January 2027 at 16:50 CET`."""
    local = moment(at).astimezone(zone)
    return f"on {local:%A} {local.day} {local:%B %Y} at {local:%H:%M} {stamp(at, zone).split(' ', 2)[2]}"


def _closed_between(rulebook: Rulebook, rule: Rule, worked: Worked, zone: ZoneInfo) -> list[str]:
    """The days on which the rule's calendar would have been open and is not, up to the first escalation."""
    hours = rulebook.organisation.calendars.get(rule.calendar or "")
    if hours is None or hours.schedule:
        return []
    opening = week(hours)
    first, last = (moment(at).astimezone(zone).date() for at in (worked.ticket.created, worked.fired[0].at))
    holidays = public_holidays(opening, first.year, last.year)
    days = [first + timedelta(days=n) for n in range(min((last - first).days, _LOOKED_THROUGH) + 1)]
    off = [day for day in days if opening.hours.get(day.weekday()) and not opening.shifts(day, holidays)]
    return [f"({hours.name} is closed on {_listed([f'{day:%A} {day.day} {day:%B}' for day in off])}.)"] if off else []


def _at(at: Instant, arrival: Instant, zone: tzinfo) -> str:
    """`on Monday at 09:05`; with the date where that is more than six days after the arrival."""
    if at >= FOREVER:
        return "never"
    local: datetime = moment(at).astimezone(zone)
    far = abs(at - arrival) > 6 * DAY
    time = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
    return f"on {local:%A} {local.day} {local:%B %Y} at {time}" if far else f"on {local:%A} at {time}"
