"""The census of one site: every issue of the configured projects by its id, then the open ones with their last change.

Ids alone come 5,000 to a page, so a site of a million issues is counted in two hundred requests; with any field a page holds a
hundred rows, hence only what is open is asked for its `updated`. Both are the search index's word: what it leaves out is read by
id before anything is concluded.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError

from connectors.answers import Answer
from connectors.contract import CensusPage, Listed
from connectors.errors import AskAdmin, TryLater
from connectors.http import Refused
from connectors.jira.client import JiraClient
from connectors.jira.facts import SiteFacts
from connectors.jira.mapping import row_version
from connectors.jira.settings import JiraSettings
from rules.instants import Instant


class _Place(BaseModel):
    """Where a census stands: at the open issues or still at all of them, and at which page."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    open: bool = False
    token: str | None = None


class Census:
    """Pages of a site's census."""

    def __init__(self, client: JiraClient, facts: SiteFacts, settings: JiraSettings) -> None:
        self._client, self._facts, self._settings = client, facts, settings

    def page(self, cursor: str | None) -> CensusPage:
        """The page at a cursor. A token that Jira no longer takes (they live seven days) begins its half of the census anew."""
        place = _place(cursor)
        listed, token, answer = self._asked(place)
        if not listed and place == _Place():
            self._facts.identify()  # an expired credential looks like an empty site
        if token is not None and token == place.token:
            raise TryLater(f"{self._client.source}: Jira's search turns in a circle; hoist asks again", 30.0)
        if token is not None:
            following: _Place | None = _Place(open=place.open, token=token)
        else:
            following = None if place.open else _Place(open=True)
        return CensusPage(listed, following.model_dump_json() if following else None, answer.server_time)

    def _asked(self, place: _Place) -> tuple[dict[str, Listed], str | None, Answer]:
        try:
            found = self._search(place)
            return found if found is not None else self._search(_Place(open=place.open)) or self._lost()
        except Refused as refusal:
            said = str(refusal)
        raise AskAdmin(f"{said}; correct `projects`, or grant hoist's account Browse projects there")

    def _search(self, place: _Place) -> tuple[dict[str, Listed], str | None, Answer] | None:
        """None where Jira refuses the page token."""
        projects = self._settings.projects
        if place.open:
            found = self._client.open_issues(projects, self._settings.search_size, place.token)
            rows, answer = found.rows, found.answer
            opened = {} if rows is None else {row["id"]: _listed(row["fields"]["updated"]) for row in rows.get("issues", ())}
            return None if rows is None else (opened, rows.get("next_token"), answer)
        ids, answer = self._client.every_id(projects, place.token)
        return None if ids is None else ({row["id"]: Listed() for row in ids.get("issues", ())}, ids.get("next_token"), answer)

    def _lost(self) -> tuple[dict[str, Listed], str | None, Answer]:
        raise TryLater(f"{self._client.source}: Jira refuses to begin a search; hoist asks again", 60.0)


def _listed(updated: Instant) -> Listed:
    return Listed(row_version(updated), updated)


def _place(cursor: str | None) -> _Place:
    try:
        return _Place() if cursor is None else _Place.model_validate_json(cursor)
    except ValidationError:
        return _Place()
