"""What is true of a whole site: who hoist is there, its statuses, priorities and teams, and what an administrator must mend."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from threading import RLock
from typing import Final

from connectors.contract import Identity
from connectors.errors import AskAdmin, GiveUp
from connectors.jira.client import JiraClient
from connectors.jira.mapping import Site, status_meanings
from connectors.jira.settings import JiraSettings
from connectors.jira.wire import FieldMeta, Issue, StatusRef
from rules.world import Directory, Person

_PERMISSIONS: Final[Mapping[str, tuple[str, str]]] = {
    "BROWSE_PROJECTS": ("Browse projects", "it sees none of the project's tickets"),
    "EDIT_ISSUES": ("Edit issues", "it can't change priority, team or labels, nor leave its marker"),
    "ASSIGN_ISSUES": ("Assign issues", "it can't change the assignee"),
    "ADD_COMMENTS": ("Add comments", "it can't say why it escalated"),
}
_AGENT: Final = {"SERVICEDESK_AGENT": ("Service project agent", "it can neither see nor write internal comments")}

_TIER_TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    "select": ("customfieldtypes:select", "customfieldtypes:cascadingselect"),
    "group": ("customfieldtypes:grouppicker",),
    "team": ("atlassian-team", "rm-teams-custom-field-team"),
}
"""How the custom type of a field ends, per kind; the Team field has been renamed once, so both of its types are known."""


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
        self._people: dict[str, Person] = {}
        self._teams_seen: dict[str, str] = {}

    def identify(self) -> Identity:
        """Who the credential belongs to, and on which site.

        Jira answers a wrong or missing credential with 200 and an anonymous caller's rights on many calls, so nothing but
        /myself tells. Raises AskAdmin.
        """
        me, answer = self._client.myself()
        if not me.account_id:
            raise AskAdmin(
                f"{self._source}: Jira takes hoist for an anonymous visitor; renew the API token of {self._settings.username}"
            )
        wanted = self._settings.username
        if me.email and "@" in wanted and me.email.casefold() != wanted.casefold():
            raise AskAdmin(f"{self._source}: the token belongs to {me.email}, not to {wanted}; correct username or token")
        with self._lock:
            if self._account and self._account != me.account_id:
                raise AskAdmin(
                    f"{self._source}: the token now belongs to another account ({me.name}); start hoist again if that is meant"
                )
            self._account = me.account_id
        server = self._client.server_info()
        if server.deployment not in {"Cloud", ""}:
            raise AskAdmin(f"{self._source}: this is Jira {server.deployment}; this connector speaks to Jira Cloud alone")
        self._address = server.base_url.rstrip("/")
        return Identity(me.account_id, me.name, self._address, answer.server_time)

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
                    teams=self._teams() if self._settings.tier_field.kind in {"component", "group"} else {},
                    automation=frozenset(self._settings.automation_accounts),
                )
            return self._site

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
        people, teams, kind = self._people, self._teams_seen, self._settings.tier_field.kind
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

    def directory(self) -> Directory:
        """Teams, priorities, statuses and people read now.

        Besides those who can be given tickets there are people as far as they were seen, so are teams where the Team field names
        them.
        """
        self.forget()
        site = self.site()
        teams, priorities, people = dict(site.teams) or self._teams(), self._priorities(), {**self._people, **self._assignable()}
        statuses = {each["id"]: each["name"] for each in self._statuses}
        text = repr((sorted(teams.items()), list(priorities.items()), sorted(statuses.items())))
        version = hashlib.sha256(text.encode()).hexdigest()[:16]
        listed = self._settings.tier_field.kind != "team"  # Jira has no list of Atlassian teams for an API token
        return Directory(teams, priorities, statuses, people, version, listed)

    def _assignable(self) -> dict[str, Person]:
        found = (each for project in self._settings.projects for each in self._client.assignable(project))
        return {each.account_id: Person(each.account_id, each.name, each.active, each.email) for each in found}

    # --- teams and priorities -------------------------------------------------------------------------------------------

    def _teams(self) -> dict[str, str]:
        tier = self._settings.tier_field
        match tier.kind:
            case "component":
                found = [each for project in self._settings.projects for each in self._client.components(project)]
                return {each.id: each.name for each in found}
            case "group":
                groups = self._client.groups()
                return {each.id: each.name for each in groups} if groups is not None else {}
            case "select":
                return self._options(tier.field)
            case "team":
                return dict(self._teams_seen)
            case _:
                return {}

    def _options(self, field: str) -> dict[str, str]:
        """The choices of a select field: from its configuration, else those that an issue of each project offers."""
        contexts = self._client.field_contexts(field)
        options = [self._client.field_options(field, each.id) for each in contexts or ()]
        found = {each.id: each.value for several in options for each in several or ()}
        if found:
            return found
        metas = (self._meta(project, field) for project in self._settings.projects)
        return {each.id: each.value or each.name for meta in metas for each in meta.allowed}

    def _priorities(self) -> dict[str, str]:
        """The most urgent first, as the projects' schemes have them; several schemes are joined in the order of the projects."""
        found: dict[str, str] = {}
        for project in self._settings.projects:
            found = found | self._of_scheme(project)
        if not found:
            for project in self._settings.projects:
                found = found | {each.id: each.name for each in self._meta(project, "priority").allowed}
        return found or {each.id: each.name for each in self._client.priorities()}

    def _of_scheme(self, project: str) -> dict[str, str]:
        schemes = self._client.priority_schemes()
        about = self._client.project(project)
        # A scheme whose projects don't fit one page can't be told from the default one: then an issue is asked instead.
        if not schemes or about is None or not all(each.projects.is_last for each in schemes):
            return {}
        own = next((each for each in schemes if about.id in {one.id for one in each.projects.values}), None)
        scheme = own or next((each for each in schemes if each.default), None)
        priorities = self._client.priorities_of_scheme(scheme.id) if scheme else None
        return {each.id: each.name for each in priorities or ()}

    def _meta(self, project: str, field: str) -> FieldMeta:
        try:
            found = self._client.search(f'project = "{project}" ORDER BY updated DESC', 1, None)
        except GiveUp:  # a project that hoist may not see; `problems` says so
            return FieldMeta()
        rows = found.rows.get("issues") if found.rows else None
        meta = self._client.edit_meta(rows[0]["id"]) if rows else None
        return meta.fields.get(field, FieldMeta()) if meta else FieldMeta()

    # --- what must be mended --------------------------------------------------------------------------------------------

    def problems(self) -> list[str]:
        """Sentences, each with its effect and its cure."""
        found: list[str] = []
        for project in self._settings.projects:
            found += self._missing_permissions(project)
        return found + self._tier_problems() + self._status_problems()

    def _missing_permissions(self, project: str) -> list[str]:
        about = self._client.project(project)
        if about is None:
            unseen = (
                f"{self._source}: project {project} does not exist or hoist's account may not see it: none of its tickets is read"
            )
            return [f"{unseen}; correct `projects`, or grant the account Browse projects"]
        needed = dict(_PERMISSIONS) | (_AGENT if about.type_key == "service_desk" else {})
        given = self._client.my_permissions(project, list(needed))
        have = {key for key, each in given.permissions.items() if each.have} if given else set()
        return [
            f"{self._source}: hoist's account lacks the permission {name!r} ({key}) in project {project}: {effect}; "
            f"grant it in the project's permission scheme or roles"
            for key, (name, effect) in needed.items()
            if key not in have
        ]

    def _tier_problems(self) -> list[str]:
        tier = self._settings.tier_field
        if tier.kind in {"component", "assignee"}:
            return []
        fields = {each.id: each for each in self._client.fields()}
        field = fields.get(tier.field)
        named = f"{self._source}: the tier field {tier.field}"
        fitting = [each for each in fields.values() if each.shape.custom.endswith(_TIER_TYPES[tier.kind])]
        if field is None:
            choices = ", ".join(f"{each.id} ({each.name})" for each in fitting) or "none"
            return [
                f"{named} does not exist: no ticket has a team; set `tier_field.field` to one of the kind {tier.kind}: {choices}"
            ]
        if field not in fitting:
            is_, wanted = field.shape.custom or field.shape.type, tier.kind
            return [
                f"{named} ({field.name}) is of the type {is_}, not of the kind {wanted}: no team is read; correct `tier_field`"
            ]
        if tier.kind == "select" and not self._teams():
            return [
                f"{named} ({field.name}) shows no choices: no ticket can be moved; give it some, or hoist's account Edit issues"
            ]
        return []

    def _status_problems(self) -> list[str]:
        self.site()
        names = {each["name"].casefold(): each["name"] for each in self._statuses}
        return [
            f"{self._source}: `statuses` names {unknown!r}, which the site has not: it has no effect; {_nearest(unknown, names)}"
            for unknown in self._by_name
            if unknown not in names
        ]


def _nearest(name: str, names: Mapping[str, str]) -> str:
    near = get_close_matches(name, names, n=1)
    return f"did you mean {names[near[0]]!r}?" if near else f"it has {', '.join(sorted(names.values()))}"
