"""What the commands for work on rules do, one function each: lint, test, explain, format, matrix."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

from agent.clock import SystemClock
from agent.commands import existing_store, named_ticket, protocol_place
from agent.config import load_settings
from agent.errors import ConfigError
from agent.outside.dependants import missing_facts
from agent.outside.overview import faults
from agent.protocol_files import library, load_protocol, outside_of, texts, world_of
from agent.store import sources
from agent.store.installation import installation_key
from agent.why import named
from rules.binding import BindingError, bind
from rules.formatting import Formatted, formatted
from rules.instants import Instant, moment
from rules.language.moments import local_moment, written_local
from rules.language.problems import Problem, RulebookError, nearest
from rules.lint import findings
from rules.matrix import matrix_rules
from rules.protocol.rulebook import Rulebook
from rules.prove import Guard, Kind, Proof, prove, read_guard, read_within, usual_guards
from rules.rulebook import load
from rules.sentences import Explained, explained
from rules.stories import Told, bound_for, read_stories, tell, zone_of
from rules.story_writing import story_text
from rules.world import World

TESTS: Final = "tests"
"""The folder of the protocol that holds its stories."""
_CUT: Final = "the text ends before"


@dataclass(frozen=True, slots=True)
class Deep:
    """What is asked of every ticket there could be: the kinds that must be escalated (none: the usual ones), and how soon."""

    covered: tuple[str, ...] = ()
    within: str | None = None
    progress: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True)
class Linted:
    """What is wrong in a protocol, what is worth a look, and what is better written otherwise.

    `proofs` are the answers about every ticket there could be, None where they were not asked for.
    """

    rules: int = 0
    problems: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    proofs: tuple[Proof, ...] | None = None

    @property
    def at_fault(self) -> int:
        """How many things there are to mend or to look at."""
        found = [proof for proof in self.proofs or () if proof.kind is Kind.FOUND]
        return len(self.problems) + len(self.findings) + len(found)


@dataclass(frozen=True, slots=True)
class Tested:
    """What came of stories; `problems` are those of the files, which leave nothing to test."""

    told: tuple[Told, ...] = ()
    problems: tuple[str, ...] = ()
    written: Path | None = None  # a story that was written from a ticket

    @property
    def failed(self) -> int:
        """How many stories ended otherwise than expected."""
        return sum(1 for each in self.told if each.failures)


@dataclass(frozen=True, slots=True)
class FormattedFile:
    """A file in the one form, and what was written otherwise."""

    path: Path
    changes: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class FromMatrix:
    """The rules of a matrix; `problems` where there are none to be had."""

    rules: str = ""
    problems: tuple[str, ...] = ()


def lint_rules(place: Path | None, config: Path | None, deep: Deep | None = None) -> Linted:
    """What is to be said of a protocol without any helpdesk.

    Raises ConfigError where what is asked of it `deep` can't be read, or the solver for that is not installed.
    """
    whole = protocol_place(place, config)
    try:
        loaded = load_protocol(whole)
        outside = outside_of(loaded.rulebook, whole, _copies(config))
        world = outside.world(loaded.rulebook.organisation, SystemClock().now())
        bound_for(loaded.rulebook, world)
    except RulebookError as error:
        return Linted(problems=tuple(str(problem) for problem in error.problems))
    except BindingError as error:
        return Linted(len(loaded.rulebook.rules), error.problems)
    cut = [hint for hint in loaded.hints if hint.expected.startswith(_CUT)]
    now, sources = SystemClock().now(), _sources(config)
    missing = missing_facts(outside, loaded.rulebook, now)
    outer = [missing.get(said, said) for said in faults(outside, loaded.rulebook.organisation, now)]
    worth_a_look = [*map(str, cut), *map(str, findings(loaded.rulebook, today(), sources)), *outer]
    return Linted(
        len(loaded.rulebook.rules),
        (),
        tuple(worth_a_look),
        tuple(str(hint) for hint in loaded.hints if hint not in cut),
        None if deep is None else _proofs(loaded.rulebook, world, deep),
    )


def _proofs(rulebook: Rulebook, world: World, deep: Deep) -> tuple[Proof, ...]:
    guards = _guards(rulebook, deep)
    try:
        return prove(rulebook, world, guards, first_year=today().year, progress=deep.progress)
    except BindingError as error:
        raise ConfigError(*error.problems) from None
    except ImportError as error:
        raise ConfigError('--deep needs a solver, which is installed with: pip install "hoist[deep]"') from error


def _guards(rulebook: Rulebook, deep: Deep) -> tuple[Guard, ...]:
    try:
        if deep.covered or deep.within is None:
            return tuple(read_guard(text, deep.within, rulebook) for text in deep.covered)
        within = read_within(deep.within, rulebook)
        return tuple(replace(guard, within=within) for guard in usual_guards(rulebook))
    except RulebookError as error:
        raise ConfigError(*(f"--{problem.file}: {_said(problem)}" for problem in error.problems)) from None


def _said(problem: Problem) -> str:
    """Without line and column: an option is one line."""
    nearest_name = f'; did you mean "{problem.hint}"?' if problem.hint else ""
    return f'"{problem.text}": {problem.expected}{nearest_name}'


def today() -> date:
    """The present date, in UTC: a day more or less is none for what was to be reviewed by then."""
    return moment(SystemClock().now()).date()


def tell_stories(paths: Sequence[Path], protocol: Path | None, config: Path | None) -> Tested:
    """Tell the stories of files and folders, by default those in `tests/` of the protocol.

    Raises ConfigError where there are none, RulebookError where the protocol itself has problems.
    """
    place = protocol_place(protocol or _beside(paths), config)
    rulebook = load_protocol(place).rulebook
    files = dict(_stories(paths or [_tests(place)]))
    if not files:
        raise ConfigError(f"there is no story in {_tests(place)} yet; docs/rules.md shows one, and --from SOURCE:KEY writes one")
    return _tested(files, rulebook, _world(rulebook, place, config))


def write_story(
    ticket: str, should_fire: str, rule: str | None, out: Path | None, protocol: Path | None, config: Path | None
) -> Tested:
    """Write a story from a ticket in the mirror, by default into `tests/` of the protocol, and tell it.

    Raises ConfigError where there is no such ticket or rule, the instant is none, or the file is there already.
    """
    settings = load_settings(config)
    place = protocol or settings.protocol
    rulebook = load_protocol(place).rulebook
    source, name = named_ticket(ticket, [each.name for each in settings.sources])
    _check_rule(rulebook, rule)
    zone = zone_of(rulebook, None)
    try:
        at = local_moment(should_fire, zone)
    except ValueError as error:
        raise ConfigError(f"--should-fire: {should_fire!r}: {error}, in {zone} unless it says otherwise") from None
    world = world_of(rulebook, place, settings.copies)
    with closing(existing_store(settings)) as database, database.reading() as db:
        found = named(db, source, name)
        bound = bind(rulebook, source, sources.directory(db, source), world, installation_key(db))
    if at.at + at.precision <= found.created:
        created = written_local(found.created, zone)
        raise ConfigError(f"--should-fire: no rule fires before there is a ticket: {ticket} was created at {created}")
    text = story_text(found, bound, zone, str(zone), at.at, rule)
    steps = _steps_until(_tested({"": text}, rulebook, world), rule)
    if steps:
        text = story_text(found, bound, zone, str(zone), at.at, rule, steps)
    path = out or _tests(place) / f"{re.sub('[^a-z0-9.-]+', '-', f'{source}-{found.key}'.lower())}.yaml"
    _write_new(path, text)
    tested = _tested({path.name: text}, rulebook, world)
    return Tested(tested.told, tested.problems, path)


def _steps_until(tested: Tested, rule: str | None) -> list[tuple[str, Instant, int]]:
    """The steps that one rule takes in a story up to the expected one; none where it takes none then.

    Where no rule is asked for, it is the first that does.
    """
    for told in tested.told:
        (expected,) = told.story.fires
        then = [fired for fired in told.fired if rule in (None, fired.rule) and expected.at.means(fired.at)]
        if then:
            last = then[0]
            taken = [fired for fired in told.fired if fired.rule == last.rule and fired.at <= last.at]
            return [(fired.rule, fired.at, fired.steps[-1]) for fired in taken]
    return []


def explain_rules(paths: Sequence[Path], config: Path | None) -> tuple[Explained, ...]:
    """Each rule of files or folders in words; of a file beside organisation.yaml those that stand in it.

    Raises ConfigError where a path is none or the rules fit nothing, RulebookError where a protocol has problems.
    """
    found: list[Explained] = []
    for path in paths or [protocol_place(None, config)]:
        whole = path.parent if path.is_file() and (path.parent / "organisation.yaml").exists() else path
        rulebook = load_protocol(whole).rulebook
        try:
            bound = bound_for(rulebook, _world(rulebook, whole, config))
        except BindingError as error:
            raise ConfigError("\n".join(error.problems)) from None
        chosen = [rule for rule in rulebook.rules if whole == path or rule.place.startswith(f"{path.name}:")]
        found += [explained(rulebook, bound, rule) for rule in chosen]
    return tuple(found)


def format_rules(place: Path | None, config: Path | None, *, check: bool) -> tuple[FormattedFile, ...]:
    """The files of a protocol that are not in the one form; they are written anew unless it is only a check.

    Raises ConfigError where one can't be written, RulebookError where the protocol has problems.
    """
    place = protocol_place(place, config)
    whole = place.parent if place.is_file() and (place.parent / "organisation.yaml").exists() else place
    before = texts(whole)
    changed: dict[Path, Formatted] = {}
    for name, form in formatted(before, library()).items():
        path = whole / name if whole.is_dir() else whole
        if form.text != before[name] and place in {whole, path}:
            changed[path] = form
    for path, form in changed.items() if not check else ():
        try:
            path.write_text(form.text, encoding="utf-8", newline="")
        except OSError as error:
            raise ConfigError(f"{path} can't be written: {error.strerror}") from error
    return tuple(FormattedFile(path, form.changes) for path, form in changed.items())


def rules_from_matrix(file: Path, chain: str | None, protocol: Path | None, config: Path | None) -> FromMatrix:
    """The rules of an escalation matrix, in the words of the protocol's organisation; they load beside its other files.

    Raises ConfigError where the file can't be read, RulebookError where the protocol has problems.
    """
    files = texts(protocol_place(protocol, config))
    rulebook = load(files, library()).rulebook
    taken = [name for rule in rulebook.rules for name in (rule.id, *rule.formerly)]
    try:
        made = matrix_rules(_csv(file), file.name, rulebook.organisation, taken, chain)
    except RulebookError as error:
        return FromMatrix(problems=tuple(str(problem) for problem in error.problems))
    try:
        load({**files, "matrix.yaml": made}, library())
    except RulebookError as error:
        return FromMatrix(made, tuple(f"in the rules made: {problem}" for problem in error.problems))
    return FromMatrix(made)


def _tested(files: Mapping[str, str], rulebook: Rulebook, world: World) -> Tested:
    try:
        stories = read_stories(files, rulebook, zone_of(rulebook, None))
        return Tested(tell(stories, rulebook, world))
    except RulebookError as error:
        return Tested(problems=tuple(str(problem) for problem in error.problems))
    except BindingError as error:
        return Tested(problems=error.problems)


def _world(rulebook: Rulebook, place: Path, config: Path | None) -> World:
    """The world as the protocol's folder tells it; of what stands behind URLs the copies beside the store, where there is one."""
    return world_of(rulebook, place, _copies(config))


