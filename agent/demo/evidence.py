"""What the check of the demo looks at: the helpdesk's own record, its tickets read afresh, and hoist's notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent import clusters
from agent.demo.stage import Stage
from agent.demo.story import Names
from agent.in_force.ruling import Ruling
from agent.pipeline import Pipeline
from agent.store import episodes, installation, waiting
from agent.store.episodes import EpisodeRow
from agent.store.states import RowState
from agent.store.waiting import WaitingRow
from agent.write_back.markers import marker
from connectors.contract import Connector
from connectors.sandboxes.record import FoundComment, FoundSave
from connectors.sandboxes.sandbox import Sandbox
from rules.instants import SECOND, Instant
from rules.ticket import Ticket


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the check looks at: the helpdesk's record and final tickets, and hoist's notes of what it confirmed when.

    `numbered` are the tickets with the numbers that they make with others, of all helpdesks, as hoist recorded them.
    `mark` turns a firing's key into the marker that the helpdesk holds.
    `bound` is how long (milliseconds) a firing may last without being noticed: a poll, a look and the Date header's resolution.
    After each change of a ticket the platform keeps it back for `kept_back` milliseconds, which do not count.
    """

    tickets: Sequence[Ticket]
    numbered: Sequence[Ticket]
    saves: Sequence[FoundSave]
    comments: Sequence[FoundComment]
    episodes: Sequence[EpisodeRow]
    rows: Sequence[WaitingRow]
    ruling: Ruling
    mark: Mapping[str, str]
    until: Instant
    bound: int
    kept_back: int


class _Nothing:
    """A ledger that has seen nothing, so that every ticket is read again."""

    def unchanged(self, versions: object) -> list[str]:  # noqa: ARG002 - the contract's ledger is asked for versions
        return []

    def mirrored(self, ids: object) -> list[str]:  # noqa: ARG002 - as above
        return []


def gathered(stage: Stage, pipeline: Pipeline, sandbox: Sandbox) -> tuple[Evidence, Names]:
    """Read everything of one helpdesk again, and what every account is called."""
    record, source = sandbox.record(), pipeline.source
    issues = record.issues()
    tickets = _tickets(pipeline.connector, issues)
    saves = list(record.saves(issues))
    comments = [comment for issue in issues for comment in record.comments(issue)]
    with stage.database.transaction() as db:
        numbered = clusters.laid_over(db, tickets, pipeline.ruling.rules)
        recorded = list(episodes.rows(db, source))
        rows = [row for row in waiting.of_source(db, source) if row.state is not RowState.WATCHED]
        mine = installation.read_or_make(db)
    evidence = Evidence(
        tickets,
        numbered,
        saves,
        comments,
        recorded,
        rows,
        pipeline.ruling,
        {str(row.key): marker(mine, source, str(row.key)) for row in rows},
        stage.clock.now(),
        pipeline.poll_every + 3 * SECOND,
        pipeline.connector.capabilities.shows_after,
    )
    return evidence, Names(pipeline.connector.directory(), record.names)


def _tickets(connector: Connector, issues: Sequence[str]) -> list[Ticket]:
    """Every ticket with all its history: a first page may leave out what is new, and the past of what is closed."""
    shown = {ticket.ref.id: ticket for page in connector.changed(None, _Nothing()) for ticket in page.tickets}
    wanted = [id_ for id_, ticket in shown.items() if ticket.complete_from != ticket.created]
    wanted += [issue for issue in issues if issue not in shown]
    return list((shown | {ticket.ref.id: ticket for ticket in connector.read(wanted).tickets}).values())
