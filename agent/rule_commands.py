"""What the commands for work on rules do, one function each: lint, explain, format, matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

from agent.clock import SystemClock
from agent.config import SourceSettings
from agent.errors import ConfigError
from agent.in_force.fitting import impossible
from agent.in_force.protocol_files import (
    copies_beside,
    library,
    load_protocol,
    outside_of,
    protocol_place,
    settings_beside,
    texts,
    world_of,
)
from agent.outside.dependants import missing_facts
from agent.outside.overview import faults
from connectors.errors import ConnectorError
from connectors.registry import connector_class
from rules.binding import BindingError
from rules.formatting import Formatted, formatted
from rules.instants import moment
from rules.language.problems import Problem, RulebookError
from rules.lint import findings
from rules.matrix import matrix_rules
from rules.protocol.rulebook import Rulebook
from rules.prove import Guard, Kind, Proof, prove, read_guard, read_within, usual_guards
from rules.rulebook import load
from rules.sentences import Explained, explained
from rules.stories import bound_for
from rules.world import World

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

    `proofs` are the answers about every ticket there could be, None where they were not asked for. `unknown`: what can't be said
    here.
    """

    rules: int = 0
    problems: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    proofs: tuple[Proof, ...] | None = None
    unknown: tuple[str, ...] = ()

    @property
    def at_fault(self) -> int:
        """How many things there are to mend or to look at."""
        found = [proof for proof in self.proofs or () if proof.kind is Kind.FOUND]
        return len(self.problems) + len(self.findings) + len(found)


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
    whole, settings = protocol_place(place, config), settings_beside(config)
    try:
        loaded = load_protocol(whole)
    except RulebookError as error:
        return Linted(problems=tuple(str(problem) for problem in error.problems))
    refused, unknown = _refused(loaded.rulebook, () if settings is None else settings.sources)
    outside = outside_of(loaded.rulebook, whole, None if settings is None else settings.copies)
    world = outside.world(loaded.rulebook.organisation, SystemClock().now())
    try:
        bound_for(loaded.rulebook, world)
    except BindingError as error:
        return Linted(len(loaded.rulebook.rules), (*error.problems, *refused), unknown=unknown)
    cut = [hint for hint in loaded.hints if hint.expected.startswith(_CUT)]
    now, sources = SystemClock().now(), None if settings is None else tuple(source.name for source in settings.sources)
    missing = missing_facts(outside, loaded.rulebook, now)
    outer = [missing.get(said, said) for said in faults(outside, loaded.rulebook.organisation, now)]
    worth_a_look = [*map(str, cut), *map(str, findings(loaded.rulebook, today(), sources)), *outer]
    return Linted(
        len(loaded.rulebook.rules),
        refused,
        tuple(worth_a_look),
        tuple(str(hint) for hint in loaded.hints if hint not in cut),
        None if deep is None else _proofs(loaded.rulebook, world, deep),
        unknown,
    )


def _refused(rulebook: Rulebook, sources: Sequence[SourceSettings]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What sources can't do that rules ask for, and of which that can't be told here. No helpdesk is asked."""
    refused, unknown = list[str](), list[str]()
    for source in sources:
        try:
            with closing(connector_class(source.platform)(source.name, source.settings)) as connector:
                refused += impossible(rulebook, source.name, connector.capabilities, key=None)
        except ConnectorError as error:  # a secret, say, that is kept where hoist runs
            unknown.append(f"whether {source.name} can do what the rules ask for is not known here: {error}")
    return tuple(refused), tuple(unknown)


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


def explain_rules(paths: Sequence[Path], config: Path | None) -> tuple[Explained, ...]:
    """Each rule of files or folders in words; of a file beside organisation.yaml those that stand in it.

    Raises ConfigError where a path is none or the rules fit nothing, RulebookError where a protocol has problems.
    """
    found: list[Explained] = []
    for path in paths or [protocol_place(None, config)]:
        whole = path.parent if path.is_file() and (path.parent / "organisation.yaml").exists() else path
        rulebook = load_protocol(whole).rulebook
        try:
            bound = bound_for(rulebook, world_of(rulebook, whole, copies_beside(config)))
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
