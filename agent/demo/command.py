"""`hoist demo`: play it, show it, check it; the exit code says whether the check holds."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from agent.config import length_of_time
from agent.demo.organisation import SOURCE
from agent.demo.proof import Evidence, Proof, prove
from agent.demo.record import FoundComment, FoundSave, Record
from agent.demo.stage import Stage, set_up
from agent.demo.story import eventful, told
from agent.errors import ConfigError
from agent.markers import marker
from agent.pipeline import Pipeline
from agent.store import episodes, installation, waiting
from agent.store.states import RowState
from connectors.jira.sandbox import load as event_log
from connectors.jira.sandbox import made_up
from connectors.jira.site.history import History
from rules.instants import DAY, SECOND, Instant, instant, moment, written
from rules.ticket import Ticket

MADE_UP_START = instant(moment(0).replace(year=2026, month=3, day=2, hour=6))
"""A Monday morning; made-up tickets need no other."""
PAST = 10 * DAY
"""How long before the start the made-up service desk opened."""

DONE, FINDINGS = 0, 1


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """The command's options; `length` as written."""

    history: Path | None
    mapping: Path | None
    start: Instant | None
    length: str
    tickets: int
    seed: int
    rules: Path | None
    store: Path | None
    json_file: Path | None


def run_demo(options: DemoOptions, console: Console) -> int:
    """Play the demo and print what came of it; 0 where every check holds, else 1.

    Raises ConfigError or RulebookError where options or rules are wrong.
    """
    length = _length(options.length)
    history, start = _history(options, length)
    with _folder(options.store) as folder, set_up(folder, history, start, options.rules) as stage:
        console.print(f"A sandbox Jira at {stage.url}, hoist beside it; both on one clock that stands at {written(start)}.")
        stage.app.start()
        pipeline = stage.app.pipelines[0]
        _play(stage, start, start + length, console)
        console.print("Checking what the helpdesk's own record shows ...")
        tickets, saves, comments = _read_again(stage, pipeline)
        proof = prove(_evidence(stage, pipeline, tickets, saves, comments))
        summary = _summary(stage, pipeline, proof, tickets)
        summary["from"], summary["to"] = written(start), written(stage.clock.now())
        _show(console, summary)
        chosen = eventful(tickets, comments)
        if chosen is not None:
            told(console, chosen, comments, pipeline.connector.directory())
        if options.json_file is not None:
            summary["escalations"] = [asdict(comment) for comment in comments]
            options.json_file.write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        _last_words(console, options, proof, folder)
    return FINDINGS if proof.mismatches else DONE


def _length(text: str) -> int:
    try:
        return length_of_time(text)
    except ValueError as error:
        raise ConfigError(f"--for: {error}") from error


def _history(options: DemoOptions, length: int) -> tuple[History, Instant]:
    if options.history is None:
        start = options.start if options.start is not None else MADE_UP_START
        return made_up(options.tickets, options.seed, start - PAST, PAST + length), start
    try:
        history = event_log(options.history, options.mapping)
    except (OSError, ValueError) as error:
        raise ConfigError(f"--history: {error}") from error
    first, last = history.events[0].at, history.events[-1].at
    start = options.start if options.start is not None else max(first, last - length - DAY) // DAY * DAY
    if not first <= start <= last:
        raise ConfigError(f"--at: the log goes from {written(first)} to {written(last)}; choose an instant in it")
    return history, start


@contextmanager
def _folder(store: Path | None) -> Iterator[Path]:
    if store is not None:
        store.mkdir(parents=True, exist_ok=True)
        if any(store.iterdir()):
            raise ConfigError(f"--store: {store} is not empty; name a new folder")
        yield store.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="hoist-demo-") as folder:
        yield Path(folder)


