"""`hoist pause`, `hoist resume`, `hoist snooze`: a person's word that hoist is to keep its hands off; and take them back on."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from rules.instants import Instant, written

Config = Annotated[Path | None, typer.Option("--config", "-c", help="hoist.yaml (default: $HOIST_CONFIG, else ./hoist.yaml).")]
Why = Annotated[str, typer.Option("--why", help="In your own words; it stands in the journal and in hoist status.")]
As = Annotated[str | None, typer.Option("--as", metavar="NAME", help="Who you are (default: the account of the system).")]
Source = Annotated[str | None, typer.Argument(metavar="[SOURCE]", help="Like jira-cloud.")]
Rule = Annotated[str | None, typer.Option("--rule", metavar="ID", help="This rule only; in all sources, or in SOURCE.")]
Everything = Annotated[bool, typer.Option("--all", help="Every source and every rule.")]
Json = Annotated[bool, typer.Option("--json", help="For machines: one JSON document on standard output.")]
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
    as_json: Json = False,
) -> None:
    """Write nothing from the next request on; tickets are read and judged all the same."""
    from agent.guards.commands import What
    from agent.guards.commands import pause as pause_it
    from agent.who import at_the_command_line

    what = What(source, rule, everything)
    until = pause_it(config, what, length, at_the_command_line(name, why))
    ends = "until hoist resume" if until is None else f"until {_when(config, until)}"
    _say(as_json, f"Paused {ends}: {what}.", paused=str(what), until=None if until is None else written(until))


def resume(
    why: Why,
    source: Source = None,
    rule: Rule = None,
    everything: Everything = False,
    name: As = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Go on after a pause; what fell due meanwhile is left to you: hoist changes list."""
    from agent.guards.commands import What
    from agent.guards.commands import resume as resume_it
    from agent.who import at_the_command_line

    what = What(source, rule, everything)
    ended = resume_it(config, what, at_the_command_line(name, why))
    said = f"Goes on: {what}. Next: hoist changes list, for what fell due meanwhile."
    _say(as_json, said, goes_on=str(what), since=[written(each.since) for each in ended])


def snooze(
    ticket: Annotated[str, typer.Argument(metavar="SOURCE:KEY", help="Like jira-cloud:SD-17.")],
    why: Why,
    length: Annotated[str, typer.Option("--for", metavar="LENGTH", help="Like 2h or 3d.")] = "1d",
    off: Annotated[bool, typer.Option("--off", help="Leave it alone no longer.")] = False,
    name: As = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Leave a ticket alone for a while."""
    from agent.guards.commands import snooze as snooze_it
    from agent.guards.commands import wake
    from agent.who import at_the_command_line

    who = at_the_command_line(name, why)
    if off:
        wake(config, ticket, who)
        _say(as_json, f"{ticket} is left alone no longer.", ticket=ticket, until=None)
        return
    until = snooze_it(config, ticket, length, who)
    _say(as_json, f"hoist leaves {ticket} alone until {_when(config, until)}.", ticket=ticket, until=written(until))


def _when(config: Path | None, at: Instant) -> str:
    """An instant as people of the organisation write it."""
    from agent.commands import time_zone
    from agent.config import load_settings
    from rules.phrases import stamp

    return stamp(at, time_zone(load_settings(config)))


def _say(as_json: bool, said: str, **data: Any) -> None:  # noqa: FBT001 - as typer gives it
    sys.stdout.write(f"{json.dumps(data, ensure_ascii=False, indent=2) if as_json else said}\n")
