"""`hoist changes`: what waits for a person, with the values that would be written; and a person's word on it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from agent.screens.terminal import Terminal

changes_app = typer.Typer(help="Changes that wait for a person: approve, reject, try again.", no_args_is_help=True)

DONE, FINDINGS = 0, 1

Config = Annotated[Path | None, typer.Option("--config", "-c", help="hoist.yaml (default: $HOIST_CONFIG, else ./hoist.yaml).")]
Json = Annotated[bool, typer.Option("--json", help="For machines: one JSON document on standard output.")]
Targets = Annotated[list[str], typer.Argument(metavar="RUN|SOURCE:KEY", help="The number of a run, or tickets.")]
Why = Annotated[str, typer.Option("--why", help="In your own words; it stands in the journal.")]
As = Annotated[str | None, typer.Option("--as", metavar="NAME", help="Who you are (default: the account of the system).")]

_APPROVE: Final = 'Example: hoist changes approve 3 --rate 20/h --why "the mail server is down indeed"'


def _print_json(found: Any) -> None:
    sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=2) + "\n")


@changes_app.command("list")
def list_(
    page: Annotated[int, typer.Option("--page", min=1, help="Which page.")] = 1,
    number: Annotated[int, typer.Option("--limit", min=1, help="Changes on a page.")] = 100,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """All that waits for a person: held runs, what fell due in a pause or an outage, existing tickets, what was refused."""
    from agent.guards.changes_commands import listed
    from agent.screens import changes as screen

    found = listed(config, page, number)
    if as_json:
        _print_json(screen.changes_data(found))
    else:
        screen.listed(Terminal(), found)


@changes_app.command("show")
def show(targets: Targets, config: Config = None, as_json: Json = False) -> None:
    """One run, or what waits of some tickets, each with the values from and to."""
    from agent.guards.changes_commands import shown
    from agent.screens import changes as screen

    found = shown(config, targets)
    if as_json:
        _print_json(screen.changes_data(found))
    else:
        screen.changes(Terminal(), found)


@changes_app.command("approve", epilog=_APPROVE)
def approve(
    targets: Targets,
    why: Why,
    rate: Annotated[str | None, typer.Option("--rate", metavar="20/h", help="No faster than that; urgent ones first.")] = None,
    shown: Annotated[str | None, typer.Option("--shown", help="As list and show print it: refuse if anything differs.")] = None,
    name: As = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Let these be written with exactly the values shown; what differs when its turn comes is held again."""
    from agent.guards.changes_commands import approved, per_hour
    from agent.screens import changes as screen
    from agent.who import at_the_command_line

    found = approved(config, targets, at_the_command_line(name, why), per_hour(rate), shown)
    if as_json:
        _print_json(screen.answered_data(found))
    else:
        screen.answered(Terminal(), "Approved", found)
    sys.exit(FINDINGS if found.problems else DONE)


@changes_app.command("reject")
def reject(targets: Targets, why: Why, name: As = None, config: Config = None, as_json: Json = False) -> None:
    """Let these not be written, for as long as it stays so in their tickets."""
    from agent.guards.changes_commands import rejected
    from agent.screens import changes as screen
    from agent.who import at_the_command_line

    found = rejected(config, targets, at_the_command_line(name, why))
    if as_json:
        _print_json(screen.answered_data(found))
    else:
        screen.answered(Terminal(), "Rejected", found)
    sys.exit(FINDINGS if found.problems else DONE)


@changes_app.command("retry")
def retry(
    tickets: Annotated[list[str], typer.Argument(metavar="SOURCE:KEY", help="Like jira-cloud:SD-17.")],
    why: Why,
    name: As = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Try again what the source refused, or what a brake stopped."""
    from agent.guards.changes_commands import retried
    from agent.screens import changes as screen
    from agent.who import at_the_command_line

    found = retried(config, tickets, at_the_command_line(name, why))
    if as_json:
        _print_json(screen.answered_data(found))
    else:
        screen.answered(Terminal(), "Tried again", found)
