"""The sandbox's token endpoint and its other credentials, and the Batch API that carries them on."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from connectors.servicenow.sandbox import Policies, ServiceNowSandbox, Terms
from connectors.servicenow.site.tokens import JWT
from rules.instants import SECOND
from tests.connectors.sandbox_desk import HANDED, TAKEN, Clock, desk
from tests.connectors.servicenow.sandbox_caller import Caller


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> ServiceNowSandbox:
    return ServiceNowSandbox(clock=clock, history=desk(TAKEN, HANDED), expires_seconds=60)


def token(sandbox: ServiceNowSandbox, how: str = "form", /, **form: str) -> tuple[int, dict[str, Any]]:
    """Asks the token endpoint as the registered client, whose id and secret stand in the form or in a Basic header."""
    known = sandbox.credentials()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    client = {name: known[name] for name in ("client_id", "client_secret")}
    if how == "basic":
        headers["Authorization"] = "Basic " + base64.b64encode(":".join(client.values()).encode()).decode()
        client = {}
    answer = sandbox.dispatch("POST", "/oauth_token.do", "", headers, urlencode(client | form).encode())
    return answer.status, json.loads(answer.body)


def user_of(sandbox: ServiceNowSandbox, given: str) -> str:
    """The name under which a token's bearer saves; empty where the token is refused."""
    call = Caller(sandbox, headers={"Authorization": f"Bearer {given}"})
    answer = call("POST", "table/incident", {"short_description": "x"})
    return str(answer["result"]["sys_created_by"]) if call.last.status == 201 else ""


@pytest.mark.parametrize("how", ["form", "basic"])
def test_the_password_grant_gives_both_tokens(sandbox: ServiceNowSandbox, clock: Clock, how: str) -> None:
    """A person's token is good until it expires, and the refresh token gets another."""
    known = sandbox.credentials("anna")
    status, body = token(sandbox, how, grant_type="password", username="anna", password=known["password"])
    assert (status, body["token_type"], body["expires_in"]) == (200, "Bearer", 60)
    assert user_of(sandbox, body["access_token"]) == "anna"
    clock.pass_(60 * SECOND)
    assert user_of(sandbox, body["access_token"]) == ""
    status, again = token(sandbox, how, grant_type="refresh_token", refresh_token=body["refresh_token"])
    assert (status, again["refresh_token"]) == (200, body["refresh_token"])
    assert user_of(sandbox, again["access_token"]) == "anna"


def test_client_credentials_give_no_refresh_token(sandbox: ServiceNowSandbox) -> None:
    """The client's own token stands for the application user."""
    status, body = token(sandbox, grant_type="client_credentials")
    assert (status, "refresh_token" in body) == (200, False)
    assert user_of(sandbox, body["access_token"]) == "hoist.integration"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password", "username": "anna", "password": "wrong"}, "server_error"),
        ({"grant_type": "refresh_token", "refresh_token": "wrong"}, "invalid_grant"),
        ({"grant_type": "device_code"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials", "client_secret": "wrong"}, "server_error"),
        ({"grant_type": JWT, "assertion": "a.b.c"}, "server_error"),
        ({"grant_type": JWT, "assertion": "nonsense"}, "server_error"),
    ],
)
def test_wrong_grants_are_refused(sandbox: ServiceNowSandbox, form: dict[str, str], error: str) -> None:
    """Each refusal is 401 with an OAuth error."""
    status, body = token(sandbox, **form)
    assert (status, body["error"]) == (401, error)


