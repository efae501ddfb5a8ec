"""What an administrator writes about an instance, and which mistakes are found before anything is asked."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from connectors.servicenow.settings import ServiceNowSettings

WRITTEN: dict[str, Any] = {
    "url": "https://example.service-now.com/",
    "username": "hoist.integration",
    "auth": {"kind": "client_credentials", "client_id": "c1", "client_secret": "env:SNOW_SECRET"},
}


def test_a_short_settings_block_is_enough() -> None:
    """Address, user name and credential are all that has to be said."""
    made = ServiceNowSettings.model_validate(WRITTEN)
    assert made.url == "https://example.service-now.com"
    assert made.tables == ("incident",)
    assert made.instance == ""


def test_texts_as_yaml_gives_them() -> None:
    """Numbers and switches come as texts."""
    made = ServiceNowSettings.model_validate(WRITTEN | {"tags": "no", "batch": "true", "page_size": "200"})
    assert (made.tags, made.batch, made.page_size) == (False, True, 200)


MISTAKES: dict[str, dict[str, Any]] = {
    "plain http": {"url": "http://example.service-now.com"},
    "a credential in the address": {"url": "https://hoist:secret@example.service-now.com"},
    "a query in the address": {"url": "https://example.service-now.com/?sysparm_query=x"},
    "a user name that is a condition": {"username": "x^ORactive=true"},
    "a user name that is a script": {"username": "javascript:gs.getUserName()"},
    "a user name that is a list": {"username": "a,b"},
    "a table that is a condition": {"tables": ["incident^active=true"]},
    "a table that is a path": {"tables": ["incident/../sys_user"]},
    "no table": {"tables": []},
    "a table twice": {"tables": ["incident", "incident"]},
    "a column with a caret": {"columns": ["u_vip^x"]},
    "a requester of a table that is not read": {"requesters": {"problem": "opened_by"}},
    "a secret written down": {"auth": {"kind": "basic", "password": "hunter2"}},
    "an unknown way to sign in": {"auth": {"kind": "magic"}},
    "a password beside a client": {"auth": {"kind": "basic", "password": "env:P", "client_id": "c"}},
    "a state with two meanings": {"statuses": {"open": ["Waiting"], "pending": ["waiting"]}},
    "a page that is too large": {"page_size": 5000},
    "a key that is none": {"tabels": ["incident"]},
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_found_before_anything_is_asked(mistake: dict[str, Any]) -> None:
    """Whatever could send a credential astray, or a stranger's words into a query, is refused, and never repeated."""
    with pytest.raises(ValidationError) as refusal:
        ServiceNowSettings.model_validate(WRITTEN | mistake)
    assert "hunter2" not in str(refusal.value)
    assert "hoist:secret" not in str(refusal.value)
