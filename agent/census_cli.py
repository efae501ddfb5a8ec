"""`hoist census`: what an administrator says about tickets that have vanished, and a count that is wanted at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from agent.census_commands import accept_vanished

census_app = typer.Typer(help="The count of every ticket by its id.", no_args_is_help=True)

_Config = Annotated[Path | None, typer.Option("--config", "-c", help="hoist.yaml (default: $HOIST_CONFIG, else ./hoist.yaml).")]
_Source = Annotated[str, typer.Argument(metavar="SOURCE", help="Like jira-cloud.")]


@census_app.command("accept")
def accept(source: _Source, config: _Config = None) -> None:
    """Say that the tickets which vanished at once are gone indeed: they are marked so, and writing goes on."""
    number = accept_vanished(config, source)
    sys.stdout.write(
        f"{source}: {number:,} open tickets that vanished count as gone. Where hoist run runs, it goes on within minutes.\n"
    )
