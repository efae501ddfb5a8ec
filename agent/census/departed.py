"""Teams that left a source while hoist was running: a refused write is asked whether the team that it meant is still there."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from agent import outbox
from agent.clock import Clock, steady
from agent.outbox import Outcome, Result
from connectors.contract import Connector
from connectors.errors import AskAdmin, ConnectorError, OutcomeUnknown, TryLater
from rules.escalation import Operation, OperationKind
from rules.instants import MINUTE
from rules.world import Directory

ASKED_EVERY: Final = MINUTE
"""How old an answer about a source's teams may be: a thousand refusals cost one question a minute."""


class DepartedTeams:
    """What is known of one source's teams since a write was refused. Workers may share it: at worst they ask twice."""

    def __init__(self, connector: Connector, clock: Clock) -> None:
        self._connector, self._clock = connector, clock
        self._answer: tuple[int, Directory] | None = None  # steady milliseconds, and what the source said

    def judged(self, operation: Operation, result: Result) -> Result:
        """The result; where the write was refused because the team that was to get the ticket is gone, that says so."""
        team = next((change.new for change in operation.changes if change.field == "team"), None)
        if result.outcome is not Outcome.REFUSED or operation.kind is not OperationKind.FIELDS or not isinstance(team, str):
            return result
        try:
            directory = self._directory()
        except (TryLater, AskAdmin, OutcomeUnknown) as error:  # it was refused, so it may be sent again
            return Result(Outcome.NOT_SENT, f"{result.said}; {error}", outbox.seconds_of(error), error=error)
        except ConnectorError:
            return result
        if not directory.teams_listed or team in directory.teams:
            return result
        said = f"the team {team} is no longer in {operation.ticket.source}, so the next one is asked: {result.said}"
        return replace(result, outcome=Outcome.DEPARTED, said=said, departed=team)

    def _directory(self) -> Directory:
        now = steady(self._clock)
        if self._answer is None or now - self._answer[0] >= ASKED_EVERY:
            self._answer = now, self._connector.directory()
        return self._answer[1]
