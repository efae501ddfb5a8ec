"""The webhook of an app of OAuth 2.0 in a Jira site: found by the address that it calls, good for thirty days unless refreshed.

https://developer.atlassian.com/cloud/jira/platform/webhooks/#registering-a-webhook-via-the-jira-rest-api-for-oauth-2-0-apps
It has no secret of its own: Jira signs its calls with the app's client secret, which is hoist's secret for them, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from connectors.contract import Page
from connectors.errors import AskAdmin, ConnectorError
from connectors.installing import Plan, Step, Wish
from connectors.jira.client import JiraClient, encoded
from connectors.jira.cloud import MANAGE_WEBHOOKS, CloudClient
from connectors.jira.settings import JiraSettings, OAuth
from connectors.jira.wire import AppWebhook
from rules.instants import DAY, Instant

EVENTS: Final = (
    "comment_created",
    "comment_deleted",
    "comment_updated",
    "jira:issue_created",
    "jira:issue_deleted",
    "jira:issue_updated",
)
LOOKED_AT: Final = DAY
AT_LEAST: Final = 23 * DAY
"""Days that a webhook is to live still after hoist looked at it: one of thirty days is refreshed once a week."""


class AppInstaller:
    """The webhook of one app in one site."""

    def __init__(self, source: str, settings: JiraSettings, auth: OAuth) -> None:
        self._client = CloudClient(source, settings, None, dry_run=False)
        self._settings, self._secret = settings, auth.client_secret

    def close(self) -> None:
        self._client.close()

    def install(self, wish: Wish) -> Plan:
        ours = self._ours(wish)
        wanted = (wish.url, self._jql, list(EVENTS))
        right = [each for each in ours if (each.url, each.jql, sorted(each.events)) == wanted]
        wrong = [each for each in ours if each not in right[:1]]
        steps = [self._removal(each) for each in wrong]
        if not right:
            projects = ", ".join(self._settings.projects)
            said = f"make a webhook of the app, which calls {wish.url} when an issue of {projects} changes"
            steps.append(Step(said, lambda: self._made(wish.url)))
        return Plan(steps, self._by_hand(wish), keeps=False)

    def remove(self, wish: Wish) -> Plan:
        return Plan([self._removal(each) for each in self._ours(wish)])

    def _ours(self, wish: Wish) -> Sequence[AppWebhook]:
        """Those that call hoist for this source, and those that tell of the same projects: an app has one address alone."""
        return [each for each in self._client.app_webhooks() if each.url == wish.url or each.jql == self._jql]

    @property
    def _jql(self) -> str:
        return f"project in ({', '.join(self._settings.projects)})"

    def _by_hand(self, wish: Wish) -> str:
        if wish.secret == self._secret.reveal():
            return ""
        return (
            "Jira signs these calls with the app's client secret: set "
            f"`webhook: {{secret: {self._secret.kind}:{self._secret.place}}}` "
            f"for this source in hoist.yaml; until then hoist takes none of them"
        )

    def _made(self, url: str) -> str:
        body = {"url": url, "webhooks": [{"events": list(EVENTS), "jqlFilter": self._jql}]}
        if refusals := self._client.register(encoded(body)):
            raise AskAdmin(f"{self._client.source}: Jira made no webhook: {'; '.join(refusals)}")
        return ""

    def _removal(self, webhook: AppWebhook) -> Step:
        return Step(f"remove the webhook {webhook.id}, which calls {webhook.url}", partial(self._removed, webhook.id))

    def _removed(self, number: int) -> str:
        self._client.unregister([number])
        return ""


class WebhookLife:
    """Lets an app's webhooks live on, as long as hoist runs."""

    def __init__(self, client: JiraClient) -> None:
        self._client = client
        self._at: Instant | None = None

    def after(self, run: Iterator[Page]) -> Iterator[Page]:
        """The pages of a run; then, once a day, webhooks that would end soon are refreshed."""
        now: Instant | None = None
        for page in run:
            now = page.server_time
            yield page
        if now is None or MANAGE_WEBHOOKS not in self._client.scopes or (self._at is not None and now - self._at < LOOKED_AT):
            return
        self._at = now
        try:
            self._client.refresh_webhooks(now + AT_LEAST)
        except ConnectorError:
            # Polling goes on without webhooks: what fails here is tried again tomorrow, weeks before the first one ends. One that
            # did end is noticed by the changes that it no longer announces.
            return
