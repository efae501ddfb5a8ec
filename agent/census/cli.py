"""`hoist census`: what an administrator says about tickets that have vanished, and a count that is wanted at once."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

census_app = typer.Typer(help="The count of every ticket by its id.", no_args_is_help=True)

_Config = Annotated[Path | None, typer.Option("--config", "-c", help="hoist.yaml (default: $HOIST_CONFIG, else ./hoist.yaml).")]
_Why = Annotated[str, typer.Option("--why", help="In your own words; it stands in the journal.")]
_As = Annotated[str | None, typer.Option("--as", metavar="NAME", help="Who you are (default: the account of the system).")]
_Json = Annotated[bool, typer.Option("--json", help="For machines: one JSON document on standard output.")]
_Source = Annotated[str, typer.Argument(metavar="SOURCE", help="Like jira-cloud.")]


@census_app.command("accept")
def accept(
    source: _Source,
    why: _Why = "they are gone indeed",
    name: _As = None,
    config: _Config = None,
    as_json: _Json = False,
) -> None:
    """Say that the tickets which vanished at once are gone indeed: they are marked so, and writing goes on."""
    from agent.census.commands import accept_vanished
    from agent.who import at_the_command_line

    number = accept_vanished(config, source, at_the_command_line(name, why))
    if as_json:
        sys.stdout.write(json.dumps({"source": source, "vanished": number}) + "\n")
        return
    sys.stdout.write(
        f"{source}: {number:,} open tickets that vanished count as gone. Where hoist run runs, it goes on within minutes.\n"
    )
