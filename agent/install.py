"""`hoist install SOURCE`: hoist's webhook is put into the helpdesk, or taken out again; without a yes it is only said."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from agent.config import SourceSettings, load_settings
from agent.errors import ConfigError
from agent.hooks.settings import WebhookSettings
from agent.secret_files import keep_at, may_keep
from connectors import registry
from connectors.errors import AskAdmin
from connectors.installing import Plan, Wish
from rules.language.problems import nearest


@dataclass(frozen=True, slots=True)
class Installed:
    """What was done, or would be: a sentence each, none where all is as it should be; and what is left to do by hand."""

    source: str
    steps: tuple[str, ...]
    by_hand: str
    done: bool


def install(config: Path | None, source: str, *, remove: bool, yes: bool) -> Installed:
    """Look, and with `yes` act. Raises ConfigError and what the platform's calls raise.

    Done twice, there is nothing left to do the second time.
    """
    settings = load_settings(config)
    found = _source(settings.sources, source)
    webhook, hooks = found.webhook, settings.hooks
    if webhook is None or hooks is None or not (hooks.public_url or remove):
        raise ConfigError(
            f"{source}: hoist.yaml has to say where webhooks come in and where the secret is kept, like this:\n"
            "  hooks: {listen: 127.0.0.1:8080, public_url: https://hoist.example.com}\n"
            f"  sources: {{{source}: {{..., webhook: {{secret: file:{source}.webhook}}}}}}"
        )
    wish = Wish(f"hoist ({source})", hooks.address_of(source), _kept(webhook), _place(webhook))
    with closing(registry.installing(found.platform).installer(source, found.settings)) as installer:
        plan = installer.remove(wish) if remove else installer.install(wish)
        if not remove and plan.steps and plan.keeps:
            may_keep(webhook.secret)
        if yes:
            _act(plan, webhook)
    return Installed(source, tuple(step.said for step in plan.steps), plan.by_hand, yes)


def _act(plan: Plan, webhook: WebhookSettings) -> None:
    for step in plan.steps:
        if secret := step.do():
            keep_at(webhook.secret, secret)


def _source(sources: tuple[SourceSettings, ...], name: str) -> SourceSettings:
    names = [each.name for each in sources]
    if name not in names:
        near = nearest(name, names)
        hint = f"did you mean {near}?" if near else f"there are {', '.join(names)}"
        raise ConfigError(f"{name} is no source of hoist.yaml; {hint}")
    return next(each for each in sources if each.name == name)


def _kept(webhook: WebhookSettings) -> str:
    """The secret that is kept already; empty where there is none yet."""
    try:
        return webhook.secret.reveal()
    except AskAdmin:
        return ""


def _place(webhook: WebhookSettings) -> str:
    return f"{webhook.secret.kind}:{webhook.secret.place}"
