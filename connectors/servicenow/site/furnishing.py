"""Fills a new instance: its dictionary and choices, the people and groups of a history, rotas, service levels, properties."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from connectors.sandboxes.history import History, Person
from connectors.servicenow.site.access import ADMIN, HISTORY_READER, ITIL, REST, SERVICE
from connectors.servicenow.site.choices import CHOICES, MATRIX
from connectors.servicenow.site.moments import duration, stored
from connectors.servicenow.site.service_levels import TARGETS, definition
from connectors.servicenow.site.store import Store
from rules.instants import DAY, Instant, moment

AGENT: Final = "hoist.integration"
"""The user name of the service account."""
ADMINISTRATOR: Final = "admin"
ROLES: Final = (REST, ITIL, ADMIN, HISTORY_READER, SERVICE)
KINDS: Final = {"staff": (ITIL, REST), "customer": (REST,), "app": (ITIL, REST)}


class Furnishing:
    """The rows of a new instance. `users` and `groups` give sys_ids by handle and by name."""

    def __init__(self, store: Store, history: History, *, at: Instant, instance: str, zone: str) -> None:
        self._store = store
        self._history = history
        self._at = at
        self._zone = zone
        self.users: dict[str, str] = {}
        self.groups: dict[str, str] = {}
        self.services: dict[str, str] = {}
        self._roles: dict[str, str] = {}
        self._dictionary()
        self._choices()
        self._people()
        self._groups()
        self._rotas()
        self._terms(instance)

    def tag(self, name: str) -> None:
        """A tag that everyone sees, made by the administrator."""
        self._put("label", {"name": name, "viewable_by": "everyone", "global": "true", "owner": self.users[ADMINISTRATOR]})

    def _put(self, table: str, values: Mapping[str, str], sys_id: str = "") -> str:
        id_ = sys_id or self._store.new_id(table)
        stamp = stored(self._at)
        row = {"sys_id": id_, "sys_created_on": stamp, "sys_created_by": ADMINISTRATOR}
        row |= {"sys_updated_on": stamp, "sys_updated_by": ADMINISTRATOR, "sys_mod_count": "0"}
        defaults = {name: each.default for name, each in self._store.tables[table].columns.items() if each.default}
        self._store.put(table, {name: value for name, value in {**defaults, **row, **values}.items() if value})
        return id_

    # --- what the platform brings ----------------------------------------------------------------------------------------

    def _dictionary(self) -> None:
        ids = {name: self._store.new_id("sys_db_object") for name in self._store.tables}
        for kind in sorted({column.kind for table in self._store.tables.values() for column in table.columns.values()}):
            self._put("sys_glide_object", {"name": kind, "label": kind}, kind)
        for name, table in self._store.tables.items():
            parent = ids.get(table.parent, "")
            self._put("sys_db_object", {"name": name, "label": table.label, "super_class": parent}, ids[name])
            self._put("sys_dictionary", {"name": name, "internal_type": "collection", "column_label": table.label})
            inherited = self._store.tables[table.parent].columns if table.parent else {}
            for column in (each for each in table.columns.values() if each.name not in inherited):
                facts = {
                    "name": name,
                    "element": column.name,
                    "column_label": column.label,
                    "internal_type": column.kind,
                    "max_length": str(column.longest),
                    "default_value": column.default,
                    "reference": column.reference,
                    "read_only": "true" if column.by_rules else "false",
                    "audit": "true" if table.audited else "false",
                    "display": "true" if column.name == table.display else "false",
                    "choice": "1" if (name, column.name) in CHOICES else "",
                }
                self._put("sys_dictionary", facts)

    def _choices(self) -> None:
        for (table, element), labels in CHOICES.items():
            for place, (value, label) in enumerate(labels.items()):
                row = {"name": table, "element": element, "value": value, "label": label, "sequence": str(place * 10)}
                self._put("sys_choice", row)
        for (impact, urgency), priority in MATRIX.items():
            self._put("dl_u_priority", {"impact": impact, "urgency": urgency, "priority": priority})

    def _terms(self, instance: str) -> None:
        for target, lengths in TARGETS.items():
            for priority, length in lengths.items():
                name = f"Priority {priority} {target}"
                row = {"name": name, "target": target, "duration": duration(length), "start_condition": f"priority={priority}"}
                self._put("contract_sla", row, definition(target, priority))
        properties = {
            "instance_name": instance,
            "glide.sys.default.tz": self._zone,
            "glide.sys.date_format": "yyyy-MM-dd",
            "glide.sys.time_format": "HH:mm:ss",
            "glide.invalid_query.returns_no_rows": "false",
            "glide.oauth.inbound.client.credential.grant_type.enabled": "true",
            "glide.oauth.inbound.ropc.grant_type.disabled": "false",
            "glide.rest.choice.allow_non_existing_value": "false",
            "glide.buildtag.last": "glide-zurich-07-01-2025__patch2",
        }
        for name, value in properties.items():
            self._put("sys_properties", {"name": name, "value": value})

    # --- what the organisation brings ------------------------------------------------------------------------------------

    def _people(self) -> None:
        self._roles = {name: self._put("sys_user_role", {"name": name}) for name in ROLES}
        admin = Person(ADMINISTRATOR, "System Administrator")
        agent = Person(AGENT, "hoist integration", "app")
        for person in (admin, agent, *self._history.people.values()):
            self._person(person)
        for role in (HISTORY_READER, SERVICE):
            self._put("sys_user_has_role", {"user": self.users[AGENT], "role": self._roles[role]})
        self._put("sys_user_has_role", {"user": self.users[ADMINISTRATOR], "role": self._roles[ADMIN]})

    def _person(self, person: Person) -> None:
        first, _, last = person.name.partition(" ")
        app = person.account_type == "app"
        row = {
            "user_name": person.handle,
            "name": person.name,
            "first_name": first,
            "last_name": last,
            "email": f"{person.handle.lower()}@example.com",
            "active": "true" if person.active else "false",
            "time_zone": self._zone if person.handle != AGENT else "",
            "web_service_access_only": "true" if app else "false",
            "internal_integration_user": "true" if app else "false",
            "sys_class_name": "sys_user",
            "sys_domain": "global",
        }
        self.users[person.handle] = self._put("sys_user", row)
        for role in KINDS[person.account_type]:
            self._put("sys_user_has_role", {"user": self.users[person.handle], "role": self._roles[role]})

    def _groups(self) -> None:
        history = self._history
        lines: dict[str, str] = {}
        members: dict[str, Counter[str]] = {name: Counter() for name in history.teams or history.lines}
        for team, line, person in _worked(history):
            if line:
                lines[team] = line
            if person:
                members.setdefault(team, Counter())[person] += 1
        idle = {handle for handle, each in history.people.items() if each.account_type == "staff" and each.active}
        idle -= {handle for staff in members.values() for handle in staff}
        parents = {line: self._put("sys_user_group", {"name": f"Support line {line}"}) for line in history.lines if history.teams}
        for team, staff in members.items():
            # Who was never seen at work may work wherever nobody was.
            ranked = [handle for handle, _ in staff.most_common()] or sorted(idle)
            lead = self.users.get(ranked[0], "") if ranked else ""
            line = lines.get(team, "")
            row = {"name": team, "manager": lead, "parent": parents.get(line, ""), "description": line}
            self.groups[team] = self._put("sys_user_group", row)
            for handle in ranked:
                self._put("sys_user_grmember", {"group": self.groups[team], "user": self.users[handle]})
                self._report_to(handle, lead)
        for name in history.components:
            self.services[name] = self._put("cmdb_ci_service", {"name": name, "sys_class_name": "cmdb_ci_service"})

    def _report_to(self, handle: str, lead: str) -> None:
        row = self._store.latest("sys_user", self.users[handle])
        if row is not None and "manager" not in row and lead != row["sys_id"]:
            self._store.put("sys_user", {**row, "manager": lead})

    def _rotas(self) -> None:
        monday = moment(self._at - moment(self._at).weekday() * DAY)
        for team, group in self.groups.items():
            schedule = self._put("cmn_schedule", {"name": f"{team} hours", "time_zone": self._zone, "type": "roster"})
            span = {
                "schedule": schedule,
                "name": "Working days",
                "start_date_time": f"{monday:%Y%m%d}T080000",
                "end_date_time": f"{monday:%Y%m%d}T180000",
                "repeat_type": "weekdays",
            }
            self._put("cmn_schedule_span", span)
            rota = self._put("cmn_rota", {"name": f"{team} on call", "group": group, "schedule": schedule})
            shift = {"name": "Primary", "rota": rota, "order": "1", "rotation_start_date": f"{monday:%Y-%m-%d}"}
            roster = self._put("cmn_rota_roster", shift)
            members = self._store.where("sys_user_grmember", "group", group)
            for place, member in enumerate(members[:3], start=1):
                rotation = self._rotation(f"{team} {place}", monday + timedelta(weeks=place - 1), len(members[:3]))
                row = {"roster": roster, "member": member["user"], "order": str(place), "rotation_schedule": rotation}
                self._put("cmn_rota_member", row)

    def _rotation(self, name: str, monday: datetime, weeks: int) -> str:
        """The schedule by which somebody has every so manieth week."""
        schedule = self._put("cmn_schedule", {"name": name, "time_zone": self._zone, "type": "roster"})
        span = {
            "schedule": schedule,
            "name": name,
            "type": "on_call",
            "start_date_time": f"{monday:%Y%m%d}T000000",
            "end_date_time": f"{monday + timedelta(weeks=1):%Y%m%d}T000000",
            "repeat_type": "weekly",
            "repeat_count": str(weeks),
        }
        self._put("cmn_schedule_span", span)
        return schedule


def _worked(history: History) -> Iterable[tuple[str, str, str]]:
    """Each team, its line, and who was assigned in it, as the events tell; empty texts for what they don't."""
    at: dict[str, tuple[str, str]] = {}
    for event in history.events:
        team, line = at.get(event.issue, ("", ""))
        line = str(event.fields.get("line", line) or "")
        team = str(event.fields.get("team", team) or "") or (line if not history.teams else "")
        at[event.issue] = (team, line)
        person = event.fields.get("assignee")
        if team:
            yield team, line, str(person or "")