def _copies(config: Path | None) -> Path | None:
    """Where the last good copies lie; None where no hoist.yaml says so."""
    try:
        return load_settings(config).copies
    except ConfigError:
        return None


def _sources(config: Path | None) -> tuple[str, ...] | None:
    """The sources that hoist.yaml names; None where there is none to be had."""
    try:
        return tuple(source.name for source in load_settings(config).sources)
    except ConfigError:
        return None


def _tests(place: Path) -> Path:
    return (place if place.is_dir() else place.parent) / TESTS


def _beside(paths: Sequence[Path]) -> Path | None:
    """The protocol in whose `tests/` the first path lies; None where it lies elsewhere."""
    first = paths[0].resolve() if paths else None
    folder = next((each for each in (first, *first.parents) if each.name == TESTS), None) if first is not None else None
    return folder.parent if folder is not None and (folder.parent / "organisation.yaml").exists() else None


def _stories(paths: Sequence[Path]) -> Iterator[tuple[str, str]]:
    for path in paths:
        if path.is_dir():
            found = sorted(each for each in (*path.rglob("*.yaml"), *path.rglob("*.yml")) if not each.name.startswith("."))
            yield from ((str(each), _read(each)) for each in found)
        elif path.exists():
            yield str(path), _read(path)
        elif path.name != TESTS:
            raise ConfigError(f"there is no {path}: name a file of stories or a folder of them")


def _read(path: Path) -> str:
    return texts(path)[path.name]


def _csv(path: Path) -> str:
    """Spreadsheets save CSV as UTF-8, or as Windows' own code where nobody chose."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror}") from error
    for encoding in ("utf-8-sig", "utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ConfigError(f"{path} is no text: save the sheet as CSV in UTF-8")


def _check_rule(rulebook: Rulebook, rule: str | None) -> None:
    known = [each.id for each in rulebook.rules]
    if rule is not None and rule not in known:
        near = nearest(rule, known)
        raise ConfigError(f"there is no rule {rule}; " + (f"did you mean {near}?" if near else f"there are {', '.join(known)}"))


def _write_new(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        raise ConfigError(f"{path} is there already: --out names another file") from None
    except OSError as error:
        raise ConfigError(f"{path} can't be written: {error.strerror}") from error
