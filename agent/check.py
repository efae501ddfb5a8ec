"""What `hoist check` finds: all that `hoist run` would stumble over, and what each source promises. Writes nothing anywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import packages_distributions

from agent.clock import Clock
from agent.config import Settings
from agent.errors import ConfigError
from agent.hooks.opening import verifiers
from agent.in_force.fitting import fitted
from agent.in_force.governing import InForce, names_by
from agent.in_force.protocol_files import load_protocol
from agent.outside.dependants import missing_facts
from agent.outside.facts import Outside
from agent.outside.overview import Overview, overview
from agent.sign_in import SignedIn, sign_in
from connectors.contract import Capabilities, Guard, Promise
from rules.binding import BindingError
from rules.escalation import OperationKind
from rules.instants import SECOND, moment
from rules.language.problems import RulebookError
from rules.lint import findings
from rules.naming import Names
from rules.protocol.rulebook import Rulebook
from rules.world import Directory, World

PACKAGES = ("agent", "connectors", "rules")
_GUARDS = {
    Guard.REFUSED: "hoist's write is refused by the platform, and decided anew",
    Guard.PUT_BACK: "it is noticed in the platform's own record, and theirs is put back once",
    Guard.NOT_DETECTABLE: "nothing notices it",
}
_SITUATIONS = {
    OperationKind.RESTRICTION: "who may read a ticket, which a person changes between hoist's read and its write",
    OperationKind.FIELDS: "a field that a person changes between hoist's read and its write",
    OperationKind.COMMENT: "what a person does between hoist's read and its comment",
}


@dataclass(frozen=True, slots=True)
class Found:
    """How many of the organisation's names a source has."""

    found: int
    total: int


@dataclass(frozen=True, slots=True)
class CheckedSource:
    """One source. `promises` are sentences by operation; teams and priorities are None where they could not be looked up."""

    source: str
    platform: str
    account: str | None
    instance: str | None
    skew_seconds: float | None
    writes: tuple[str, ...]
    promises: Mapping[str, str]
    teams: Found | None
    priorities: Found | None
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """Everything at once.

    `problems` must be mended: with most of them `hoist run` does not start, with others a rule can't do what it says. `findings`
    are worth a look, `hints` are about spelling. `plan` brought the rules that were checked, "" where the files did.
    """

    sources: tuple[CheckedSource, ...] = ()
    rules: Mapping[str, int] = field(default_factory=dict)  # by mode
    problems: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    outside: Overview = field(default_factory=Overview)
    plan: str = ""


def check(settings: Settings, clock: Clock, instances: Mapping[str, str], in_force: InForce | None = None) -> Checked:
    """Try everything that `hoist run` needs. `instances` are those that the store knows, by source; so is what is `in_force`."""
    problems: list[str] = []
    rulebook: Rulebook | None = None
    hints: tuple[str, ...] = ()
    try:
        loaded = load_protocol(settings.protocol) if in_force is None else in_force.loaded
        rulebook, hints = loaded.rulebook, tuple(str(hint) for hint in loaded.hints)
    except ConfigError as error:
        problems += error.problems
    except RulebookError as error:
        problems += [str(problem) for problem in error.problems]
    if not settings.store.parent.is_dir():
        problems.append(f"the folder of the store {settings.store} does not exist: make it, or set `store:` in hoist.yaml")
    answers = [sign_in(source, clock, instances.get(source.name, "")) for source in settings.sources]
    seen, world, missing = Overview(), World(), dict[str, str]()
    if rulebook is not None:
        helpdesks = {each.source.name: each.connector for each in answers if each.connector is not None}
        outside = Outside(settings.protocol, settings.copies, settings.links, helpdesks, keep=False)
        outside.update(rulebook.organisation, clock.now(), wait=True)
        seen, world = overview(outside, rulebook.organisation, clock.now()), outside.world(rulebook.organisation, clock.now())
        missing = missing_facts(outside, rulebook, clock.now())
        problems += missing.values()
    sources, advice = [], list[str]()
    for answered in answers:
        if answered.connector is not None:
            answered.connector.close()
        sources.append(_checked(answered, rulebook, world, in_force))
        advice += answered.identity.advice if answered.identity is not None else ()
    problems += [problem for source in sources for problem in source.problems]
    problems += verifiers(settings.sources)[1]
    modes = Counter(rule.mode.value for rule in rulebook.rules) if rulebook is not None else {}
    today = moment(clock.now()).date()
    named = [source.name for source in settings.sources]
    looks = [str(finding) for finding in findings(rulebook, today, named)] if rulebook is not None else []
    looks += _files_that_wait(settings, in_force) if in_force is not None else ()
    looks += [*advice, *(said for said in seen.findings if said not in missing), *namesakes()]
    plan = in_force.plan.name if in_force is not None else ""
    return Checked(tuple(sources), dict(sorted(modes.items())), tuple(problems), tuple(looks), hints, seen, plan)


