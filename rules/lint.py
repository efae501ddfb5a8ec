"""What is valid in a rulebook and yet probably not meant: no rule for urgent tickets, tiers that nothing leads to, twins."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import date
from typing import Final

from rules.calendars import calendar
from rules.conditions.tree import walk
from rules.findings import Finding, may_hold
from rules.language.problems import listed, nearest
from rules.lint_chains import findings_of_chains
from rules.lint_dates import findings_of_dates
from rules.lint_shadows import findings_of_shadows
from rules.protocol.actions import Arbiter, AtProvider, Comment, Escalate, RaisePriority, Tell
from rules.protocol.conditions import Condition, Count, Level, OneOf, State
from rules.protocol.organisation import Organisation, Team
from rules.protocol.rule import Mode, Rule, Step
from rules.protocol.rulebook import Rulebook

__all__ = ["Finding", "findings"]


def findings(rulebook: Rulebook, today: date | None = None, sources: Collection[str] | None = None) -> tuple[Finding, ...]:
    """Everything worth a look, in a fixed order; none for a rulebook in good shape.

    With `today`, what has passed by then is among it: reviews, rules and exceptions that have ended. With the names of the
    `sources` that there are, so is every other one: a slip of the pen makes a new source without a word.
    """
    found = [finding for check in _CHECKS for finding in check(rulebook)]
    if sources is not None:
        found = [*_strange_sources(rulebook, sources), *found]
    return tuple(dict.fromkeys([*found, *findings_of_dates(rulebook, today)]))


def _strange_sources(rulebook: Rulebook, sources: Collection[str]) -> Iterator[Finding]:
    """Names of sources that hoist.yaml does not know."""
    organisation = rulebook.organisation
    written: dict[str, str] = {}
    for level in organisation.priorities:
        for source in level.sources:
            written.setdefault(source, organisation.place("source", source))
    for team in organisation.teams.values():
        for source in team.sources:
            written.setdefault(source, organisation.place("team", team.name))
    for rule in rulebook.rules:
        for source in rule.applies_to.sources or ():
            written.setdefault(source, rule.place)
    for source, place in written.items():
        if source not in sources:
            close = nearest(source, sources)
            meant = f'; did you mean "{close}"?' if close else ""
            yield Finding(source, f"is no source of hoist.yaml, which names {listed(sources)}{meant}", place)


def _nothing_live(rulebook: Rulebook) -> Iterator[Finding]:
    active = [rule for rule in rulebook.rules if rule.mode is not Mode.DRAFT]
    if not rulebook.rules:
        yield Finding("rules", "there is no rule yet")
    elif not active:
        yield Finding("rules", "every rule is a draft: nothing is decided, noted or written")


def _nameless_teams(rulebook: Rulebook) -> Iterator[Finding]:
    for team in rulebook.organisation.teams.values():
        if not team.sources:
            place = rulebook.organisation.place("team", team.name)
            yield Finding(team.name, "has no name in any source, so no ticket can be in it or go to it", place)


def _shared_native_teams(rulebook: Rulebook) -> Iterator[Finding]:
    owner: dict[tuple[str, str], Team] = {}
    for team in rulebook.organisation.teams.values():
        for native in ((source, name) for source, names in team.sources.items() for name in names):
            first = owner.setdefault(native, team)
            if first is not team:
                sentence = f"is called {native[1]} in {native[0]}, and so is {first.name}; one team gets the tickets of both"
                yield Finding(team.name, sentence, rulebook.organisation.place("team", team.name))


def _shared_native_priorities(rulebook: Rulebook) -> Iterator[Finding]:
    first: dict[tuple[str, str], str] = {}
    for level in rulebook.organisation.priorities:
        for native in ((source, name) for source, names in level.sources.items() for name in names):
            if first.setdefault(native, level.name) != level.name:
                sentence = f"is called {native[1]} in {native[0]}, and so is {first[native]}: such a protocol is refused there"
                yield Finding(level.name, sentence, rulebook.organisation.place("priority", level.name))


def _sources_without_priorities(rulebook: Rulebook) -> Iterator[Finding]:
    levels = rulebook.organisation.priorities
    known = {source for level in levels for source in level.sources}
    for source in sorted({source for team in rulebook.organisation.teams.values() for source in team.sources} - known):
        if levels:
            team = next(team for team in rulebook.organisation.teams.values() if source in team.sources)
            sentence = "has teams but no column in the priorities: conditions on the priority are never true there"
            yield Finding(source, sentence, rulebook.organisation.place("team", team.name))
    for level in levels:
        for source in sorted(known - set(level.sources)):
            place = rulebook.organisation.place("priority", level.name)
            yield Finding(level.name, f"has no name in {source}: no ticket there has this priority", place)


def _uncovered_priority(rulebook: Rulebook) -> Iterator[Finding]:
    levels = rulebook.organisation.priorities
    active = [rule for rule in rulebook.rules if rule.mode is not Mode.DRAFT]

    def verdict(state: State) -> bool | None:
        return _passes(state.test, levels[0].name, rulebook.organisation) if state.field == "priority" else None

    if levels and active and not any(may_hold(rule.condition, verdict) for rule in active):
        place = rulebook.organisation.place("priority", levels[0].name)
        yield Finding(levels[0].name, "no rule looks at tickets of the most urgent priority", place)


def _passes(test: object, priority: str, organisation: Organisation) -> bool:
    if isinstance(test, OneOf):
        return priority in test.values
    order = [level.name for level in organisation.priorities]
    if isinstance(test, Level):
        at = order.index(priority)
        return (test.at_least is None or at <= order.index(test.at_least)) and (
            test.at_most is None or at >= order.index(test.at_most)
        )
    return True


def _twins(rulebook: Rulebook) -> Iterator[Finding]:
    first: dict[Condition, Rule] = {}
    for rule in rulebook.rules:
        twin = first.setdefault(rule.condition, rule)
        if twin is not rule:
            yield Finding(rule.id, f"has the same conditions as {twin.id}; one rule can do what both do", rule.place)


def _pointless_limit(rulebook: Rulebook) -> Iterator[Finding]:
    """A rule that raises to the least urgent priority, or not above it, changes nothing."""
    levels = rulebook.organisation.priorities
    for rule in rulebook.rules:
        for action in rule.actions:
            if isinstance(action, RaisePriority) and levels and levels[-1].name in {action.to, action.not_above}:
                yield Finding(
                    rule.id,
                    f"raises the priority to {levels[-1].name} at most, the least urgent: it never changes it",
                    rule.place,
                )


def _idle_calendars(rulebook: Rulebook) -> Iterator[Finding]:
    used = {rule.calendar for rule in rulebook.rules}
    for hours in rulebook.organisation.calendars.values():
        told = hours.schedule or hours.holidays is not None or hours.also_closed
        if not told and hours.name in used and not calendar(hours).always:
            sentence = "knows no holidays: business time goes on through them; give it `holidays:` or `also_closed:`"
            yield Finding(hours.name, sentence, rulebook.organisation.place("calendar", hours.name))


def _no_message(rulebook: Rulebook) -> Iterator[Finding]:
    """Whoever writes `page` expects somebody's telephone to ring."""
    telling = [rule for rule in rulebook.rules if any(isinstance(action, Tell) for action in rule.actions)]
    if telling:
        rules = listed(rule.id for rule in telling)
        sentence = f"this version of hoist sends no message: who is told or paged is named in the internal note only ({rules})"
        yield Finding("messages", sentence, telling[0].place)