@pytest.mark.parametrize(
    ("claims", "good"),
    [({}, True), ({"exp": -10}, False), ({"aud": "other"}, False), ({"sub": "nobody"}, False)],
)
def test_an_assertion_is_good_if_its_key_signed_it(clock: Clock, claims: dict[str, Any], good: bool) -> None:
    """JWT bearer: signed by the registered key, for this client, about a user, not too old."""
    key = rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    sandbox = ServiceNowSandbox(clock=clock, history=desk(), jwt_key=public)
    client = sandbox.credentials()["client_id"]
    told: dict[str, Any] = {"iss": client, "aud": client, "sub": "anna", "exp": 60} | claims
    told["exp"] += clock.at // SECOND
    head, body = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({"alg": "RS256"}, told))
    signature = key.sign(f"{head}.{body}".encode(), padding.PKCS1v15(), SHA256())
    assertion = f"{head}.{body}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
    status, answer = token(sandbox, grant_type=JWT, assertion=assertion)
    assert (status == 200) is good
    if good:
        assert user_of(sandbox, answer["access_token"]) == "anna"
        forged = assertion.replace(
            body, base64.urlsafe_b64encode(json.dumps(told | {"sub": "admin"}).encode()).decode().rstrip("=")
        )
        assert token(sandbox, grant_type=JWT, assertion=forged)[0] == 401


def test_an_api_key_is_bound_to_the_service_account(sandbox: ServiceNowSandbox) -> None:
    """The key in its header, or as a parameter, signs in; another does not."""
    call = Caller(sandbox, headers={"x-sn-apikey": sandbox.api_key})
    assert call("POST", "table/incident", {})["result"]["sys_created_by"] == "hoist.integration"
    call.headers = {}
    assert len(call("GET", "table/incident", **{"x-sn-apikey": sandbox.api_key})["result"]) == 4
    call.headers = {"x-sn-apikey": "now_wrong"}
    assert call.refusal("GET", "table/incident")[0] == 401


def test_wrong_passwords_lock_an_account(sandbox: ServiceNowSandbox) -> None:
    """After five wrong passwords the right one no longer helps."""
    call = Caller(sandbox, "anna")
    for _ in range(5):
        call.headers = {"Authorization": "Basic " + base64.b64encode(b"anna:wrong").decode()}
        assert call.refusal("GET", "table/incident")[0] == 401
    call.headers = None
    assert call.refusal("GET", "table/incident")[0] == 401


@pytest.mark.parametrize(
    ("name", "value", "grant"),
    [
        ("glide.oauth.inbound.client.credential.grant_type.enabled", "false", {"grant_type": "client_credentials"}),
        ("glide.oauth.inbound.ropc.grant_type.disabled", "true", {"grant_type": "password", "username": "anna"}),
    ],
)
def test_an_instance_may_close_a_grant(sandbox: ServiceNowSandbox, name: str, value: str, grant: dict[str, str]) -> None:
    """A property switches a grant type off; the token endpoint then takes it for unknown."""
    form = grant | {"password": sandbox.credentials("anna")["password"]}
    assert token(sandbox, **form)[0] == 200
    admin = Caller(sandbox, "admin")
    (row,) = admin.rows("sys_properties", f"name={name}")
    admin("PATCH", f"table/sys_properties/{row['sys_id']}", {"value": value})
    status, body = token(sandbox, **form)
    assert (status, body["error"]) == (401, "unsupported_grant_type")


def test_some_instances_lock_nobody_out() -> None:
    """By a variant the right password helps after any number of wrong ones."""
    terms = Terms(policies=Policies(variants=["no-lockout"]))
    call = Caller(ServiceNowSandbox(clock=Clock(), history=desk(), terms=terms), "anna")
    call.headers = {"Authorization": "Basic " + base64.b64encode(b"anna:wrong").decode()}
    assert {call.refusal("GET", "table/incident")[0] for _ in range(9)} == {401}
    call.headers = None
    assert len(call.rows("incident")) == 3


def test_people_who_have_left_can_not_sign_in(sandbox: ServiceNowSandbox) -> None:
    """An inactive account has no session."""
    assert Caller(sandbox, "gone").refusal("GET", "table/incident")[0] == 401
    with pytest.raises(KeyError):
        sandbox.credentials("nobody")


# --- batches ---------------------------------------------------------------------------------------------------------


def item(id_: str, method: str, url: str, body: object = None, **more: object) -> dict[str, object]:
    """One request of a batch."""
    headers = [{"name": "Content-Type", "value": "application/json"}, {"name": "Accept", "value": "application/json"}]
    sent = {} if body is None else {"body": base64.b64encode(json.dumps(body).encode()).decode()}
    return {"id": id_, "method": method, "url": url, "headers": headers, **sent, **more}


