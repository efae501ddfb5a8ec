"""`hoist backtest`: as everywhere, parse, call one function, print."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from agent.screens.terminal import Terminal

DONE: Final = 0
_EXAMPLES: Final = (
    "Examples: hoist backtest --since 90d; hoist backtest --log incidents.csv.gz --mapping mapping.yaml;"
    " hoist backtest --since 90d --against protocol-new"
)

Config = Annotated[Path | None, typer.Option("--config", "-c", help="hoist.yaml (default: $HOIST_CONFIG, else ./hoist.yaml).")]
Json = Annotated[bool, typer.Option("--json", help="For machines: one JSON document on standard output.")]
Log = Annotated[
    Path | None, typer.Option(help="An event log (CSV, XES, also .gz) instead of the mirror; no connection is needed.")
]
Mapping = Annotated[Path | None, typer.Option(help="What that log's columns mean (docs/event-logs.md).")]
Source = Annotated[str | None, typer.Option(help="Which source's mirror; of a log: whose names it uses.")]
Trusted = Annotated[
    list[str] | None,
    typer.Option("--trust", metavar="FIELD", help="Use this field of the log although it looks known too early."),
]


def add_to(app: typer.Typer, panel: str) -> None:
    """Add the command to the program."""
    app.command("backtest", rich_help_panel=panel, epilog=_EXAMPLES)(backtest)


def backtest(  # noqa: PLR0913 - an option each
    log: Log = None,
    mapping: Mapping = None,
    source: Source = None,
    rules: Annotated[Path | None, typer.Option(help="Judge by these rules (file or folder) instead of the present ones.")] = None,
    against: Annotated[Path | None, typer.Option(help="Other rules, side by side with the first.")] = None,
    since: Annotated[str | None, typer.Option(help="From then on: 90d, or a date.")] = None,
    until: Annotated[str | None, typer.Option(help="Up to then: a date (default: as far as is known).")] = None,
    soon: Annotated[
        str | None, typer.Option(metavar="LENGTH", help="Solved or moved within that: a false alarm; 1h unless set.")
    ] = None,
    what_if: Annotated[bool, typer.Option("--what-if", help="Lay what hoist would have written over the history.")] = False,
    trusted: Trusted = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """What rules would have done on past tickets, each instant judged by what was known then; writes nothing."""
    from agent.collector import spare_the_collector
    from agent.hindsight.backtest import Options
    from agent.hindsight.backtest import backtest as run
    from agent.hindsight.past import Wanted
    from agent.progress import INTERRUPTED, progress
    from agent.screens import backtest as screen

    past = Wanted(config, log, mapping, source, rules, tuple(trusted or ()))
    spare_the_collector()
    with progress("tickets") as (told, stopped):
        found = run(Options(past, against, since, until, soon, what_if), told, stopped)
    if as_json:
        sys.stdout.write(json.dumps(screen.data(found), ensure_ascii=False, indent=2) + "\n")
    else:
        screen.show(Terminal(), found)
    sys.exit(INTERRUPTED if found.stopped else DONE)
