"""A rule as English sentences with a worked date: what it looks for, what it does, and when it acts on a simple ticket."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from rules.binding import BoundRules
from rules.deeds import deed
from rules.instants import DAY, FOREVER, Instant, moment
from rules.phrases import phrase
from rules.protocol import All, Clock, Condition, Held, Mode, Rule, Rulebook, Step
from rules.stories import zone_of
from rules.story_steps import Fired
from rules.ticket import Kind, Value
from rules.worked_examples import Act, NotBuilt, Worked, worked_example

_MODES: Final = {Mode.DRAFT: "It is a draft: checked only.", Mode.WATCH: "It only watches.", Mode.LIVE: ""}
_SHOWN_ACTS: Final = 6


@dataclass(frozen=True, slots=True)
class Explained:
    """A rule in words. `example` is its worked date, or says why there is none (`worked` is None then)."""

    rule: Rule
    sentences: tuple[str, ...]
    example: str
    worked: Worked | None


def explained(rulebook: Rulebook, bound: BoundRules, rule: Rule) -> Explained:
    """A rule of a rulebook that is bound to its own words (`rules.stories.bound_for`); the same words each time."""
    sentences = tuple(said for said in (_when(rule), *_steps(rule), *_limits(rule), _MODES[rule.mode]) if said)
    zone = zone_of(rulebook, rule.calendar)
    try:
        worked = worked_example(bound, rule.id, zone)
    except NotBuilt as none:
        return Explained(rule, sentences, f"There is no simple example: {none}.", None)
    return Explained(rule, sentences, _example(worked, zone), worked)


def _when(rule: Rule) -> str:
    return f"When {_asked(rule.condition)}{_first_of(rule)}."


def _asked(condition: Condition) -> str:
    if isinstance(condition, Held):
        return f"{_asked(condition.part)}, for {condition.duration} without a break"
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
        return f": {_deeds(rule.steps[0])}"
    return ", a ladder begins" if rule.steps else ""


def _steps(rule: Rule) -> list[str]:
    said = [] if len(rule.steps) == 1 and _begin(rule.steps[0]) == "At once" else [_step(step) for step in rule.steps]
    if rule.repeat is not None:
        times = "once" if rule.repeat.at_most == 1 else f"up to {rule.repeat.at_most} times"
        said.append(f"{'This' if len(rule.steps) == 1 else 'The last step'} is repeated every {rule.repeat.every}, {times}.")
    return said


def _step(step: Step) -> str:
    unless = f", unless {phrase(step.unless)}" if step.unless is not None else ""
    return f"{_begin(step)}{unless}: {_deeds(step)}."


def _begin(step: Step) -> str:
    begin = "At once"
    if step.after is not None and (step.after.milliseconds or step.after.business_days):
        begin = f"After {step.after}"
    elif step.begins is not None:
        begin = f"At {step.said}" if step.said else f"Once {phrase(step.begins)}"
    if not step.at_opening:
        return begin
    opening = f"the next opening of {step.opening_of}" if step.opening_of else "the next opening"
    return f"At {opening}" if begin == "At once" else f"{begin}, at {opening}"


def _deeds(step: Step) -> str:
    return "; ".join(deed(action) for action in step.actions) or "nothing is done"


def _limits(rule: Rule) -> list[str]:
    said = ["It is confidential: nothing of it is told outside its own chain."] if rule.confidential else []
    if rule.hold_while is not None:
        said.append(f"Nothing is written while {phrase(rule.hold_while)}, and afterwards only what is still true.")
    if rule.applies_to.sources is not None:
        said.append(f"It applies to {', '.join(rule.applies_to.sources)}.")
    if rule.live_from:
        said.append(f"Before {rule.live_from} it only watches.")
    if rule.expires:
        said.append(f"From {rule.expires} on it only watches.")
    return said


# --- the worked date ---------------------------------------------------------------------------------------------------


def _example(worked: Worked, zone: tzinfo) -> str:
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


def _told(worked: Worked, zone: tzinfo) -> str:
    """`a P1 ticket that arrives on Friday at 16:50 without an owner`."""
    asked, arrival = worked.asked, worked.ticket.created
    priority = asked.get("priority")
    kind = f"{_article(str(priority))} {priority} ticket" if priority else "a ticket"
    said = f"{kind} that arrives {_at(arrival, arrival, zone)}"
    team = asked.get("team")
    said += f" in {team}" if isinstance(team, str) else ""
    said += " without an owner" if "assignee" in asked and asked["assignee"] is None else ""
    others = [
        f"{name} {_shown(value)}" for name, value in asked.items() if name not in {"priority", "team", "assignee", "status"}
    ]
    status = asked.get("status")
    dates = {name: value for name, value in worked.ticket.fields.items() if name in worked.dates and isinstance(value, int)}
    others += [f"{name} {_at(at, arrival, zone)}" for name, at in dates.items() if not name.endswith(".start")]
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


def _at(at: Instant, arrival: Instant, zone: tzinfo) -> str:
    """`on Monday at 09:05`; with the date where that is more than six days after the arrival."""
    if at >= FOREVER:
        return "never"
    local: datetime = moment(at).astimezone(zone)
    far = abs(at - arrival) > 6 * DAY
    time = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
    return f"on {local:%A} {local.day} {local:%B %Y} at {time}" if far else f"on {local:%A} at {time}"
