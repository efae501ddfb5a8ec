"""Which teams a site has, read from wherever its tickets keep theirs; and whether that place is what the settings take it for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from connectors.jira.client import JiraClient
from connectors.jira.settings import JiraSettings
from connectors.jira.wire import Allowed, FieldMeta, StatusRef
from connectors.site_settings import nearest

_TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    "select": ("customfieldtypes:select",),
    "cascading_select": ("customfieldtypes:cascadingselect",),
    "group": ("customfieldtypes:grouppicker",),
    "team": ("atlassian-team", "rm-teams-custom-field-team"),
}
"""How the custom type of a field ends, per kind; the Team field has been renamed once, so both of its types are known."""


class Tiers:
    """The teams of one site. `meta` gives what issues of a project may be given in a field."""

    def __init__(self, client: JiraClient, settings: JiraSettings, meta: Callable[[str, str], FieldMeta]) -> None:
        self._client, self._settings, self._meta = client, settings, meta
        self.seen: dict[str, str] = {}  # Atlassian teams on tickets: Jira has no list of them

    def teams(self, statuses: Sequence[StatusRef]) -> dict[str, str]:
        """By id, with the names that people see."""
        tier = self._settings.tier_field
        match tier.kind:
            case "component":
                found = [each for project in self._settings.projects for each in self._client.components(project)]
                return {each.id: each.name for each in found}
            case "group":
                return {each.id: each.name for each in self._client.groups() or ()}
            case "select" | "cascading_select":
                return self._options(tier.field)
            case "status":
                wanted = {name.casefold() for name in tier.statuses}
                return {each["id"]: each["name"] for each in statuses if each["name"].casefold() in wanted}
            case "team":
                return dict(self.seen)
            case _:
                return {}

    def _options(self, field: str) -> dict[str, str]:
        """The choices of a list: from its configuration, else those that an issue of each project offers."""
        if found := dict(levels(self._client.choices(field))):
            return found
        metas = (self._meta(project, field) for project in self._settings.projects)
        return dict(levels(each for meta in metas for each in meta.allowed))

    def problems(self, source: str, statuses: Sequence[StatusRef]) -> list[str]:
        """What an administrator must mend, as sentences."""
        tier = self._settings.tier_field
        if tier.kind == "status":
            names = {each["name"].casefold(): each["name"] for each in statuses}
            return [
                f"{source}: `tier_field.statuses` names {unknown!r}, which the site has not: no ticket is ever with that team; "
                f"{nearest(unknown, names)}"
                for unknown in tier.statuses
                if unknown.casefold() not in names
            ]
        return [] if tier.kind in {"component", "assignee"} else self._field_problems(f"{source}: the tier field {tier.field}")

    def _field_problems(self, named: str) -> list[str]:
        tier = self._settings.tier_field
        fields = {each.id: each for each in self._client.fields()}
        field = fields.get(tier.field)
        fitting = [each for each in fields.values() if each.shape.custom.endswith(_TYPES[tier.kind])]
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
        if tier.kind in {"select", "cascading_select"} and not self._options(tier.field):
            return [
                f"{named} ({field.name}) shows no choices: no ticket can be moved; give it some, or hoist's account Edit issues"
            ]
        return []


def levels(choices: Iterable[Allowed]) -> Iterator[tuple[str, str]]:
    """The choices of a list by id, those of a second level by both ids and both names."""
    listed = list(choices)
    names = {each.id: each.value or each.name for each in listed}
    for each in listed:
        if each.parent in names:
            yield f"{each.parent}/{each.id}", f"{names[each.parent]} / {names[each.id]}"
        else:
            yield each.id, names[each.id]
        yield from ((f"{each.id}/{below.id}", f"{names[each.id]} / {below.value or below.name}") for below in each.children)
