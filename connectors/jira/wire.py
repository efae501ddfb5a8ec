"""Jira's JSON as typed shapes: only the fields that are used, everything else is ignored while it is parsed.

Whole answers are validated by pydantic's core from the bytes as they came, with native types but for stamps; per issue that takes
a fraction of what a parse into dictionaries and checks in Python would.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Annotated, Any, Final, Generic, NotRequired, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, TypeAdapter, with_config
from typing_extensions import TypedDict  # pydantic asks for it on Python 3.11

from connectors.jira.service_desk import Clock
from rules.instants import Instant, instant

T = TypeVar("T")
_LOOSE: Final = ConfigDict(extra="ignore", coerce_numbers_to_str=True)
_parsed: Final = datetime.fromisoformat
_MOMENT: Final[TypeAdapter[datetime]] = TypeAdapter(datetime)


def _instant_of(stamp: object) -> Instant:
    """The instant of Jira's text, or of a number.

    Python parses the text: with the time zones that pydantic gives its datetimes, the dozen stamps of an issue would cost more
    than everything else that is read of it.
    """
    try:
        return instant(_parsed(stamp) if isinstance(stamp, str) else _MOMENT.validate_python(stamp))
    except ValueError:  # pydantic's are such too
        wrong = "Input should be a time with its zone"
    raise ValueError(wrong)


Stamp = Annotated[Instant, PlainValidator(_instant_of)]


class Wire(BaseModel):
    """Unknown keys are ignored; ids may come as numbers."""

    model_config = _LOOSE


# --- asked for by the thousand: typed dictionaries, which cost half of what models do ------------------------------------


class User(TypedDict, total=False):
    account_id: Annotated[str, Field(alias="accountId")]
    name: Annotated[str, Field(alias="displayName")]
    active: bool


class Author(TypedDict, total=False):
    """Of a user what tells who acted: five of these come with every issue."""

    account_id: Annotated[str, Field(alias="accountId")]
    account_type: Annotated[str, Field(alias="accountType")]


class Named(TypedDict):
    id: str
    name: str


class Category(TypedDict):
    key: str


class StatusRef(TypedDict):
    id: str
    name: str
    category: NotRequired[Annotated[Category, Field(alias="statusCategory")]]


class ProjectRef(TypedDict):
    key: str


class Comment(TypedDict):
    """`public` is missing outside Jira Service Management; `visibility` restricts a comment to a role or group."""

    id: int
    created: Stamp
    author: NotRequired[Author | None]
    public: NotRequired[Annotated[bool | None, Field(alias="jsdPublic")]]
    visibility: NotRequired[dict[str, Any] | None]
    body: NotRequired[Any]


@with_config(_LOOSE)
class Comments(TypedDict):
    comments: list[Comment]
    total: NotRequired[int]


class Fields(TypedDict):
    """`tier` is read from the configured custom field; see `shapes`."""

    status: StatusRef
    issuetype: Named
    project: ProjectRef
    created: Stamp
    updated: Stamp
    summary: NotRequired[str | None]
    priority: NotRequired[Named | None]
    assignee: NotRequired[User | None]
    reporter: NotRequired[User | None]
    labels: NotRequired[list[str] | None]
    components: NotRequired[list[Named] | None]
    duedate: NotRequired[date | None]
    description: NotRequired[Any]
    comment: NotRequired[Comments | None]
    archiveddate: NotRequired[str | None]
    tier: NotRequired[Any]


class Issue(TypedDict):
    id: str
    key: str
    fields: Fields
    properties: NotRequired[dict[str, Any] | None]


class Issues(TypedDict):
    issues: list[Issue]


class RowFields(TypedDict):
    updated: Stamp


class Row(TypedDict):
    id: str
    fields: RowFields


@with_config(_LOOSE)
class Rows(TypedDict, total=False):
    """One page of a search; `is_last` and the token can disagree, and then the page can't be trusted."""

    issues: list[Row]
    next_token: Annotated[str | None, Field(alias="nextPageToken")]
    is_last: Annotated[bool | None, Field(alias="isLast")]


class ClockRow(TypedDict):
    id: str
    fields: dict[str, Clock | None]


