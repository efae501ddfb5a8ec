"""`hoist changes undo` and `hoist rehearse`: a person has hoist take back what it wrote, or try what it can do."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from agent.screens.terminal import Terminal
from rules.instants import Instant, instant

DONE, FINDINGS = 0, 1
UNDO_EXAMPLES: Final = (
    "Examples: hoist changes undo jira-cloud:SD-17; "
    'hoist changes undo --rule nobody-took-it --since 2026-11-23T08:00:00Z --yes --why "wrong team"'
)
REHEARSE_EXAMPLES: Final = (
    "Examples: hoist rehearse jira-cloud:SD-17; hoist rehearse jira-cloud:SD-17 --rule nobody-took-it --yes"
)

Config = Annotated[Path | None, typer.Option("--config", "-c", help="hoist.yaml (default: $HOIST_CONFIG, else ./hoist.yaml).")]
Json = Annotated[bool, typer.Option("--json", help="For machines: one JSON document on standard output.")]
As = Annotated[str | None, typer.Option("--as", metavar="NAME", help="Who you are (default: the account of the system).")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without this it is only said what would be done.")]


def add_to(app: typer.Typer, changes: typer.Typer, panel: str) -> None:
    """Hang the commands into the program, `undo` into the group of changes."""
    app.command(rich_help_panel=panel, epilog=REHEARSE_EXAMPLES)(rehearse)
    changes.command(epilog=UNDO_EXAMPLES)(undo)


def an_instant(text: str) -> Instant:
    """An ISO 8601 instant with its zone. Raises BadParameter."""
    try:
        return instant(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is no instant with its zone; write it like 2026-11-01T00:00:00Z") from None


def undo(
    ticket: Annotated[str | None, typer.Argument(metavar="[SOURCE:KEY]", help="All that hoist wrote on this ticket.")] = None,
    rule: Annotated[str | None, typer.Option("--rule", metavar="ID", help="What was written for this rule only.")] = None,
    since: Annotated[
        Instant | None, typer.Option(parser=an_instant, metavar="INSTANT", help="What was written since, by the source's clock.")
    ] = None,
    source: Annotated[str | None, typer.Option("--source", metavar="SOURCE", help="In this source only.")] = None,
    yes: Yes = False,
    why: Annotated[str, typer.Option("--why", help="In your own words; it stands in the journal. Needed with --yes.")] = "",
    name: As = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Take back what hoist wrote, field by field, where nobody changed it since. Dry unless --yes is given.

    Counts as your own change: no rule writes those fields for a day.
    """
    from agent.screens import undo as screen
    from agent.store.orders import OrderState
    from agent.undo.commands import Wanted
    from agent.undo.commands import undo as take_back
    from agent.who import at_the_command_line

    who = at_the_command_line(name, why) if yes else None
    found = take_back(config, Wanted(ticket, rule, since, source), who)
    if as_json:
        _print_json(screen.undone_data(found))
    else:
        screen.undone(Terminal(), found, really=yes)
    good = all(each.order is not None and each.order.state is OrderState.DONE for each in found) if yes else True
    sys.exit(DONE if good and any(not each.reversal.empty for each in found) else FINDINGS)


def rehearse(
    ticket: Annotated[str, typer.Argument(metavar="SOURCE:KEY", help="A ticket to try it on, best one made for it.")],
    rule: Annotated[
        str | None, typer.Option("--rule", metavar="ID", help="The first step of this rule, whether it is due or not.")
    ] = None,
    yes: Yes = False,
    why: Annotated[str, typer.Option("--why", help="In your own words; it stands in the journal.")] = "a rehearsal",
    name: As = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Try one escalation on a ticket: write, read back, prove the note internal, take back. Dry unless --yes is given."""
    from agent.screens import undo as screen
    from agent.undo.rehearse_commands import rehearse as try_it
    from agent.who import at_the_command_line

    found = try_it(config, ticket, rule, at_the_command_line(name, why), really=yes)
    if as_json:
        _print_json(screen.rehearsed_data(found))
    else:
        screen.rehearsed(Terminal(), found)
    sys.exit(DONE if found.ok or not yes else FINDINGS)


def _print_json(found: Any) -> None:
    sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=2) + "\n")
