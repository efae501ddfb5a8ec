"""`hoist pause`, `hoist resume`, `hoist snooze`: a person's word that hoist is to keep its hands off; and take them back on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rules.instants import written

Config = Annotated[Path | None, typer.Option("--config", "-c", help="hoist.yaml (default: $HOIST_CONFIG, else ./hoist.yaml).")]
Why = Annotated[str, typer.Option("--why", help="In your own words; it stands in the journal and in hoist status.")]
As = Annotated[str | None, typer.Option("--as", metavar="NAME", help="Who you are (default: the account of the system).")]
Source = Annotated[str | None, typer.Argument(metavar="[SOURCE]", help="Like jira-cloud.")]
Rule = Annotated[str | None, typer.Option("--rule", metavar="ID", help="This rule only; in all sources, or in SOURCE.")]
Everything = Annotated[bool, typer.Option("--all", help="Every source and every rule.")]
Length = Annotated[str | None, typer.Option("--for", metavar="LENGTH", help="Like 2h; without it until hoist resume.")]


def add_to(app: typer.Typer, panel: str) -> None:
    """Hang the commands into the program."""
    app.command(rich_help_panel=panel)(pause)
    app.command(rich_help_panel=panel)(resume)
    app.command(rich_help_panel=panel)(snooze)


def pause(
    why: Why,
    source: Source = None,
    rule: Rule = None,
    everything: Everything = False,
    length: Length = None,
    name: As = None,
    config: Config = None,
) -> None:
    """Write nothing from the next request on; tickets are read and judged all the same."""
    from agent.guard_commands import What
    from agent.guard_commands import pause as pause_it
    from agent.who import at_the_command_line

    what = What(source, rule, everything)
    until = pause_it(config, what, length, at_the_command_line(name, why))
    ends = "until hoist resume" if until is None else f"until {written(until)}"
    sys.stdout.write(f"Paused {ends}: {what}.\n")


def resume(
    why: Why,
    source: Source = None,
    rule: Rule = None,
    everything: Everything = False,
    name: As = None,
    config: Config = None,
) -> None:
    """Go on after a pause; what fell due meanwhile is left to you: hoist changes list."""
    from agent.guard_commands import What
    from agent.guard_commands import resume as resume_it
    from agent.who import at_the_command_line

    what = What(source, rule, everything)
    resume_it(config, what, at_the_command_line(name, why))
    sys.stdout.write(f"Goes on: {what}. Next: hoist changes list, for what fell due meanwhile.\n")


def snooze(
    ticket: Annotated[str, typer.Argument(metavar="SOURCE:KEY", help="Like jira-cloud:SD-17.")],
    why: Why,
    length: Annotated[str, typer.Option("--for", metavar="LENGTH", help="Like 2h or 3d.")] = "1d",
    off: Annotated[bool, typer.Option("--off", help="Leave it alone no longer.")] = False,
    name: As = None,
    config: Config = None,
) -> None:
    """Leave a ticket alone for a while."""
    from agent.guard_commands import snooze as snooze_it
    from agent.guard_commands import wake
    from agent.who import at_the_command_line

    who = at_the_command_line(name, why)
    if off:
        wake(config, ticket, who)
        sys.stdout.write(f"{ticket} is left alone no longer.\n")
        return
    sys.stdout.write(f"hoist leaves {ticket} alone until {written(snooze_it(config, ticket, length, who))}.\n")