@with_config(_LOOSE)
class ClockRows(TypedDict):
    """One page of a search for SLA fields alone."""

    issues: list[ClockRow]
    total: NotRequired[int]
    next_token: NotRequired[Annotated[str | None, Field(alias="nextPageToken")]]


class Id(TypedDict):
    id: str


@with_config(_LOOSE)
class Ids(TypedDict, total=False):
    """One page of a search for ids alone."""

    issues: list[Id]
    next_token: Annotated[str | None, Field(alias="nextPageToken")]


class Item(TypedDict, total=False):
    """One field of a changelog entry. Old entries lack `fieldId`; `from` and `to` are ids where the field has such."""

    field: str
    field_id: Annotated[str | None, Field(alias="fieldId")]
    old: Annotated[str | None, Field(alias="from")]
    old_text: Annotated[str | None, Field(alias="fromString")]
    new: Annotated[str | None, Field(alias="to")]
    new_text: Annotated[str | None, Field(alias="toString")]


class Entry(TypedDict):
    """One save. `created` is text in most answers and a number in the vendor's own example of changelog/bulkfetch."""

    id: int
    created: Stamp
    author: NotRequired[Author | None]
    items: NotRequired[list[Item]]


@with_config(_LOOSE)
class IssueEntries(TypedDict):
    issue_id: Annotated[str, Field(alias="issueId")]
    entries: Annotated[list[Entry], Field(alias="changeHistories")]


@with_config(_LOOSE)
class Changelogs(TypedDict):
    groups: Annotated[list[IssueEntries], Field(alias="issueChangeLogs")]
    next_token: NotRequired[Annotated[str | None, Field(alias="nextPageToken")]]


@with_config(_LOOSE)
class EntryPage(TypedDict):
    values: list[Entry]
    total: NotRequired[int]


# --- asked for seldom: models with defaults ------------------------------------------------------------------------------


class Me(Wire):
    account_id: str = Field("", alias="accountId")
    name: str = Field("", alias="displayName")
    email: str = Field("", alias="emailAddress")


class Assignable(Wire):
    """Somebody who can be given tickets; the address is empty where they keep it to themselves."""

    account_id: str = Field("", alias="accountId")
    name: str = Field("", alias="displayName")
    email: str = Field("", alias="emailAddress")
    active: bool = True


class ServerInfo(Wire):
    base_url: str = Field(alias="baseUrl")
    deployment: str = Field("", alias="deploymentType")
    version: str = ""
    numbers: list[int] = Field([], alias="versionNumbers")


class Resource(Wire):
    """A site that an OAuth token is good for; `id` is its cloud id."""

    id: str
    url: str = ""
    scopes: list[str] = []


class Allowed(Wire):
    """A value that a field may take; options carry `value`, everything else `name`.

    Of a cascading select the second level stands below the first, or in the same list with the `parent` that it belongs to.
    """

    id: str = ""
    name: str = ""
    value: str = ""
    parent: str = Field("", alias="optionId")
    children: list[Allowed] = []


class AppWebhook(Wire):
    """A webhook of the app that asks. `ends` is when it is told of nothing any more."""

    id: int
    jql: str = Field("", alias="jqlFilter")
    events: list[str] = []
    url: str = ""
    ends: Stamp | None = Field(None, alias="expirationDate")


class Registration(Wire):
    id: int | None = Field(None, alias="createdWebhookId")
    errors: list[str] = []


class Registrations(Wire):
    results: list[Registration] = Field(alias="webhookRegistrationResult")


class Wanted(Wire):
    """A field on the screen of a transition."""

    name: str = ""
    required: bool = False
    has_default: bool = Field(default=False, alias="hasDefaultValue")


class Transition(Wire):
    id: str
    name: str = ""
    to: Allowed
    fields: dict[str, Wanted] = {}

    @property
    def wants(self) -> set[str]:
        """The fields that have to be sent along."""
        return {id_ for id_, each in self.fields.items() if each.required and not each.has_default}


class Transitions(Wire):
    transitions: list[Transition] = []


class Permission(Wire):
    have: bool = Field(default=False, alias="havePermission")


class Permissions(Wire):
    permissions: dict[str, Permission] = {}


