"""`hoist demo`: play it, show it, check it; the exit code says whether the check holds."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from agent.config import length_of_time
from agent.demo.evidence import Evidence, gathered
from agent.demo.figures import figures
from agent.demo.organisation import dressed, in_whose_organisation
from agent.demo.outage import with_outage
from agent.demo.proof import Proof, prove
from agent.demo.stage import Stage, set_up
from agent.demo.story import Names, eventful, told
from agent.demo.together import OUTAGE, wrong_numbers
from agent.errors import ConfigError
from agent.pipeline import Pipeline
from agent.store import clusters, episodes, waiting
from agent.store.states import RowState
from connectors import registry
from connectors.errors import AskAdmin
from connectors.sandboxes.event_log import load as event_log
from connectors.sandboxes.history import History
from connectors.sandboxes.made_up import made_up
from connectors.sandboxes.record import FoundComment
from connectors.sandboxes.sandbox import Sandbox
from rules.instants import DAY, SECOND, Instant, instant, moment, written

SHOWN = 20
"""Mismatches that are shown before the rest is only counted."""
MADE_UP_START = instant(moment(0).replace(year=2026, month=3, day=2, hour=6))
"""A Monday morning; made-up tickets need no other."""
TICKETS = 300
"""Made-up tickets of all helpdesks at the start, unless there are to be others."""
A_DAY, A_WORKING_DAY = "1d", "10h"
"""How long one helpdesk is played, and several side by side: each of them is polled every minute."""
LONGEST = 1_000 * DAY
EARLIEST, LATEST = instant(moment(0).replace(year=1990)), instant(moment(0).replace(year=2100))
"""Instants that a helpdesk may have; they leave room for calendars to look ahead."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """The command's options; `length` as written, None for the usual one."""

    platforms: tuple[str, ...]
    history: Path | None
    mapping: Path | None
    start: Instant | None
    length: str | None
    tickets: int | None  # at each helpdesk
    seed: int
    rules: Path | None
    store: Path | None
    json_file: Path | None


def run_demo(options: DemoOptions, console: Console) -> bool:
    """Play the demo and print what came of it; True where the check found a mismatch.

    Raises ConfigError or RulebookError where options or rules are wrong; then nothing was played.
    """
    length = _length(options.length or (A_DAY if len(set(options.platforms)) == 1 else A_WORKING_DAY))
    _json_file(options.json_file)
    histories, start = _histories(options, length)
    with _folder(options.store) as folder, set_up(folder, histories, start, options.rules) as stage:
        stage.app.start()
        helpdesks = " and ".join(f"a sandbox {sandbox.PLATFORM_NAME} at {sandbox.url}" for sandbox in stage.sandboxes.values())
        beside = "it" if len(stage.sandboxes) == 1 else "them"
        console.print(
            f"{helpdesks[0].upper()}{helpdesks[1:]}, hoist beside {beside}; one clock for all, which stands while they work and"
            f" begins at {written(start)}."
        )
        if options.rules is not None:
            console.print(Text(in_whose_organisation(options.rules, stage.sandboxes)), soft_wrap=True)
        play(stage, start, start + length, console)
        console.print("Checking it against the helpdesk's own record ...")
        checked = [_checked(stage, pipeline, sandbox) for pipeline, sandbox in stage.desks()]
        together = _together({desk.source: desk.summary for desk in checked})
        if options.rules is None:
            together["mismatches"] += _miscounted(stage, [desk.evidence for desk in checked])
        summary = {"from": written(start), "to": written(stage.clock.now()), **together}
        _show(console, summary)
        _tell_the_most_eventful(console, checked)
        if options.json_file is not None:
            _write(options.json_file, summary)
        _last_words(console, options, stage, summary, folder)
    return bool(summary["mismatches"])


class _Checked(NamedTuple):
    """One helpdesk after its check."""

    source: str
    evidence: Evidence
    names: Names
    summary: dict[str, Any]


def _checked(stage: Stage, pipeline: Pipeline, sandbox: Sandbox) -> _Checked:
    evidence, names = gathered(stage, pipeline, sandbox)
    return _Checked(pipeline.source, evidence, names, _summary(stage, pipeline, prove(evidence), evidence))


def _miscounted(stage: Stage, desks: Sequence[Evidence]) -> list[str]:
    """What is wrong with the number of tickets about the outage, which are counted over all helpdesks together."""
    with stage.database.reading() as db:
        recorded = clusters.events(db, [OUTAGE])
    return list(wrong_numbers(desks, OUTAGE, recorded[OUTAGE]))