def _files_that_wait(settings: Settings, in_force: InForce) -> tuple[str, ...]:
    """What is to be known of the protocol's files where not they govern."""
    name = in_force.plan.name
    try:
        version = load_protocol(settings.protocol).rulebook.version
    except (ConfigError, RulebookError):
        return (f"the protocol's files have mistakes, which hoist rules lint names; {name} is in force, they are not",)
    if version == in_force.plan.version:
        return ()
    return (f"the protocol's files are not in force, {name} is: hoist plan says what they would change",)


def namesakes(installed: Mapping[str, Sequence[str]] | None = None) -> tuple[str, ...]:
    """Other distributions that bring a package of one of hoist's names; `installed` replaces what is in this environment."""
    found = packages_distributions() if installed is None else installed
    claims = {name: sorted({dist for dist in found.get(name, ()) if dist != "hoist"}) for name in PACKAGES}
    return tuple(
        f"the package {name} is claimed by {', '.join(others)} as well: install hoist into an environment of its own"
        for name, others in claims.items()
        if others
    )


def _checked(answered: SignedIn, rulebook: Rulebook | None, world: World, in_force: InForce | None) -> CheckedSource:
    source, identity = answered.source, answered.identity
    problems = answered.problems
    teams = priorities = None
    if rulebook is not None and answered.directory is not None and answered.capabilities is not None:
        directory = names_by(in_force.plan if in_force is not None else None, source.name, answered.directory)
        teams, priorities = _names(rulebook, source.name, directory)
        problems += _misfits(rulebook, source.name, directory, answered.capabilities, world)
    return CheckedSource(
        source.name,
        source.platform,
        identity.account_name if identity is not None else None,
        identity.instance if identity is not None else None,
        answered.skew / SECOND if identity is not None else None,
        tuple(sorted(answered.connector.capabilities.writes)) if answered.connector is not None else (),
        _promises(answered),
        teams,
        priorities,
        problems,
    )


def _promises(answered: SignedIn) -> dict[str, str]:
    if answered.connector is None:
        return {}
    capabilities = answered.connector.capabilities
    told = {str(kind): _told(kind, promise) for kind, promise in capabilities.promises.items()}
    wait = f"{capabilities.request_life_seconds:g} seconds"
    return told | {
        "lost answer": f"hoist waits {wait}, looks for its marker, and writes again only if it proves that nothing came"
    }


def _told(kind: OperationKind, promise: Promise) -> str:
    guarded = f"{_SITUATIONS[kind]}: {_GUARDS[promise.guard]} ({promise.guard})"
    return f"{guarded}. Written once by {promise.once}; without an answer its outcome is found in {promise.found_out}"


def _names(rulebook: Rulebook, source: str, directory: Directory) -> tuple[Found, Found]:
    organisation = rulebook.organisation
    names = Names(organisation, source, directory, World())
    teams = [name for name, team in organisation.teams.items() if team.sources.get(source)]
    levels = [level.name for level in organisation.priorities if level.sources.get(source)]
    return (
        Found(sum(1 for name in teams if names.teams[name]), len(teams)),
        Found(sum(1 for name in levels if names.levels[name]), len(levels)),
    )


def _misfits(rulebook: Rulebook, source: str, directory: Directory, capabilities: Capabilities, world: World) -> tuple[str, ...]:
    try:
        fitted(rulebook, source, directory, capabilities, world)
    except BindingError as error:
        return tuple(f"{source}: {problem}" for problem in error.problems)
    return ()