def _play(stage: Stage, start: Instant, end: Instant, console: Console) -> None:
    """Turn by turn: the clock stands while hoist works, then jumps to whatever comes next."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("mirroring", total=end - start)
        while True:
            stage.app.turn()
            now = stage.clock.now()
            progress.update(task, completed=now - start, description=f"{moment(now):%a %d %b %H:%M}")
            if now >= end:
                return
            stage.clock.jump(min(_next(stage, now), end))


def _next(stage: Stage, now: Instant) -> Instant:
    """The next poll, look, write, or whole second: the helpdesk's stamps are seconds, and so are the jumps."""
    due = stage.app.next_due()
    return max(-(-due // SECOND) * SECOND, now + 1)


class _Nothing:
    """A ledger that has seen nothing, so that every ticket is read again."""

    def unchanged(self, versions: object) -> list[str]:  # noqa: ARG002
        return []


def _read_again(stage: Stage, pipeline: Pipeline) -> tuple[list[Ticket], list[FoundSave], list[FoundComment]]:
    """The final tickets by a fresh read of everything, and the record of hoist's account."""
    tickets = [ticket for page in pipeline.connector.changed(None, _Nothing()) for ticket in page.tickets]
    settings: dict[str, Any] = dict(stage.sandbox.source_settings())
    record = Record(stage.url, stage.username, stage.token, settings["projects"][0])
    issues = record.issues()
    saves = list(record.saves(issues))
    written_on = dict.fromkeys(save.issue for save in saves) | dict.fromkeys(
        ticket.ref.id for ticket in tickets if any(m.by.id == record.account for m in ticket.messages)
    )
    comments = [comment for issue in written_on for comment in record.comments(issue)]
    return tickets, saves, comments


def _evidence(
    stage: Stage, pipeline: Pipeline, tickets: list[Ticket], saves: list[FoundSave], comments: list[FoundComment]
) -> Evidence:
    with stage.database.transaction() as db:
        recorded = list(episodes.rows(db, SOURCE))
        rows = [row for row in waiting.of_source(db, SOURCE) if row.state is not RowState.WATCHED]
        mine = installation.read_or_make(db)
    settings: dict[str, Any] = dict(stage.sandbox.source_settings())
    field = settings["tier_field"]["field"]
    return Evidence(
        tickets,
        saves,
        comments,
        recorded,
        rows,
        pipeline.ruling,
        {str(row.key): marker(mine, SOURCE, str(row.key)) for row in rows},
        {field: "team", "assignee": "assignee", "priority": "priority"},
        stage.clock.now(),
        pipeline.poll_every + 3 * SECOND,
    )


def _summary(stage: Stage, pipeline: Pipeline, proof: Proof, tickets: list[Ticket]) -> dict[str, Any]:
    with stage.database.reading() as db:
        states = waiting.count_by_state(db, SOURCE)
        backlog = episodes.count_by_rule(db, SOURCE, backlog=True)
    counts = pipeline.counts
    return {
        "mirrored": len(tickets),
        "reads": counts.mirrored,
        "polls": counts.polls,
        "looks": counts.looks,
        "firings": dict(sorted(counts.firings.items())),
        "left_alone": backlog,
        "written": states.get(RowState.APPLIED, 0),
        "superseded": states.get(RowState.SUPERSEDED, 0),
        "failed": states.get(RowState.PARKED, 0) + states.get(RowState.UNKNOWN, 0),
        "waiting": states.get(RowState.PLANNED, 0),
        "quarantined": counts.quarantined,
        "expected": proof.expected,
        "found": proof.found,
        "too_brief_to_confirm": proof.brief,
        "mismatches": proof.mismatches,
    }


def _show(console: Console, summary: dict[str, Any]) -> None:
    table = Table(title=f"{summary['from']}  to  {summary['to']}", show_header=False, title_justify="left")
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_row("tickets mirrored", f"{summary['mirrored']:,}")
    table.add_row("looks", f"{summary['looks']:,}")
    for rule in sorted(set(summary["firings"]) | set(summary["left_alone"])):
        older = summary["left_alone"].get(rule, 0)
        table.add_row(
            f"firings of {rule}", f"{summary['firings'].get(rule, 0):,}" + (f"  (+{older:,} older, left alone)" if older else "")
        )
    for name in ("written", "superseded", "failed"):
        table.add_row(name, f"{summary[name]:,}")
    console.print(table)


def _last_words(console: Console, options: DemoOptions, proof: Proof, folder: Path) -> None:
    if proof.mismatches:
        console.print(f"[bold red]{len(proof.mismatches)} mismatches[/] between the helpdesk's record and the evaluation:")
        for said in proof.mismatches[:20]:
            console.print(f"  {said}", markup=False)
    else:
        console.print(
            f"[bold green]Checked[/]: {proof.found} escalations in the helpdesk's own record, {proof.expected} expected by one"
            " evaluation of its final history; they agree one by one, none twice."
        )
    if options.store is not None:
        console.print(f"Kept in {folder}: try  hoist why --config {folder}/hoist.yaml {SOURCE}:KEY")