class FieldSchema(Wire):
    type: str = ""
    custom: str = ""


class FieldInfo(Wire):
    id: str
    name: str = ""
    shape: FieldSchema = Field(FieldSchema(), alias="schema")


class FieldMeta(Wire):
    allowed: list[Allowed] = Field([], alias="allowedValues")


class EditMeta(Wire):
    fields: dict[str, FieldMeta] = {}


class Group(Wire):
    id: str = Field("", alias="groupId")
    name: str = ""


class PageOf(Wire, Generic[T]):
    """A page of a list that is asked for by `startAt`."""

    values: list[T] = []
    is_last: bool = Field(default=True, alias="isLast")


NamedPage = PageOf[Allowed]
GroupPage = PageOf[Group]


class Scheme(Wire):
    id: str
    default: bool = Field(default=False, alias="isDefault")
    projects: PageOf[Allowed] = PageOf[Allowed]()


SchemePage = PageOf[Scheme]


class ProjectInfo(Wire):
    id: str
    key: str
    type_key: str = Field("", alias="projectTypeKey")


class Property(Wire):
    value: Any = None


class ErrorWords(Wire):
    """The forms in which Jira, its gateway and Jira Service Management name an error."""

    messages: list[str] = Field([], alias="errorMessages")
    fields: dict[str, str] = Field({}, alias="errors")
    message: str = ""
    message_of_desk: str = Field("", alias="errorMessage")


class Made(Wire):
    id: str


@dataclass(frozen=True)
class Shapes:
    """How the issues of one site are parsed: all of an answer at once, and one of its parts alone when that fails."""

    issues: Callable[[bytes], Issues]
    issue: Callable[[bytes], Issue]


@lru_cache(maxsize=8)
def shapes(tier_field: str, beside: tuple[tuple[str, Any], ...] = ()) -> Shapes:
    """The issue shapes of a site whose tier field has this id (empty where no custom field holds the tier).

    `beside` are the ids of further custom fields with their types; an issue lacks those that do not apply to it. To make shapes
    takes as long as to read a hundred issues, so they are kept.
    """
    more = TypedDict("more", {id_: NotRequired[type_] for id_, type_ in beside})  # type: ignore[misc]

    @with_config(ConfigDict(alias_generator=lambda name: tier_field if name == "tier" and tier_field else name, **_LOOSE))
    class SiteFields(Fields, more):
        pass

    class SiteIssue(TypedDict):
        id: str
        key: str
        fields: SiteFields
        properties: NotRequired[dict[str, Any] | None]

    @with_config(_LOOSE)
    class SiteIssues(TypedDict):
        issues: list[SiteIssue]

    whole, one = TypeAdapter(SiteIssues), TypeAdapter(SiteIssue)
    return Shapes(whole.validate_json, one.validate_json)


ROWS: Final[TypeAdapter[Rows]] = TypeAdapter(Rows)
CLOCK_ROWS: Final[TypeAdapter[ClockRows]] = TypeAdapter(ClockRows)
IDS: Final[TypeAdapter[Ids]] = TypeAdapter(Ids)
CHANGELOGS: Final[TypeAdapter[Changelogs]] = TypeAdapter(Changelogs)
ISSUE_ENTRIES: Final[TypeAdapter[IssueEntries]] = TypeAdapter(IssueEntries)
ENTRIES: Final[TypeAdapter[EntryPage]] = TypeAdapter(EntryPage)
COMMENTS: Final[TypeAdapter[Comments]] = TypeAdapter(Comments)
STATUSES: Final[TypeAdapter[list[StatusRef]]] = TypeAdapter(list[StatusRef])
RESOURCES: Final[TypeAdapter[list[Resource]]] = TypeAdapter(list[Resource])
WEBHOOKS: Final = TypeAdapter(list[dict[str, Any]])
FIELDS: Final[TypeAdapter[list[FieldInfo]]] = TypeAdapter(list[FieldInfo])
NAMED: Final[TypeAdapter[list[Allowed]]] = TypeAdapter(list[Allowed])
ASSIGNABLE: Final[TypeAdapter[list[Assignable]]] = TypeAdapter(list[Assignable])
