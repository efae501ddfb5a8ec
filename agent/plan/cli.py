"""`hoist plan`, `hoist apply`, `hoist forecast`: look before anything comes into force."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from agent.screens.terminal import Terminal
from agent.undo.cli import an_instant
from rules.instants import Instant

DONE, FINDINGS = 0, 1
PLAN_EXAMPLES: Final = "Examples: hoist plan; hoist plan --tickets; hoist plan --protocol drafts/protocol --out tonight.json"
APPLY_EXAMPLES: Final = "Examples: hoist apply plan-7f3a9c21; hoist apply plan-7f3a9c21 --at 2026-11-24T06:00:00Z"
FORECAST_EXAMPLES: Final = "Examples: hoist forecast; hoist forecast --for 24h --team network-ops --ical network-ops.ics"

Config = Annotated[Path | None, typer.Option("--config", "-c", help="hoist.yaml (default: $HOIST_CONFIG, else ./hoist.yaml).")]
Json = Annotated[bool, typer.Option("--json", help="For machines: one JSON document on standard output.")]
As = Annotated[str | None, typer.Option("--as", metavar="NAME", help="Who you are (default: the account of the system).")]


def add_to(app: typer.Typer, panel: str) -> None:
    """Hang the commands into the program, `plan` left out: it stands among the first ones."""
    app.command(rich_help_panel=panel, epilog=APPLY_EXAMPLES)(apply)
    app.command(rich_help_panel=panel, epilog=FORECAST_EXAMPLES)(forecast)


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    """How far it is. Ctrl-C ends it and leaves nothing: half a plan is none."""
    from agent.progress import progress

    with progress("judging tickets") as (told, stopped):

        def on(done: int, whole: int) -> None:
            told(done, whole)
            if stopped():
                raise KeyboardInterrupt

        yield on


def _print_json(found: Any) -> None:
    sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=2) + "\n")


def plan(
    protocol: Annotated[
        Path | None, typer.Option("--protocol", help="A folder or file of changed rules (default: that of hoist.yaml).")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Save it there (default: ./plan-HASH.json).")] = None,
    tickets: Annotated[bool, typer.Option("--tickets", help="Every ticket, field by field, with the reasons.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no helpdesk for its names and what it can do.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """What changed rules would do, ticket by ticket, before they are in force; writes nothing."""
    from agent.plan.commands import make_plan
    from agent.screens import plan as screen

    with _bar() as told:
        made = make_plan(config, protocol, out, told, offline=offline)
    if as_json:
        _print_json(screen.data(made))
    else:
        screen.show(Terminal(), made, tickets=tickets)
    sys.exit(FINDINGS if made.problems else DONE)


def apply(
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="Its name or file, as hoist plan says it.")],
    at: Annotated[
        Instant | None, typer.Option(parser=an_instant, metavar="INSTANT", help="Not before then, like 2026-11-24T06:00:00Z.")
    ] = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take back a plan that waits for its instant.")] = False,
    why: Annotated[str, typer.Option("--why", help="In your own words; it stands in the journal.")] = "",
    name: As = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Bring a plan into force, exactly as it was looked at; refused where it rests on what is no longer so."""
    from agent.plan.commands import apply_named, withdraw_named
    from agent.screens import plan as screen
    from agent.who import at_the_command_line

    who = at_the_command_line(name, why or "the plan was looked at")
    if withdraw:
        withdraw_named(config, plan, who)
        if as_json:
            _print_json({"withdrawn": True})
        else:
            Terminal().print("Withdrawn: the rules in force stay.")
        return
    with _bar() as told:
        applied = apply_named(config, plan, at, who, told)
    if as_json:
        _print_json(screen.applied_data(applied))
    else:
        screen.applied(Terminal(), applied)
    sys.exit(FINDINGS if applied.held else DONE)


def forecast(
    length: Annotated[str, typer.Option("--for", metavar="LENGTH", help="How far ahead, like 8h or 2d.")] = "8h",
    team: Annotated[str | None, typer.Option("--team", metavar="NAME", help="Of this team of the organisation only.")] = None,
    ical: Annotated[
        Path | None, typer.Option("--ical", metavar="FILE", help="Write it as a calendar; - is standard output.")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """What escalates next, when and to whom, if nobody acts but hoist."""
    from agent.plan.commands import make_forecast, write_calendar
    from agent.screens import forecast as screen

    with _bar() as told:
        found = make_forecast(config, length, team, told)
    if ical is not None:
        write_calendar(found, team, ical)
    if as_json:
        _print_json(screen.data(found))
    elif ical is None or str(ical) != "-":
        screen.show(Terminal(), found)
