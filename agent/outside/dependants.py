"""Which rules look at which file or URL: without it they do not do what they say."""

from __future__ import annotations

from collections.abc import Iterator

from agent.outside.facts import Outside
from agent.outside.source import Kind, Wanted
from rules.binding import conditions_of
from rules.conditions.tree import walk
from rules.instants import Instant
from rules.language.problems import listed
from rules.protocol.actions import Arbiter, Digest, Tell
from rules.protocol.conditions import InList, InWindow, State
from rules.protocol.organisation import Organisation
from rules.protocol.rule import Mode, Rule
from rules.protocol.rulebook import Rulebook
from rules.recipients import CURRENT_TEAM, OF_TEAM, contact_of
from rules.rota import is_rota


def missing_facts(outside: Outside, rulebook: Rulebook, now: Instant) -> dict[str, str]:
    """What could never be read though rules need it: the sentence that `outside` says of it, and one that names the rules."""
    found: dict[str, str] = {}
    for wanted, said in outside.missing(now).items():
        rules = [rule.id for rule in rulebook.rules if rule.mode is not Mode.DRAFT and wanted in _needs(rule, rulebook)]
        if rules:
            found[said] = f"{said}. {'Rules that need' if len(rules) > 1 else 'The rule that needs'} it: {listed(rules)}"
    return found


def _needs(rule: Rule, rulebook: Rulebook) -> set[Wanted]:
    organisation = rulebook.organisation
    return {*_looked_at(rule, organisation), *_asked_for_people(rule, organisation)}


def _looked_at(rule: Rule, organisation: Organisation) -> Iterator[Wanted]:
    for condition in conditions_of(rule):
        for part in walk(condition):
            if isinstance(part, InWindow) and (window := organisation.windows.get(part.name)) is not None and window.file:
                yield Wanted(Kind.WINDOW, window.file, window.time_zone)
            if isinstance(part, State) and isinstance(part.test, InList):
                known = organisation.lists.get(part.test.name)
                if known is not None and known.file:
                    yield Wanted(Kind.LIST, known.file, known.time_zone)


def _asked_for_people(rule: Rule, organisation: Organisation) -> Iterator[Wanted]:
    """The rotas that say who is told; a move only asks them whom to pass over, and passes over nobody where none is known."""
    for action in rule.actions:
        match action:
            case Tell(who=who) | Digest(to=who) | Arbiter(who=who):
                for rota in _rotas(who, organisation):
                    yield Wanted(Kind.ROTA, rota, organisation.time_zone)
            case _:
                pass


def _rotas(who: str, organisation: Organisation) -> Iterator[str]:
    target = contact_of(who, organisation)
    if target != who and is_rota(target):
        yield target
    of_team = OF_TEAM.fullmatch(who)
    if of_team is not None and of_team[1].casefold() != "lead":
        name = " ".join(of_team[2].split())
        teams = organisation.teams.values() if name == CURRENT_TEAM else [organisation.teams[name]]
        yield from (team.on_call for team in teams if team.on_call)
