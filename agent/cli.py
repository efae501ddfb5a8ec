"""The command line: parse, call one function, print."""

from __future__ import annotations

import errno
import json
import logging
import signal
import sys
import zoneinfo
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from agent.census.cli import census_app
from agent.collector import collect_less_often
from agent.errors import HoistError
from agent.guards import cli as guard_cli
from agent.guards.changes_cli import changes_app
from agent.hindsight import audit_cli, backtest_cli
from agent.journal.cli import journal_app
from agent.plan import cli as plan_cli
from agent.rules_cli import rules_app
from agent.screens.terminal import LogLines, Terminal, printable
from agent.undo import cli as undo_cli
from connectors.errors import ConnectorError
from rules.instants import Instant, instant
from rules.language.problems import RulebookError

DONE, FINDINGS, WRONG_USE = 0, 1, 2
MORE = "More"

app = typer.Typer(
    name="hoist",
    help="Lifts stuck tickets up the chain of command, in the helpdesk that you already have.",
    epilog="Next: hoist demo shows it all on this machine. Exit codes: 0 done, 1 something was found, 2 wrong use.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(rules_app, name="rules", rich_help_panel=MORE)
app.add_typer(journal_app, name="journal", rich_help_panel=MORE)
app.add_typer(census_app, name="census", rich_help_panel=MORE)
app.add_typer(changes_app, name="changes", rich_help_panel=MORE)
audit_cli.add_to(app, MORE)
backtest_cli.add_to(app, MORE)
guard_cli.add_to(app, MORE)
undo_cli.add_to(app, changes_app, MORE)
plan_cli.add_to(app, MORE)


def an_instant(text: str) -> Instant:
    """An ISO 8601 instant with its zone, for options. Raises BadParameter."""
    try:
        return instant(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is no instant with its zone; write it like 2012-05-07T06:00:00Z") from None


Config = Annotated[Path | None, typer.Option("--config", "-c", help="hoist.yaml (default: $HOIST_CONFIG, else ./hoist.yaml).")]
Json = Annotated[bool, typer.Option("--json", help="For machines: one JSON document on standard output.")]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The program; `arguments` without its name, those of the process by default.

    Always ends in SystemExit. Exit code 0: done, 1: findings, 2: wrong use.
    """
    collect_less_often()
    # The system's zone files are often years behind in law; those of the tzdata package are the ones whose version is recorded.
    zoneinfo.reset_tzpath(())
    log = logging.StreamHandler(sys.stderr)
    log.setFormatter(LogLines("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(handlers=[log])
    try:
        app(arguments, prog_name="hoist")
    except RulebookError as error:
        number = len(error.problems)
        _stop(
            f"The protocol has {number} {'problem' if number == 1 else 'problems'}; nothing was started or written.", str(error)
        )
    except (HoistError, ConnectorError) as error:
        _stop(str(error))
    except BrokenPipeError:
        # Whoever read the output has seen enough; what is still in the buffer has nowhere to go.
        sys.stdout = None
    except Exception:
        from agent.store_damage import damage_in_words

        if not (said := damage_in_words()):
            raise
        _stop(said)
    sys.exit(DONE)


def _stop(*said: str) -> NoReturn:
    for text in said:
        sys.stderr.write(f"{printable(text)}\n")
    sys.exit(WRONG_USE)


def _print_json(found: Any) -> None:
    sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=2) + "\n")


@app.command()
def demo(  # noqa: PLR0913 - an option each
    history: Annotated[
        Path | None, typer.Option(help="An event log to replay (CSV or CSV.gz) instead of made-up tickets.")
    ] = None,
    mapping: Annotated[Path | None, typer.Option(help="What that log's columns mean, where they are not known.")] = None,
    platform: Annotated[
        list[str] | None,
        typer.Option(
            help="jira, jira:data-center, servicenow, zendesk; several times for several. All three unless set, Jira for a log."
        ),
    ] = None,
    at: Annotated[
        Instant | None,
        typer.Option(parser=an_instant, metavar="INSTANT", help="When hoist starts, like 2012-05-07T06:00:00Z."),
    ] = None,
    length: Annotated[
        str | None,
        typer.Option("--for", metavar="LENGTH", help="How long it runs on the stepped clock; 1d unless set, 10h for several."),
    ] = None,
    tickets: Annotated[
        int | None,
        typer.Option(min=1, max=100_000, help="Made-up tickets that each helpdesk has at the start; 300 in all unless set."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed, another service desk.")] = 7,
    rules: Annotated[Path | None, typer.Option(help="Rules of your own: a file or folder of YAML (all run live).")] = None,
    store: Annotated[Path | None, typer.Option(help="Keep hoist's store here, for hoist status and hoist why.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the whole summary to this file.")] = None,
) -> None:
    """Show it all: sandbox helpdesks, hoist beside them, one stepped clock, and a summary that is checked."""
    from agent.demo.command import DemoOptions, run_demo

    everywhere = ("jira", "servicenow", "zendesk") if history is None else ("jira",)
    options = DemoOptions(tuple(platform or everywhere), history, mapping, at, length, tickets, seed, rules, store, json_file)
    sys.exit(FINDINGS if run_demo(options, Terminal()) else DONE)


@app.command()
def check(config: Config = None, as_json: Json = False) -> None:
    """Verify credentials, rights, fields, teams, calendars and rules; writes nothing."""
    from agent.commands import check_all
    from agent.screens import plain

    found = check_all(config)
    if as_json:
        _print_json(plain.check_data(found))
    else:
        plain.check(Terminal(), found)
    sys.exit(FINDINGS if found.problems else DONE)


@app.command()
def run(
    config: Config = None,
    once: Annotated[bool, typer.Option("--once", help="One turn: read, evaluate, write back, then stop.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Every rule only watches, on a copy of the store.")] = False,
    as_json: Json = False,
) -> None:
    """The agent: poll, evaluate, write back; until it is told to stop (Ctrl-C, SIGTERM)."""
    from agent.commands import run_agent
    from agent.screens import plain

    logging.getLogger("hoist").setLevel(logging.INFO)
    with _told_to_stop() as stopped:
        done = run_agent(config, once=once, stopped=stopped, dry_run=dry_run)
    if as_json:
        _print_json([plain.data(each) for each in done])
    else:
        plain.done(Terminal(), done, dry_run=dry_run)
    # A long run that was told to stop did what it was told; how its sources are is for hoist status to say.
    sys.exit(FINDINGS if once and any(each.problem for each in done) else DONE)


@contextmanager
def _told_to_stop() -> Iterator[Callable[[], bool]]:
    """A question that is answered with yes once the process was told to stop; until the block is left."""
    told: list[int] = []
    before = {number: signal.signal(number, lambda got, _: told.append(got)) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(told)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


app.command(epilog=plan_cli.PLAN_EXAMPLES)(plan_cli.plan)


@app.command()
def status(config: Config = None, as_json: Json = False) -> None:
    """Health: how far each helpdesk was read, what waits, what needs a person (then the exit code is 1)."""
    from agent.commands import statuses
    from agent.screens import plain

    found, now, zone = statuses(config)
    if as_json:
        _print_json(plain.status_data(found))
    else:
        plain.status(Terminal(), found, now, zone)
    sys.exit(DONE if found.healthy else FINDINGS)


@app.command()
def why(
    ticket: Annotated[str, typer.Argument(metavar="SOURCE:KEY", help="Like jira-cloud:SD-17.")],
    rule: Annotated[str | None, typer.Option(help="This rule only, part by part.")] = None,
    at_length: Annotated[bool, typer.Option("--all", help="Every rule with each part of its condition.")] = False,
    at: Annotated[
        Instant | None, typer.Option(parser=an_instant, metavar="INSTANT", help="As of this instant instead of now.")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Why a ticket did or did not escalate, and what comes next."""
    from agent.commands import explain
    from agent.screens.why import answer, answer_data

    found = explain(config, ticket, rule, at)
    if as_json:
        _print_json(answer_data(found))
    else:
        answer(Terminal(), found, at_length=at_length)


@app.command(rich_help_panel=MORE)
def install(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Its name in hoist.yaml.")],
    remove: Annotated[bool, typer.Option("--remove", help="Take out what hoist has put in.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this it is only said.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Put hoist's webhook into a helpdesk, so that changes are known at once; says first what it would do."""
    from agent import install as installing
    from agent.screens import installed

    done = installing.install(config, source, remove=remove, yes=yes)
    if as_json:
        _print_json(installed.data(done))
    else:
        installed.show(Terminal(), done, remove=remove)


@app.command(
    rich_help_panel=MORE, add_help_option=False, context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
)
def sandbox(
    context: typer.Context, platform: Annotated[str, typer.Argument(help="Which: hoist sandbox --help lists them.")] = ""
) -> None:
    """A stand-in of a helpdesk on 127.0.0.1; prints one JSON line once it listens."""
    from agent.sandbox_files import write_hoist_yaml
    from connectors import registry

    if not platform or platform.startswith("-"):
        console = Terminal()
        console.print("usage: hoist sandbox PLATFORM [options, see --help]", markup=False)
        for name in registry.sandboxes():
            console.print(f"  {name:12} a stand-in of {registry.sandbox(name).Sandbox.PLATFORM_NAME} on 127.0.0.1")
        sys.exit(DONE if platform in {"--help", "-h"} or "--help" in context.args else WRONG_USE)
    try:
        code = registry.sandbox(platform).run(context.args, write_hoist_yaml)
    except OSError as error:
        if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
            raise
        raise typer.BadParameter("the port is in use or not yours to listen on: take another --port, or any free one") from None
    sys.exit(code)
