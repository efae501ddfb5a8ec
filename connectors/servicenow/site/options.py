"""The command line of the sandbox as a program of its own, and what it says of the instance."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from connectors.servicenow.site.faults import FAULTS
from connectors.servicenow.site.policies import VARIANTS, Abort, Policies
from connectors.servicenow.site.tables import tables
from connectors.servicenow.site.whole import Terms

_RIGHTS: Final = ("read", "write", "create", "delete")


def parser(tickets: int) -> argparse.ArgumentParser:
    """What can be said on the command line. `tickets` is the number of made-up ones where none is given."""
    found = argparse.ArgumentParser(prog="hoist sandbox servicenow", description="A stand-in of ServiceNow on 127.0.0.1.")
    found.add_argument("--port", type=int, default=0, help="the port to listen on; any free one by default")
    found.add_argument("--http", action="store_true", help="speak http instead of https with a throw-away certificate")
    found.add_argument("--tickets", type=int, default=tickets, help="how many made-up tickets are there at the start")
    found.add_argument("--seed", type=int, default=0, help="the same seed makes the same tickets and faults")
    found.add_argument("--history", type=Path, help="an event log, CSV or CSV.gz, to replay instead")
    found.add_argument("--mapping", type=Path, help="says what the log's columns mean, YAML or JSON")
    found.add_argument("--at", help="where in the log the clock starts (2012-05-07T06:00Z); all of it is past by default")
    found.add_argument("--lag", type=int, default=0, help="milliseconds after its stamp that a save by others is committed")
    found.add_argument("--jwt-key", type=Path, help="the public key, PEM, of those who may sign JWT assertions")
    found.add_argument("--instance", default=Terms.instance, help="the instance's name")
    found.add_argument(
        "--session-zone", default="", help="time zone of the service account's sessions; that of the people by default"
    )
    found.add_argument("--time-zone", default=Terms.zone, help="time zone of the people, and of the instance")
    found.add_argument(
        "--hidden", action="append", default=[], metavar="TABLE:QUERY", help="rows that the service account may not see"
    )
    found.add_argument("--query-rule", action="append", default=[], metavar="TABLE:QUERY", help="what a rule adds to its queries")
    found.add_argument(
        "--abort", action="append", default=[], metavar="TABLE:QUERY", help="records that a business rule refuses to save"
    )
    found.add_argument(
        "--withheld", action="append", default=[], metavar="RIGHT", help="a right that the service account lacks: read sys_audit"
    )
    found.add_argument(
        "--variant", action="append", default=[], metavar="NAME", help=f"behave in another way: {', '.join(VARIANTS)}"
    )
    found.add_argument(
        "--fault", action="append", default=[], metavar="NAME=RATE", help=f"what goes wrong how often: {', '.join(FAULTS)}"
    )
    return found


def terms(options: argparse.Namespace) -> Terms:
    """How the instance is set up. Raises ValueError."""
    policies = Policies(
        withheld=[_right(text) for text in options.withheld],
        hidden=dict(_conditions("--hidden", options.hidden)),
        query_rules=dict(_conditions("--query-rule", options.query_rule)),
        aborts=[Abort(table, "Refused by the sandbox", when) for table, when in _conditions("--abort", options.abort)],
        variants=options.variant,
    )
    return Terms(
        instance=options.instance,
        zone=options.time_zone,
        session_zone=options.session_zone,
        lag=options.lag,
        policies=policies,
    )


def jwt_key(options: argparse.Namespace) -> bytes:
    """The public key of whoever may sign assertions; empty for none. Raises ValueError."""
    try:
        return options.jwt_key.read_bytes() if options.jwt_key else b""
    except OSError as error:
        raise ValueError(f"--jwt-key {options.jwt_key} can't be read: {error.strerror}") from error


def _right(text: str) -> str:
    """A right as it is withheld. Raises ValueError for one that there is not: it would withhold nothing."""
    right, _, what = text.partition(" ")
    table, dot, column = what.partition(".")
    there = tables()
    if text != "rest" and (right not in _RIGHTS or table not in there or (dot and column not in there[table].columns)):
        said = (
            f"write {', '.join(_RIGHTS)} and a table, or a column of it, as in: read incident.priority; or rest for all of REST"
        )
        meant = get_close_matches(
            what, [*there, *(f"{table}.{name}" for name in there[table].columns)] if table in there else there
        )
        raise ValueError(f"--withheld {text}: {said}{f' (is {meant[0]} meant?)' if meant else ''}")
    return text


def _conditions(option: str, given: Sequence[str]) -> Iterator[tuple[str, str]]:
    """TABLE:QUERY as table and encoded query. Raises ValueError."""
    for text in given:
        table, colon, query = text.partition(":")
        if not colon or table not in tables():
            raise ValueError(f"{option} {text}: write TABLE:QUERY, as in incident:priority=1")
        yield table, query