def told(serviced: dict[str, Any]) -> Any:
    """The JSON that an item was answered."""
    return json.loads(base64.b64decode(serviced["body"]))


def test_a_batch_runs_its_items_one_by_one(sandbox: ServiceNowSandbox) -> None:
    """Each item has an answer of its own, and one that fails undoes no other; the id comes back as text."""
    call = Caller(sandbox)
    two = sandbox.issue_id("T2")
    items = [
        item("1", "PATCH", f"/api/now/table/incident/{two}", {"urgency": "1"}),
        item("2", "PATCH", "/api/now/table/incident/none", {"urgency": "1"}),
        item("3", "GET", f"api/now/table/incident/{two}?sysparm_fields=priority", exclude_response_headers=True),
        {"id": "4", "method": "POST", "url": "/api/now/table/incident", "body": "***"},
    ]
    answer = call("POST", "/api/now/v1/batch", {"batch_request_id": 7, "rest_requests": items})
    assert (call.last.status, answer["batch_request_id"], answer["unserviced_requests"]) == (200, "7", [])
    one, other, read, broken = answer["serviced_requests"]
    assert [each["status_code"] for each in (one, other, read, broken)] == [200, 404, 200, 400]
    assert told(one)["result"]["priority"] == "2"
    assert (told(read)["result"], read["headers"]) == ({"priority": "2"}, [])
    assert {"name": "Content-Type", "value": "application/json;charset=UTF-8"} in one["headers"]


def test_a_batch_has_thirty_seconds() -> None:
    """What is not reached in time is named as unserviced, and has not happened."""
    sandbox = ServiceNowSandbox(clock=Clock(), history=desk(), item_seconds=12.0)
    call = Caller(sandbox)
    ids = [sandbox.issue_id(name) for name in ("T1", "T2", "T3")]
    items = [item(str(n), "PATCH", f"/api/now/table/incident/{id_}", {"urgency": "1"}) for n, id_ in enumerate(ids)]
    answer = call("POST", "/api/now/v1/batch", {"batch_request_id": "b", "rest_requests": items})
    assert ([each["id"] for each in answer["serviced_requests"]], answer["unserviced_requests"]) == (["0", "1"], ["2"])
    assert [call.incident(id_)["urgency"] for id_ in ids] == ["1", "1", "2"]


def test_a_batch_may_stop_half_way() -> None:
    """By a fault a batch runs out of time half way."""
    sandbox = ServiceNowSandbox(clock=Clock(), history=desk(), faults={"batch-unserviced": 1})
    items = [item(str(n), "GET", "/api/now/table/incident") for n in range(4)]
    answer = Caller(sandbox)("POST", "/api/now/v1/batch", {"batch_request_id": "b", "rest_requests": items})
    assert answer["unserviced_requests"] == ["2", "3"]


def test_a_batch_obeys_the_rights_of_its_caller() -> None:
    """Items run as who sent the batch, whatever credential they name."""
    terms = Terms(policies=Policies(withheld=["write incident"]))
    sandbox = ServiceNowSandbox(clock=Clock(), history=desk(), terms=terms)
    two = sandbox.issue_id("T2")
    sneaky = item("1", "PATCH", f"/api/now/table/incident/{two}", {"urgency": "1"})
    known = sandbox.credentials("admin")
    word = base64.b64encode(f"admin:{known['password']}".encode()).decode()
    sneaky["headers"] = [*sneaky["headers"], {"name": "Authorization", "value": f"Basic {word}"}]  # type: ignore[misc]
    answer = Caller(sandbox)("POST", "/api/now/v1/batch", {"rest_requests": [sneaky]})
    assert answer["serviced_requests"][0]["status_code"] == 403


def test_a_batch_that_is_none_is_refused(sandbox: ServiceNowSandbox) -> None:
    """A body without requests is 400."""
    call = Caller(sandbox)
    assert call.refusal("POST", "/api/now/v1/batch", {"rest_requests": "x"})[0] == 400
    assert call.refusal("POST", "/api/now/v1/batch", [1])[0] == 400
