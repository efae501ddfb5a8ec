"""`hoist journal`: the evidence; as everywhere, parse, call one function, print."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from agent.screens.terminal import Terminal
from rules.instants import Instant, instant

journal_app = typer.Typer(help="What hoist did, line by line, sealed in a chain of hashes.", no_args_is_help=True)

DONE, FINDINGS = 0, 1

Config = Annotated[Path | None, typer.Option("--config", "-c", help="hoist.yaml (default: $HOIST_CONFIG, else ./hoist.yaml).")]
Json = Annotated[bool, typer.Option("--json", help="For machines: one JSON document on standard output.")]

_VERIFY: Final = "Example: hoist journal verify --head 1280:9f86d081884c7d65..."
_EXPORT: Final = "Examples: hoist journal export > journal.jsonl; hoist journal export --format xes --since 2026-11-01T00:00:00Z"
_REPLAY: Final = "Examples: hoist journal replay jira-cloud:SD-17; hoist journal replay 1280"
_ERASE: Final = "Examples: hoist journal erase anna@example.com; hoist journal erase anna@example.com --yes"


def an_instant(text: str) -> Instant:
    """An ISO 8601 instant with its zone. Raises BadParameter."""
    try:
        return instant(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is no instant with its zone; write it like 2026-11-01T00:00:00Z") from None


def _print_json(found: Any) -> None:
    sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=2) + "\n")


@journal_app.command("head")
def head(
    sign_anew: Annotated[
        bool, typer.Option("--sign-anew", help="Sign with the key of hoist.yaml, whatever the signature before; it is journaled.")
    ] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """The end of the chain, to be kept elsewhere: it shows later whether anything before it was changed or taken away."""
    from agent.journal.commands import journal_head
    from agent.screens import journal as screen

    found = journal_head(config, anew=sign_anew)
    if as_json:
        _print_json(screen.head_data(found.head, found.fresh))
    else:
        screen.head(Terminal(), found.head, found.fresh)


@journal_app.command("verify", epilog=_VERIFY)
def verify(
    given: Annotated[
        str | None, typer.Option("--head", metavar="POSITION:HASH[:SIGNATURE]", help="A head that was kept elsewhere.")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Whether nobody changed the journal since it was sealed. Exit code 1 where somebody did.

    Without a head that was kept elsewhere, one who made all of it anew is not noticed.
    """
    from agent.journal.commands import verify_journal
    from agent.screens import journal as screen

    found = verify_journal(config, given)
    if as_json:
        _print_json(screen.verified_data(found))
    else:
        screen.verified(Terminal(), found, compared=given is not None)
    sys.exit(FINDINGS if found.findings else DONE)


@journal_app.command("export", epilog=_EXPORT)
def export(
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="jsonl (all of it), csv, xes or ocel (events of tickets).")
    ] = "jsonl",
    since: Annotated[
        Instant | None, typer.Option(parser=an_instant, metavar="INSTANT", help="From this instant of the source's clock on.")
    ] = None,
    until: Annotated[Instant | None, typer.Option(parser=an_instant, metavar="INSTANT", help="Before this instant.")] = None,
    source: Annotated[str | None, typer.Option(metavar="SOURCE", help="This source only.")] = None,
    ticket: Annotated[str | None, typer.Option(metavar="SOURCE:KEY", help="This ticket only, like jira-cloud:SD-17.")] = None,
    config: Config = None,
) -> None:
    """The journal on standard output: JSON Lines, or an event log for process-mining tools."""
    from agent.journal.commands import Wanted, exported

    for piece in exported(config, Wanted(form, ticket, source, since, until)):
        sys.stdout.write(piece)


@journal_app.command("replay", epilog=_REPLAY)
def replay(
    wanted: Annotated[str, typer.Argument(metavar="LINE|SOURCE:KEY", help="A line's number, or a ticket: all that was decided.")],
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Make a decision once more: the rules of then, the ticket as it was known then. Exit code 1 unless the same comes out."""
    from agent.journal.commands import replay as make_once_more
    from agent.journal.replaying import Came
    from agent.screens import journal as screen

    found = make_once_more(config, wanted)
    if as_json:
        _print_json(screen.replayed_data(found))
    else:
        screen.replayed(Terminal(), found)
    sys.exit(DONE if all(each.came is Came.SAME for each in found) else FINDINGS)


@journal_app.command("erase", epilog=_ERASE)
def erase(
    person: Annotated[str, typer.Argument(metavar="PERSON", help="The id, address or name of a person.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this it is only said what would be erased.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Erase a person from the journal, for good; the chain goes on being verifiable. Dry unless --yes is given."""
    from agent.journal.commands import erase_person
    from agent.screens import journal as screen

    found = erase_person(config, person, really=yes)
    if as_json:
        _print_json(screen.erasure_data(found))
    else:
        screen.erasure(Terminal(), found)
