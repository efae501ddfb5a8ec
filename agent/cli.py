"""The command line: parse, call one function, print."""

from __future__ import annotations

import json
import logging
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from agent.errors import HoistError
from agent.screens import plain
from connectors.errors import ConnectorError
from rules.instants import Instant, instant
from rules.language.problems import RulebookError

DONE, FINDINGS, WRONG_USE = 0, 1, 2
MORE = "More"

app = typer.Typer(
    name="hoist",
    help="Lifts stuck tickets up the chain of command, in the helpdesk that you already have.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
rules_app = typer.Typer(help="Work on rules.", no_args_is_help=True)
sandbox_app = typer.Typer(help="A stand-in of a helpdesk on this machine.", no_args_is_help=True)
app.add_typer(rules_app, name="rules", rich_help_panel=MORE)
app.add_typer(sandbox_app, name="sandbox", rich_help_panel=MORE)

Config = Annotated[Path | None, typer.Option("--config", "-c", help="hoist.yaml (default: $HOIST_CONFIG, else ./hoist.yaml).")]
Json = Annotated[bool, typer.Option("--json", help="For machines: one JSON document on standard output.")]


def main() -> None:
    """The program. Exit code 0: done, 1: findings, 2: wrong use."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO, stream=sys.stderr)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        app()
    except RulebookError as error:
        _stop(f"The protocol has {plain.counted(len(error.problems), 'problem')}; nothing was started or written.", str(error))
    except (HoistError, ConnectorError) as error:
        _stop(str(error))
    except BrokenPipeError:
        sys.exit(DONE)


def _stop(*said: str) -> NoReturn:
    for text in said:
        print(text, file=sys.stderr)
    sys.exit(WRONG_USE)


def an_instant(text: str) -> Instant:
    """An ISO 8601 instant with its zone, for options."""
    try:
        return instant(datetime.fromisoformat(text))
    except ValueError as error:
        raise typer.BadParameter(f"{error}; write it like 2012-05-07T06:00:00Z") from error


@app.command()
def demo(
    history: Annotated[
        Path | None, typer.Option(help="An event log to replay (CSV or CSV.gz) instead of made-up tickets.")
    ] = None,
    mapping: Annotated[Path | None, typer.Option(help="Column names of that log, where they are not known.")] = None,
    at: Annotated[str | None, typer.Option(help="Instant at which hoist starts, like 2012-05-07T06:00:00Z.")] = None,
    length: Annotated[str, typer.Option("--for", help="How long it runs on the stepped clock.")] = "2d",
    tickets: Annotated[int, typer.Option(min=1, max=100_000, help="Made-up tickets.")] = 300,
    seed: Annotated[int, typer.Option(help="Another seed, another service desk.")] = 7,
    rules: Annotated[Path | None, typer.Option(help="Rules of your own: a file or folder of YAML (all run live).")] = None,
    store: Annotated[Path | None, typer.Option(help="Keep hoist's store here, for hoist status and hoist why.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the whole summary to this file.")] = None,
) -> None:
    """Show it all: a sandbox helpdesk, hoist beside it, one stepped clock, and a summary that is checked."""
    from agent.demo.command import DemoOptions, run_demo

    start = an_instant(at) if at is not None else None
    options = DemoOptions(history, mapping, start, length, tickets, seed, rules, store, json_file)
    sys.exit(run_demo(options, Console()))


@app.command()
def check(config: Config = None, as_json: Json = False) -> None:
    """Verify credentials, rights, fields, teams, calendars and rules; writes nothing to any helpdesk."""
    from agent.commands import check_all

    found = check_all(config)
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        plain.check(found)
    sys.exit(FINDINGS if found["problems"] else DONE)


@app.command()
def run(
    config: Config = None,
    once: Annotated[bool, typer.Option("--once", help="One turn: read, evaluate, write back, then stop.")] = False,
) -> None:
    """The agent: poll, evaluate, write back; until it is told to stop (Ctrl-C, SIGTERM)."""
    from agent.commands import run_agent

    stop = _Stop()
    sys.exit(FINDINGS if run_agent(config, once=once, stopped=stop) else DONE)


class _Stop:
    """True once the process was told to stop; the turn under way is finished first."""

    def __init__(self) -> None:
        self._told = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._tell)

    def _tell(self, *_: object) -> None:
        self._told = True

    def __call__(self) -> bool:
        return self._told


@app.command()
def status(config: Config = None, as_json: Json = False) -> None:
    """Health: how far each helpdesk was read, what waits, what needs a person. Exit code 1 where something does."""
    from agent.commands import statuses

    found, now = statuses(config)
    if as_json:
        print(json.dumps([plain.status_data(each, now) for each in found], ensure_ascii=False, indent=2))
    else:
        plain.status(found, now)
    sys.exit(DONE if all(each.healthy for each in found) else FINDINGS)


@app.command()
def why(
    ticket: Annotated[str, typer.Argument(metavar="SOURCE:KEY", help="Like jira-cloud:SD-17.")],
    rule: Annotated[str | None, typer.Option(help="This rule only.")] = None,
    at: Annotated[str | None, typer.Option(help="As of this instant instead of now.")] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Why a ticket did or did not escalate, and what comes next."""
    from agent.commands import explain

    answer = explain(config, ticket, rule, an_instant(at) if at is not None else None)
    if as_json:
        print(json.dumps(plain.answer_data(answer), ensure_ascii=False, indent=2))
    else:
        plain.answer(answer)


@rules_app.command("lint")
def lint(
    place: Annotated[
        Path | None, typer.Argument(help="A folder or file (default: the protocol of hoist.yaml, else ./protocol).")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Check rules without any helpdesk: every mistake at once, with its place. Exit code 1 where something is found."""
    from agent.commands import lint_rules

    found = lint_rules(place, config)
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        plain.lint(found)
    sys.exit(FINDINGS if found["problems"] or found["findings"] else DONE)


@rules_app.command("schema")
def schema() -> None:
    """The JSON Schema of rule files, for editors."""
    from rules.rulebook import schema as rule_schema

    print(json.dumps(rule_schema(), ensure_ascii=False, indent=2))


@sandbox_app.command("jira", add_help_option=False, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def sandbox_jira(context: typer.Context) -> None:
    """A stateful Jira Cloud on 127.0.0.1; prints one JSON line once it listens (options: --help)."""
    from connectors.jira.sandbox import run as run_sandbox

    sys.exit(run_sandbox(context.args))
