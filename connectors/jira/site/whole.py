"""The whole site: its registries, issues and search index, and the history that it lives through."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import ClassVar
from zoneinfo import ZoneInfo

from connectors.jira.site.catalog import Catalog, User, account_id
from connectors.jira.site.faults import STALE_LAG
from connectors.jira.site.matching import Asker
from connectors.jira.site.render import Render
from connectors.jira.site.search_index import SearchIndex
from connectors.jira.site.searching import Tokens
from connectors.jira.site.state import INTERNAL, Happened, Issue, Issues
from connectors.jira.site.webhooks import Webhooks
from connectors.sandboxes.faults import Faults
from connectors.sandboxes.history import Event, History
from rules.instants import Instant

AGENT = User(account_id("hoist"), "hoist agent", "hoist@example.com", "app", active=True)
"""The service account whose credential the sandbox gives out."""


class Site:
    """One imitated site. Not safe for threads: whoever calls holds the sandbox's lock."""

    CATALOG: ClassVar[type[Catalog]] = Catalog
    RENDER: ClassVar[type[Render]] = Render
    SERVICE_ACCOUNT: ClassVar[User] = AGENT
    numbers_calls: ClassVar[bool] = True
    """Whether webhooks' calls are numbered, each try of one alike."""
    EXACT_DATES: ClassVar[bool] = True
    """Whether a query may name an instant as a number of milliseconds."""

    def __init__(
        self, history: History, *, clock: Callable[[], Instant], faults: Faults, lag: int, seed: int, zone: ZoneInfo,
        withheld: Collection[str] = (), comment_limit: int = 5_000,
    ) -> None:  # fmt: skip
        self.history = history
        self.faults = faults
        self.zone = zone
        self.withheld = frozenset(withheld)
        self.comment_limit = comment_limit
        self.off_screen: frozenset[str] = frozenset()
        self.demanded: dict[str, tuple[str, ...]] = {}  # by name of a status the fields that every transition to it wants
        self.catalog = self.CATALOG(history, self.SERVICE_ACCOUNT)
        self.index = SearchIndex(lag)
        self.stale = SearchIndex(max(lag, STALE_LAG)) if faults.rates.get("stale-search") else None
        self.issues = Issues(self.catalog, self._touched)
        self.webhooks = Webhooks(self, seed)
        self.issues.heard = self.heard
        self.tokens = Tokens(seed)
        self.names: dict[str, Issue] = {}  # by the history's own name
        self.clock = clock
        self._replayed = 0
        self._renders: dict[int, Render] = {}
        self._base = ""
        self.base = "http://jira.sandbox.invalid"

    @property
    def base(self) -> str:
        """The address that `self` links begin with."""
        return self._base

    @base.setter
    def base(self, address: str) -> None:
        self._base = address
        self._renders = {version: self.RENDER(self.catalog, address, version, self.zone) for version in (2, 3)}

    def render(self, version: int, now: Instant) -> Render:
        """JSON in the dialect of this API version, as of now."""
        render = self._renders[version]
        render.now = now
        return render

    def asker(self, account: str, now: Instant) -> Asker:
        """Who asks a query, and when."""
        return Asker(self.catalog, account, self.zone, now, self.issues.find, self.EXACT_DATES)

    def heard(self, happened: Happened) -> None:
        """Tell webhooks of something."""
        self.webhooks.heard(happened)

    def catch_up(self) -> Instant:
        """Let everything happen that lies at or before now, which is returned."""
        now = self.clock()
        end = self.history.position(now)
        while self._replayed < end:
            self._replay(self.history.events[self._replayed])
            self._replayed += 1
        return now

    def searchable(self, now: Instant) -> SearchIndex:
        """The index that this search is answered from: the site's, or by a fault one that is behind."""
        index = self.stale if self.stale and self.faults.strikes("stale-search") else self.index
        index.catch_up(now)
        return index

    def _replay(self, event: Event) -> None:
        """Apply one event. One that changes nothing leaves no trace: no entry, and `updated` stays."""
        author = self.catalog.accounts[event.author]
        issue = self.names.get(event.issue)
        fields = self.catalog.stored(event)
        if issue is None:
            issue = self.issues.create(self.catalog.projects[0], fields, author, event.at)
            self.names[event.issue] = issue
        elif issue.id in self.issues.deleted:
            return
        else:
            self.issues.commit(issue, fields, author, event.at)
        if event.note:
            properties: Mapping[str, object] = {} if event.note.public else {INTERNAL: {"internal": True}}
            self.issues.comment(issue, author, event.note.text, event.at, properties)

    def _touched(self, issue: Issue, at: Instant) -> None:
        deleted = issue.id in self.issues.deleted or issue.fields.get("archiveddate") is not None
        self.index.touched(issue, at, deleted=deleted)
        if self.stale:
            self.stale.touched(issue, at, deleted=deleted)
