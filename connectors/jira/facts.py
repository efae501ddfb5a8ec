"""What is true of a whole site: who hoist is there, its statuses, priorities and teams, and what an administrator must mend."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from threading import RLock
from typing import Final

from connectors.contract import Identity
from connectors.errors import AskAdmin, ConnectorError, GiveUp, Gone
from connectors.jira import scopes, service_desk
from connectors.jira.client import EVERYWHERE, JiraClient
from connectors.jira.mapping import Site, status_meanings
from connectors.jira.service_desk import Beside
from connectors.jira.settings import JiraSettings
from connectors.jira.tiers import Tiers
from connectors.jira.wire import FieldMeta, Issue, StatusRef
from connectors.site_settings import nearest
from rules.world import Directory, Person

_PERMISSIONS: Final[Mapping[str, tuple[str, str]]] = {
    "BROWSE_PROJECTS": ("Browse projects", "it sees none of the project's tickets"),
    "EDIT_ISSUES": ("Edit issues", "it can't change priority, team or labels, nor leave its marker"),
    "ASSIGN_ISSUES": ("Assign issues", "it can't change the assignee"),
    "ADD_COMMENTS": ("Add comments", "it can't say why it escalated"),
}
_TRANSITION: Final = {"TRANSITION_ISSUES": ("Transition issues", "it can't hand a ticket to another team")}
_BY_TEAMS: Final = frozenset({"component", "group", "status"})
"""Kinds of tier fields whose values tell a team only to those who know which teams there are."""
_AGENT: Final = {"SERVICEDESK_AGENT": ("Service project agent", "it can neither see nor write internal comments")}


class SiteFacts:
    """Read when first needed and kept; `forget` has them read again. Safe to use from several threads."""

    def __init__(self, source: str, client: JiraClient, settings: JiraSettings) -> None:
        self._source = source
        self._client = client
        self._settings = settings
        self._by_name = settings.statuses.by_name()
        self._lock = RLock()
        self._account = ""
        self._address = ""
        self._site: Site | None = None
        self._statuses: list[StatusRef] = []
        self._lost: set[str] = set()
        self._renamed: set[str] = set()  # the present keys of the configured projects, as far as they were asked for
        self._offered: dict[str, dict[str, str]] = {}  # priorities by project, as far as it was told
        self._types: dict[str, str] = {}  # of projects
        self._people: dict[str, Person] = {}
        self._tiers = Tiers(client, settings, self._meta)

    def identify(self) -> Identity:
        """Who the credential belongs to, and on which site.

        Jira answers a wrong or missing credential with 200 and an anonymous caller's rights on many calls, so nothing but
        /myself tells. Raises AskAdmin.
        """
        try:
            me, answer = self._client.myself()
        except (Gone, AskAdmin) as refusal:
            said = self._of_another_edition() or scopes.of_no_site(self._client, self._settings)
            raise AskAdmin(said or str(refusal)) from None
        wanted = self._settings.username
        if not me.account_id:
            credential = f"the API token of {wanted}" if wanted else "the client secret, and the token if there is one in auth"
            raise AskAdmin(f"{self._source}: Jira takes hoist for an anonymous visitor; renew {credential}")
        if me.email and "@" in wanted and me.email.casefold() != wanted.casefold():
            raise AskAdmin(f"{self._source}: the token belongs to {me.email}, not to {wanted}; correct username or token")
        with self._lock:
            if self._account and self._account != me.account_id:
                raise AskAdmin(
                    f"{self._source}: the token now belongs to another account ({me.name}); start hoist again if that is meant"
                )
            self._account = me.account_id
        server = self._client.server_info()
        if unfit := self._client.unfit(server):
            raise AskAdmin(f"{self._source}: {unfit}")
        self._address = server.base_url.rstrip("/")
        return Identity(me.account_id, me.name, self._address, answer.server_time)

    def _of_another_edition(self) -> str:
        """Each edition refuses the other's credential before it says which it is; nothing once hoist was let in."""
        try:
            unfit = "" if self._address else self._client.unfit(self._client.server_info(EVERYWHERE))
        except ConnectorError:  # what befell the call before says more
            return ""
        return f"{self._source}: {unfit}" if unfit else ""

    def site(self) -> Site:
        """What issues are mapped with."""
        with self._lock:
            if self._site is None:
                account = self._account if self._address else self.identify().account
                self._statuses = self._client.statuses()
                self._site = Site(
                    source=self._source,
                    url=self._address,  # where people open tickets; the gateway of scoped tokens is another host
                    own_account=account,
                    tier_kind=self._settings.tier_field.kind,
                    tier_field=self._settings.tier_field.field,
                    statuses=status_meanings(self._statuses, self._by_name),
                    by_name=self._by_name,
                    teams=self._tiers.teams(self._statuses) if self._settings.tier_field.kind in _BY_TEAMS else {},
                    automation=frozenset(self._settings.automation_accounts),
                    beside=self._beside(),
                    stamp_resolution=self._client.stamp_resolution,
                )
            return self._site

    def _beside(self) -> Beside:
        asked = service_desk.asks(self._settings)
        return service_desk.beside_of(self._settings, self._client.fields()) if asked else Beside()

    def forget(self) -> None:
        """Have the site's facts read again at their next use."""
        with self._lock:
            self._site = None

    def learn_statuses(self, unknown: set[str]) -> bool:
        """Read the statuses again for these ids; False where that has been tried for all of them in vain."""
        with self._lock:
            if unknown <= self._lost:
                return False
            self.forget()
            self._lost |= unknown - self.site().statuses.keys()
            return True

    def saw(self, issues: Sequence[Issue]) -> None:
        """Remember the assignees and teams of issues that pass; both are few, requesters would be many."""
        people, teams, kind = self._people, self._tiers.seen, self._settings.tier_field.kind
        for issue in issues:
            fields = issue["fields"]
            assignee = fields.get("assignee")
            if assignee and (id_ := assignee.get("account_id", "")) not in people:
                people[id_] = Person(id_, assignee.get("name", ""), assignee.get("active", True))
            tier = fields.get("tier")
            if kind == "team" and isinstance(tier, dict) and "id" in tier:
                teams[str(tier["id"])] = str(tier.get("title") or tier.get("name") or tier["id"])

    def in_scope(self, project: str) -> bool:
        """Whether issues of the project with this key are hoist's business; a project that was given another key still is."""
        if project in self._settings.projects or project in self._renamed:
            return True
        known = (self._client.project(key) for key in self._settings.projects)
        self._renamed |= {about.key for about in known if about is not None}
        return project in self._renamed

    def is_service_project(self, key: str) -> bool:
        """Whether requesters read what is public in this project."""
        if key not in self._types:
            about = self._client.project(key)
            self._types[key] = "service_desk" if about is None else about.type_key  # what can't be seen is taken for the worse
        return self._types[key] == "service_desk"

    def directory(self) -> Directory:
        """Teams, priorities, statuses and people read now.

        Besides those who can be given tickets there are people as far as they were seen, so are teams where the Team field names
        them.
        """
        self.forget()
        site = self.site()
        teams, priorities, people = (
            dict(site.teams) or self._tiers.teams(self._statuses),
            self._priorities(),
            {**self._people, **self._assignable()},
        )
        statuses = {each["id"]: each["name"] for each in self._statuses}
        text = repr((sorted(teams.items()), list(priorities.items()), sorted(statuses.items())))
        version = hashlib.sha256(text.encode()).hexdigest()[:16]
        listed = self._settings.tier_field.kind != "team"  # Jira has no list of Atlassian teams for an API token
        return Directory(teams, priorities, statuses, people, version, listed)

    def _assignable(self) -> dict[str, Person]:
        found = (each for project in self._settings.projects for each in self._client.assignable(project))
        return {each.account_id: Person(each.account_id, each.name, each.active, each.email) for each in found}

    # --- priorities -----------------------------------------------------------------------------------------------------

    def _priorities(self) -> dict[str, str]:
        """The most urgent first, as the projects' schemes have them; several schemes are joined in the order of the projects."""
        offered = {project: self._client.priorities_of(project) for project in self._settings.projects}
        if not any(offered.values()):
            offered = {project: self._meta(project, "priority").allowed for project in self._settings.projects}
        self._offered = {project: {each.id: each.name for each in several} for project, several in offered.items() if several}
        found = {id_: name for several in self._offered.values() for id_, name in several.items()}
        return found or {each.id: each.name for each in self._client.priorities()}

    def unfit_priority(self, priority: str, project: Callable[[], str]) -> str:
        """Why an issue can't be given a priority, in half a sentence: its project's scheme lacks it; empty where it can.

        `project` asks for the key of the issue's project, which matters only where the schemes of several differ.
        """
        if all(priority in several for several in self._offered.values()):
            return ""
        key = project()
        several = self._offered.get(key, {})
        if not several or priority in several:
            return ""
        return f"the priority scheme of project {key} has no priority {priority}, but {', '.join(several.values())}"

    def _meta(self, project: str, field: str) -> FieldMeta:
        try:
            issue = self._client.newest(project)
        except GiveUp:  # a project that hoist may not see; `problems` says so
            return FieldMeta()
        meta = self._client.edit_meta(issue) if issue is not None else None
        return meta.fields.get(field, FieldMeta()) if meta else FieldMeta()

    # --- what must be mended --------------------------------------------------------------------------------------------

    def problems(self) -> list[str]:
        """Sentences, each with its effect and its cure."""
        found = scopes.problems(self._client, self._settings)
        for project in self._settings.projects:
            found += self._missing_permissions(project)
        if service_desk.asks(self._settings):
            found += service_desk.problems(self._source, self._settings, self._client.fields())
        found += self._client.doubts(self._settings.projects)
        found += self._tiers.problems(self._source, self._all_statuses())
        return found + self._status_problems()

    def _missing_permissions(self, project: str) -> list[str]:
        about = self._client.project(project)
        if about is None:
            unseen = (
                f"{self._source}: project {project} does not exist or hoist's account may not see it: none of its tickets is read"
            )
            return [f"{unseen}; correct `projects`, or grant the account Browse projects"]
        needed = dict(_PERMISSIONS) | (_AGENT if about.type_key == "service_desk" else {})
        needed |= _TRANSITION if self._settings.tier_field.kind == "status" else {}
        given = self._client.my_permissions(project, list(needed))
        have = {key for key, each in given.permissions.items() if each.have} if given else set()
        return [
            f"{self._source}: hoist's account lacks the permission {name!r} ({key}) in project {project}: {effect}; "
            f"grant it in the project's permission scheme or roles"
            for key, (name, effect) in needed.items()
            if key not in have
        ]

    def _all_statuses(self) -> Sequence[StatusRef]:
        self.site()
        return self._statuses

    def _status_problems(self) -> list[str]:
        names = {each["name"].casefold(): each["name"] for each in self._all_statuses()}
        return [
            f"{self._source}: `statuses` names {unknown!r}, which the site has not: it has no effect; {nearest(unknown, names)}"
            for unknown in self._by_name
            if unknown not in names
        ]
