"""What people tell hoist on its command line while it runs: pause, go on, leave a ticket alone, take back, write what waits."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.clock import Clock
from agent.guards.changes import Waiting, approve, waiting_changes
from agent.hands_on import at_hand
from agent.pipeline import Pipeline
from agent.store import journal, mirrored, pauses, snoozes
from agent.store.snoozes import Snooze
from agent.undo.commands import Wanted, ordered, plan
from agent.who import Who
from connectors.errors import ConnectorError
from rules.instants import FOREVER, Instant
from tests.simulation.desk import SOURCE
from tests.simulation.story import Ordered

WHO: Final = Who("Dora", "named by the story", "the story says so")
LOOK_AT_IT: Final = ("look at the ticket", "may have been written")
"""What stands in the reasons of changes that nobody lets be written without having looked at the ticket."""


@dataclass
class Rest:
    """Nothing of a rule (empty: of any) is to be written to a ticket (empty: to any) in that time; true time."""

    kind: str  # pause, snooze
    rule: str
    ticket: str  # id
    since: Instant
    until: Instant


class Orders:
    """The people at the command line of one story."""

    def __init__(
        self, clock: Clock, true: Callable[[], Instant], store: Path, ticket: Callable[[str], str], log: Callable[[str], None]
    ) -> None:
        """`true`: the one time of the world; `ticket` gives the id of a story's ticket, empty where it is not there."""
        self._clock, self._true, self._store, self._ticket, self._log = clock, true, store, ticket, log
        self.rests: list[Rest] = []
        self._go_on = False

    def give(self, item: Ordered, pipeline: Pipeline) -> None:
        """Tell hoist, which runs, to do it; a person whom the helpdesk does not answer gives up."""
        self._log(f"order {item.what} {item.subject}")
        match item.what:
            case "pause":
                self._pause(item, pipeline)
            case "resume":
                self._resume(item.subject, pipeline)
            case "snooze":
                self._snooze(item, pipeline)
            case "undo":
                with suppress(ConnectorError):
                    self._undo(item, pipeline)
            case _:
                self._approve(pipeline)

    def restored(self) -> None:
        """What was said since the backup is forgotten; what was said before it and taken back since is taken back once more."""
        for rest in self.rests:
            rest.until = min(rest.until, self._true())
        self._go_on = True

    def look_around(self, pipeline: Pipeline) -> None:
        """Hoist runs again on a store that was put back."""
        if self._go_on:
            self._go_on = False
            with pipeline.database.transaction() as db:
                for each in pauses.everywhere(db, self._clock.now()):
                    pauses.end(db, SOURCE, each.rule, self._clock.now())

    def _pause(self, item: Ordered, pipeline: Pipeline) -> None:
        now = self._clock.now()
        with pipeline.database.transaction() as db:
            pauses.add(db, SOURCE, item.subject, (now, FOREVER), WHO.name, WHO.why)
            journal.append(db, "paused", now, SOURCE, rule=item.subject, until=None, **WHO.data())
        self.rests.append(Rest("pause", item.subject, "", self._true(), FOREVER))

    def _resume(self, rule: str, pipeline: Pipeline) -> None:
        now = self._clock.now()
        with pipeline.database.transaction() as db:
            ended = pauses.end(db, SOURCE, rule, now)
            journal.append(db, "resumed", now, SOURCE, rule=rule, pauses=len(ended), **WHO.data())
        for rest in self.rests:
            if rest.kind == "pause" and rest.rule == rule:
                rest.until = min(rest.until, self._true())

    def _snooze(self, item: Ordered, pipeline: Pipeline) -> None:
        ticket = self._ticket(item.subject)
        with pipeline.database.transaction() as db:
            known = mirrored.mirrored(db, SOURCE, [ticket]).get(ticket)
            if known is None:
                return
            now = pipeline.source_clock.now()
            snoozes.put(db, Snooze(SOURCE, ticket, now + item.lasts, WHO.name, WHO.why))
            mirrored.set_next_look(db, known.ticket.ref, now)
            journal.append(db, "snoozed", now, SOURCE, ticket, until=now + item.lasts, **WHO.data())
        for rest in self.rests:  # the latest word is the one that counts, also where it is the shorter one
            if rest.kind == "snooze" and rest.ticket == ticket:
                rest.until = min(rest.until, self._true())
        self.rests.append(Rest("snooze", "", ticket, self._true(), now + item.lasts))  # as the source's clock has it

    def _undo(self, item: Ordered, pipeline: Pipeline) -> None:
        """Ordered, and carried out by the hoist that runs."""
        hands = at_hand(pipeline.connector, pipeline.database, pipeline.ruling.rules, self._clock, self._store)
        planned = plan(hands, self._ticket(item.subject), Wanted(ticket=item.subject))
        for each in planned:
            if each.can:
                ordered(hands, each, WHO)

    def _approve(self, pipeline: Pipeline) -> None:
        """All that waits for a word, but what somebody has to look at first."""
        now = pipeline.source_clock.now()
        with pipeline.database.transaction() as db:
            waits = waiting_changes(db, SOURCE, pipeline.ruling, now)
            approve(db, [each for each in waits if not each.ignored and not _looked_at(each)], WHO, now)


def _looked_at(waits: Waiting) -> bool:
    return any(words in waits.row.problem for words in LOOK_AT_IT)