def _unfilled_placeholders(rulebook: Rulebook) -> Iterator[Finding]:
    for rule in rulebook.rules:
        counts = any(isinstance(part, Count) for part in walk(rule.condition))
        climbs = any(isinstance(action, Escalate) for action in rule.actions)
        for step in rule.steps:
            decided = any(isinstance(action, Arbiter) for action in step.actions)
            provider = any(isinstance(action, AtProvider) and action.provider for action in step.actions)
            missing = {
                "count": (counts, "the rule counts nothing"),
                "chain": (climbs, "the rule escalates along no chain"),
                "arbiter": (decided, "nobody decides beside it with `arbiter:`"),
                "deadline": (decided, "nobody decides beside it with `arbiter:`"),
                "provider": (provider, "no provider is named beside it"),
                "case": (False, "no cases at providers are read yet"),
            }
            for name, (filled, why) in missing.items():
                if not filled and any(f"{{{name}}}" in text for text in _texts(step)):
                    yield Finding(rule.id, f"its comment says {{{name}}}, and {why}: it would read (not known)", rule.place)


def _texts(step: Step) -> Iterator[str]:
    for action in step.actions:
        if isinstance(action, Comment):
            yield action.text
            yield from (text for _, text in action.variants)


_CHECKS: Final[tuple[Callable[[Rulebook], Iterator[Finding]], ...]] = (
    _nothing_live,
    _uncovered_priority,
    _nameless_teams,
    _shared_native_teams,
    _shared_native_priorities,
    _sources_without_priorities,
    findings_of_chains,
    _pointless_limit,
    _idle_calendars,
    _twins,
    findings_of_shadows,
    _no_message,
    _unfilled_placeholders,
)