def _together(summaries: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The sums over all helpdesks; with several of them each one's own as well, under `sources`."""
    first, *others = summaries.values()
    if not others:
        return first
    summed: dict[str, Any] = {}
    for name, value in first.items():
        values = [each[name] for each in summaries.values()]
        match value:
            case dict():
                counter = Counter[str]()
                for each in values:
                    counter.update({key: number for key, number in each.items() if isinstance(number, int)})
                summed[name] = dict(sorted(counter.items()))
            case list():
                summed[name] = [entry for each in values for entry in each]
            case _:
                summed[name] = sum(values)
    return {**summed, "sources": dict(summaries)}


def _tell_the_most_eventful(console: Console, checked: Sequence[_Checked]) -> None:
    evidence, names = max(((desk.evidence, desk.names) for desk in checked), key=lambda found: len(found[0].comments))
    chosen = eventful(evidence.tickets, evidence.comments)
    if chosen is not None:
        told(console, chosen, evidence.comments, names, evidence.ruling.rules.zone)


def _length(text: str) -> int:
    try:
        length = length_of_time(text)
    except ValueError as error:
        raise ConfigError(f"--for: {error}") from error
    if length > LONGEST:
        raise ConfigError(f"--for: {text} is too long for a demo; {LONGEST // DAY} days at most, and each takes a while")
    return length


def _json_file(path: Path | None) -> None:
    """Said before the demo is played rather than after it."""
    if path is not None and (path.is_dir() or not path.resolve().parent.is_dir()):
        raise ConfigError(f"--json: {path} can't be written: name a file in a folder that exists")


def _write(path: Path, summary: dict[str, Any]) -> None:
    try:
        path.write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--json: {path} can't be written: {error.strerror}") from error


def _histories(options: DemoOptions, length: int) -> tuple[dict[str, History], Instant]:
    """A history for each platform, and when hoist begins: the same log for all, or another made-up desk for each."""
    if options.start is not None and not EARLIEST <= options.start < LATEST:
        raise ConfigError(f"--at: choose an instant between {written(EARLIEST)} and {written(LATEST)}")
    if options.start is not None and options.start % SECOND:
        raise ConfigError(f"--at: {written(options.start)} is no whole second; helpdesks stamp their answers with whole seconds")
    platforms = _platforms(options)
    if options.history is None:
        if options.mapping is not None:
            raise ConfigError("--mapping says what the columns of a log mean; name the log with --history")
        start = options.start if options.start is not None else MADE_UP_START
        seeds = {platform: options.seed + 1_000 * n for n, platform in enumerate(platforms)}
        number = options.tickets if options.tickets is not None else TICKETS // len(platforms)
        made = {each: dressed(made_up(number, seed, start, length)) for each, seed in seeds.items()}
        return with_outage(made, options.seed, start, length) if len(made) > 1 else made, start
    try:
        history = dressed(event_log(options.history, options.mapping))
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"--history: {error}") from error
    first, last = history.events[0].at, history.events[-1].at
    if options.start is None:
        return dict.fromkeys(platforms, history), max(-(-first // SECOND) * SECOND, (last - length) // DAY * DAY)
    if not first <= options.start <= last:
        raise ConfigError(f"--at: the log goes from {written(first)} to {written(last)}; choose an instant in it")
    return dict.fromkeys(platforms, history), options.start


def _platforms(options: DemoOptions) -> list[str]:
    try:
        for platform in options.platforms:
            registry.sandbox_class(platform)
    except AskAdmin as error:
        raise ConfigError(f"--platform: {error}") from error
    return list(dict.fromkeys(options.platforms))


@contextmanager
def _folder(store: Path | None) -> Iterator[Path]:
    if store is None:
        with tempfile.TemporaryDirectory(prefix="hoist-demo-") as folder:
            yield Path(folder)
        return
    try:
        store.mkdir(parents=True, exist_ok=True)
        if any(store.iterdir()):
            raise ConfigError(f"--store: {store} is not empty; name a new folder")
    except OSError as error:
        raise ConfigError(f"--store: {store} can't be made: {error.strerror}; name a new folder") from error
    yield store.resolve()


def play(stage: Stage, start: Instant, end: Instant, console: Console) -> None:
    """Turn by turn: the clock stands while hoist works, then jumps to whatever comes next."""
    zone = stage.app.pipelines[0].ruling.rules.zone
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("reading all tickets", total=end - start)
        while True:
            stage.app.turn()
            now = stage.clock.now()
            progress.update(task, completed=now - start, description=f"{moment(now).astimezone(zone):%a %d %b %H:%M}")
            if now >= end:
                return
            stage.clock.jump(min(_next(stage, now), end))


def _next(stage: Stage, now: Instant) -> Instant:
    """The next poll, look, write, or whole second: the helpdesk's stamps are seconds, and so are the jumps."""
    due = stage.app.next_due()
    return max(-(-due // SECOND) * SECOND, now + 1)


def _summary(stage: Stage, pipeline: Pipeline, proof: Proof, evidence: Evidence) -> dict[str, Any]:
    """Everything that is counted; the same whenever the options are the same."""
    with stage.database.reading() as db:
        states = waiting.count_by_state(db, pipeline.source)
        backlog = episodes.count_by_rule(db, pipeline.source, backlog=True)
    counts = pipeline.counts
    keys = {marker: key for key, marker in evidence.mark.items()}
    return {
        "mirrored": len(evidence.tickets),
        "reads": counts.mirrored,
        "polls": counts.polls,
        "looks": counts.looks,
        "firings": dict(sorted(counts.firings.items())),
        "left_alone": backlog,
        "written": states.get(RowState.APPLIED, 0),
        "superseded": states.get(RowState.SUPERSEDED, 0),
        "failed": states.get(RowState.PARKED, 0) + states.get(RowState.UNKNOWN, 0),
        "overruled": states.get(RowState.OVERRULED, 0),
        "waiting": sum(states.get(state, 0) for state in (RowState.PLANNED, RowState.HELD, RowState.CLAIMED, RowState.SENT)),
        "quarantined": counts.quarantined,
        "expected": proof.expected,
        "found": proof.found,
        "too_brief_to_confirm": proof.brief,
        "mismatches": proof.mismatches,
        "history": figures(evidence.tickets),
        "escalations": [_written_down(comment, evidence, keys) for comment in evidence.comments],
    }


def _written_down(comment: FoundComment, evidence: Evidence, keys: dict[str, str]) -> dict[str, Any]:
    """A comment of hoist's with the names of its firings: markers are another in every run."""
    ticket = next(ticket.key for ticket in evidence.tickets if ticket.ref.id == comment.issue)
    return {
        "ticket": ticket,
        "at": written(comment.at),
        "firings": [keys.get(firing, "unknown marker") for firing in comment.firings],
        "public": comment.public,
        "text": comment.text,
    }


def _show(console: Console, summary: dict[str, Any]) -> None:
    table = Table(title=f"{summary['from']} to {summary['to']}", show_header=False, title_justify="left")
    table.add_column(style="bold", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_row("tickets mirrored", f"{summary['mirrored']:,}")
    table.add_row("looks at tickets", f"{summary['looks']:,}")
    for rule in sorted(set(summary["firings"]) | set(summary["left_alone"])):
        older = summary["left_alone"].get(rule, 0)
        number = f"{summary['firings'].get(rule, 0):,}" + (f"  (+{older:,} older, left alone)" if older else "")
        table.add_row(f"firings of {rule}", number)
    for name in ("written", "superseded", "failed", "waiting"):
        table.add_row(name, f"{summary[name]:,}")
    console.print(table)


def _last_words(console: Console, options: DemoOptions, stage: Stage, summary: dict[str, Any], folder: Path) -> None:
    console.print()
    mismatches = summary["mismatches"]
    if mismatches:
        said = f"{len(mismatches)} mismatches between the helpdesk's own record and one evaluation of its final history:"
        console.print(Text(said, "bold red"))
        for mismatch in mismatches[:SHOWN]:
            console.print(Text(f"  {mismatch}"), soft_wrap=True)
        if len(mismatches) > SHOWN:
            console.print(f"  and {len(mismatches) - SHOWN:,} more: --json FILE holds them all")
    else:
        console.print(
            f"[bold green]Checked[/]: {summary['found']} escalations in the helpdesk's own record, {summary['expected']} expected"
            " by one evaluation of its final history; they agree one by one, none twice."
        )
    if options.store is not None:
        console.print("Next, on what was kept:", soft_wrap=True)
        source = next(iter(stage.sandboxes))
        console.print(Text(f"  hoist why --config {folder}/hoist.yaml {source}:KEY"), soft_wrap=True)
    else:
        console.print("Next: rules of your own with --rules FILE, or write a hoist.yaml and try hoist check.")
