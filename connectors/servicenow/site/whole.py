"""The whole instance: its rows, the saves that change them, and the history that it lives through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.sandboxes.faults import Faults
from connectors.sandboxes.history import History
from connectors.servicenow.site.access import Access
from connectors.servicenow.site.display import Choices, Display, Session
from connectors.servicenow.site.furnishing import ADMINISTRATOR, AGENT, Furnishing
from connectors.servicenow.site.matching import Matching, Reading, Test
from connectors.servicenow.site.moments import pattern
from connectors.servicenow.site.policies import Policies
from connectors.servicenow.site.queries import parsed
from connectors.servicenow.site.replay import Replay
from connectors.servicenow.site.service_levels import Jobs
from connectors.servicenow.site.store import Row, Store
from connectors.servicenow.site.tables import tables
from connectors.servicenow.site.transactions import Saving, Transaction
from rules.instants import DAY, SECOND, Instant

Readable = Callable[[str, str], bool]
"""Whether a column of a table may be read."""

COMMITS: Final = (2 * SECOND, 30 * SECOND)
"""How long a transaction takes that the fault delayed-commit strikes: between these, by turns."""


@dataclass(frozen=True)
class Terms:
    """How an instance is set up. `zone` is that of the people and, unless `session_zone` says otherwise, of the service account.

    `lag` is how many milliseconds after its stamp a save by others than the service account is committed. `more_tables` are
    tables and columns of the organisation's own, in the form of `task_tables`.
    """

    instance: str = "hoistsandbox"
    zone: str = "Europe/Amsterdam"
    session_zone: str = ""
    date_form: str = "yyyy-MM-dd HH:mm:ss"
    lag: int = 0
    policies: Policies = field(default_factory=Policies)
    more_tables: str = ""


class Instance:
    """One imitated ServiceNow instance. Not safe for threads: whoever calls holds the sandbox's lock."""

    def __init__(self, history: History, terms: Terms, *, clock: Callable[[], Instant], faults: Faults, seed: int) -> None:
        self.history = history
        self.terms = terms
        self.faults = faults
        self.lag = terms.lag
        self.files: dict[str, bytes] = {}
        """What is attached, by sys_id."""
        self.base = f"https://{terms.instance}.service-now.com"
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        self._read = -1
        self._tests: dict[tuple[str, str], Test] = {}
        installed = min([clock(), *(event.at for event in history.events[:1])]) - 30 * DAY
        self.store = Store(tables(terms.more_tables), seed)
        self.choices = Choices(self.store)
        self.furnished = Furnishing(self.store, history, at=installed, instance=terms.instance, zone=terms.zone)
        self.saving = Saving(self.store, self.choices, terms.policies, self.holds)
        self.jobs = Jobs(self.store)
        self.replay = Replay(history, self.saving, self.furnished)

    def catch_up(self) -> Instant:
        """Let everything happen that lies at or before now, which is returned."""
        now = self._clock()
        self.replay.until(now, self.lag)
        return now

    def session(self, user: str) -> Session:
        """The session of a user, by sys_id. Raises KeyError for one that is not there."""
        saves = self.store.saves["sys_user"] + self.store.saves["sys_user_has_role"]
        if saves != self._read:
            self._read, self._sessions = saves, {}
        if user not in self._sessions:
            row = self.store.latest("sys_user", user)
            if row is None:
                raise KeyError(user)
            self._sessions[user] = self._session(row)
        return self._sessions[user]

    def access(self, session: Session) -> Access:
        """What a session may do."""
        return Access(self.store.tables, session, self.terms.policies, self.holds)

    def transaction(self, session: Session, now: Instant, **how: bool) -> Transaction:
        """A save by a session. Those of others than the service account take as long to be committed as the instance lags."""
        lag = 0 if session.user_name == AGENT else self.lag
        if not lag and session.user_name != AGENT and self.faults.strikes("delayed-commit"):
            lag = COMMITS[self.faults.times("delayed-commit") % 2]
        again = self.faults.strikes("rule-saves-again")
        return Transaction(now, session.user, session.user_name, now + lag if lag else None, again=again, **how)

    def holds(self, table: str, query: str, row: Row) -> bool:
        """Whether a row fulfils an encoded query, as the instance itself reads it."""
        if (table, query) not in self._tests:
            matching = Matching(self.reading(self.session(self.furnished.users[ADMINISTRATOR]), self._clock()), table)
            self._tests[table, query] = matching.plan(parsed(query)).test
        return self._tests[table, query](row)

    def reading(self, session: Session, now: Instant, readable: Readable = lambda _table, _column: True) -> Reading:
        """What the queries of a session are read with."""
        display = Display(self.store, self.choices, session, now)
        literal = "literal-dates-in-session-zone" in self.terms.policies.variants
        return Reading(self.store, display, session, now, readable, literal)

    def rename(self, instance: str) -> None:
        """Give a copied instance its own name."""
        self.terms = replace(self.terms, instance=instance)
        self.base = f"https://{instance}.service-now.com"
        (row,) = self.store.where("sys_properties", "name", "instance_name")
        self.store.put("sys_properties", {**row, "value": instance})

    def setting(self, name: str) -> str:
        """The value of a system property; empty where there is none."""
        rows = self.store.where("sys_properties", "name", name)
        return rows[0].get("value", "") if rows else ""

    def user_named(self, user_name: str) -> Row | None:
        """The user of this name, unless locked out or inactive."""
        found = self.store.where("sys_user", "user_name", user_name)
        return found[0] if found and found[0].get("active") == "true" and found[0].get("locked_out") != "true" else None

    def _session(self, row: Row) -> Session:
        service = row.get("user_name") == AGENT
        wanted = self.terms.session_zone if service else ""
        zone = row.get("time_zone") or wanted or self.setting("glide.sys.default.tz")
        given = self.store.where("sys_user_has_role", "user", row["sys_id"])
        roles = [self.store.latest("sys_user_role", each.get("role", "")) for each in given if each.get("state") == "active"]
        names = frozenset(each.get("name", "") for each in roles if each)
        try:
            local = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            local = ZoneInfo("UTC")
        return Session(
            row["sys_id"],
            row.get("user_name", ""),
            names,
            local,
            pattern(self.terms.date_form),
            row.get("preferred_language", "en"),
        )

    def silent(self, table: str, sys_id: str, values: dict[str, str]) -> None:
        """A script changes a record with autoSysFields(false) and setWorkflow(false): no stamp, no count, no rule."""
        row = self.store.latest(table, sys_id)
        if row is None:
            raise KeyError(sys_id)
        session = self.session(self.furnished.users[ADMINISTRATOR])
        audited = "silent-updates-unaudited" not in self.terms.policies.variants
        how = {"rules": False, "checked": False, "stamps": False, "audited": audited}
        by = Transaction(self._clock(), session.user, session.user_name, **how)
        self.saving.update(table, row, values, by)
