"""`hoist audit`: as everywhere, parse, call one function, print."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from agent.hindsight.backtest_cli import Config, Json, Log, Mapping, Source, Trusted
from agent.screens.terminal import Terminal

DONE, FINDINGS = 0, 1
_EXAMPLES: Final = (
    "Examples: hoist audit --month 2026-10 --report october.html; hoist audit --log incidents.csv.gz --mapping mapping.yaml"
)


def add_to(app: typer.Typer, panel: str) -> None:
    """Add the command to the program."""
    app.command("audit", rich_help_panel=panel, epilog=_EXAMPLES)(audit)


def audit(  # noqa: PLR0913 - an option each
    month: Annotated[str | None, typer.Option(metavar="YYYY-MM", help="A month, in the organisation's time zone.")] = None,
    since: Annotated[str | None, typer.Option(help="From then on: 90d, or a date.")] = None,
    until: Annotated[str | None, typer.Option(help="Up to then: a date (default: as far as is known).")] = None,
    log: Log = None,
    mapping: Mapping = None,
    source: Source = None,
    rules: Annotated[Path | None, typer.Option(help="Audit by these rules (file or folder), not the present ones.")] = None,
    grace: Annotated[str | None, typer.Option(metavar="LENGTH", help="Done later than that is late; 15m unless set.")] = None,
    seed: Annotated[int, typer.Option(help="Another seed, another sample of 25 tickets.")] = 1,
    trusted: Trusted = None,
    report: Annotated[Path | None, typer.Option(help="Write an HTML report there, and its data beside it as .json.")] = None,
    pseudonyms: Annotated[bool, typer.Option("--pseudonyms", help="Teams and people go by made-up names.")] = False,
    before: Annotated[Path | None, typer.Option(help="The .json of an earlier report: what has changed since.")] = None,
    rows: Annotated[Path | None, typer.Option(help="Write every step that was due there, as CSV.")] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Was the protocol followed, ticket by ticket, and does it still fit? Exit code 1 where a step was late or skipped."""
    from agent.collector import spare_the_collector
    from agent.hindsight.audit import Options
    from agent.hindsight.audit_commands import Outputs, run_audit
    from agent.hindsight.past import Wanted
    from agent.progress import INTERRUPTED, progress
    from agent.screens import audit as screen

    past = Wanted(config, log, mapping, source, rules, tuple(trusted or ()))
    options = Options(past, month, since, until, grace, seed)
    spare_the_collector()
    with progress("tickets") as (told, stopped):
        found, data = run_audit(options, Outputs(report, rows, before, pseudonyms), told, stopped)
    if as_json:
        sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=2) + "\n")
    else:
        screen.show(Terminal(), found, data)
    if found.stopped:
        sys.exit(INTERRUPTED)
    sys.exit(DONE if data["followed"] == data["steps"] else FINDINGS)
