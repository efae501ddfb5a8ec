"""What an administrator puts into an instance so that it tells hoist of changes: a property, and a business rule.

hoist puts nothing into an instance itself: a business rule needs the role admin, which the integration user must not have.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from typing import Final

from connectors.installing import Plan, Step, Wish
from connectors.servicenow.settings import ServiceNowSettings

PROPERTY: Final = "hoist.webhook.key"
_RULE: Final = """\
(function executeRule(current) {
    var event = gs.generateGUID();
    var stamp = String(Math.floor(new GlideDateTime().getNumericValue() / 1000));
    var body = JSON.stringify({table: current.getTableName(), sys_id: current.getUniqueValue()});
    var key = gs.getProperty('%(property)s');
    var signature = new CertificateEncryption().generateMac(key, 'HmacSHA256', stamp + '.' + event + '.' + body);
    var request = new sn_ws.RESTMessageV2();
    request.setEndpoint('%(url)s');
    request.setHttpMethod('POST');
    request.setRequestHeader('Content-Type', 'application/json');
    request.setRequestHeader('X-Hoist-Event', event);
    request.setRequestHeader('X-Hoist-Timestamp', stamp);
    request.setRequestHeader('X-Hoist-Signature', signature);
    request.setRequestBody(body);
    request.executeAsync();
})(current);
"""
_BY_HAND: Final = """\
1. System Properties: a new property %(property)s of the type password2. Its value is the key that hoist keeps in %(kept)s.
2. System Definition, Business Rules: a new one for each of the tables %(tables)s, named %(name)r: Advanced, when async,
   on insert and update, with this script:

%(rule)s
It sends table and sys_id, and no text of the record. A call that is lost costs time and nothing else: hoist polls.
"""
_REMOVAL: Final = """\
Delete the business rules named %(name)r on the tables %(tables)s, and the property %(property)s.
"""
BYTES: Final = 32
"""Of a new key."""


class ServiceNowInstaller:
    """The text for one instance."""

    def __init__(self, settings: ServiceNowSettings) -> None:
        self._settings = settings

    def close(self) -> None:
        """It holds nothing open."""

    def install(self, wish: Wish) -> Plan:
        steps = [] if wish.secret else [Step("make a key and keep it", lambda: b64encode(secrets.token_bytes(BYTES)).decode())]
        return Plan(steps, self._text(_BY_HAND, wish))

    def remove(self, wish: Wish) -> Plan:
        return Plan((), self._text(_REMOVAL, wish))

    def _text(self, text: str, wish: Wish) -> str:
        names = {"property": PROPERTY, "name": wish.name, "tables": ", ".join(self._settings.tables), "kept": wish.kept}
        return text % {**names, "rule": _RULE % {"property": PROPERTY, "url": wish.url}}


def installer(source: str, settings: ServiceNowSettings) -> ServiceNowInstaller:  # noqa: ARG001 - nothing is asked
    """For one instance."""
    return ServiceNowInstaller(settings)
