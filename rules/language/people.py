"""Who is told, in the words of the language."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import PlainValidator, ValidationInfo

from rules.language.marked_yaml import Text
from rules.language.part import Reading, reading
from rules.language.problems import listed, nearest
from rules.language.words import EMAIL
from rules.recipients import CURRENT_TEAM, OF_TEAM, OF_TICKET

_ARTICLE: Final = re.compile(r"\bthe\s+", re.IGNORECASE)
_POSSESSIVE: Final = re.compile(r"(\S+)['’]s\s+(\S+)")
_THE_PROVIDER: Final = re.compile(r"(account\s+)?contact\s+of\s+(provider|.+)", re.IGNORECASE)
_NO_TEAM: Final = "a team is told by its lead or by whoever is on call: `lead of` or `on_call of`, as the organisation names them"
_REQUESTER: Final = frozenset({"requester", "reporter", "caller", "customer", "user"})
_NO_PROVIDERS: Final = "no provider is named: `providers: {aws: {contact: tam@example.com}}` in organisation.yaml does that"


def _who(node: object, info: ValidationInfo) -> str:
    context = reading(info)
    word = context.text(node, "a role, an e-mail address, or `lead of` a team")
    said = _POSSESSIVE.sub(r"\2 of \1", " ".join(_ARTICLE.sub("", word).split()))
    if found := OF_TEAM.fullmatch(said):
        kind = "lead" if found[1].casefold() == "lead" else "on_call"
        return _of_team(word, kind, found[2], context)
    if said.casefold() in OF_TICKET:
        return said.casefold()
    if (found := _THE_PROVIDER.fullmatch(said)) and word not in context.names.roles:
        return _of_provider(word, found[2], context)
    if said.casefold() in _REQUESTER and word not in context.names.roles:
        raise context.refused(word, "hoist never writes to the requester; `manager of requester` is somebody who can be told")
    if word in context.names.teams and word not in context.names.roles:
        raise context.refused(word, _NO_TEAM, _of_its_own(word, context))
    if word not in context.names.roles and not EMAIL.fullmatch(word) and context.names.whole:
        known = (*sorted(context.names.roles), *OF_TICKET)
        last = word.casefold().split()[-1]
        near = f"{last} of assignee" if last in {"manager", "deputy"} else nearest(word, known)
        raise context.refused(
            word,
            f"expected an e-mail address, `lead of` or `on_call of` a team, {', '.join(OF_TICKET)}, or a role: "
            f"{listed(sorted(context.names.roles))}",
            near,
        )
    return str(word)


def _of_provider(word: Text, provider: str, context: Reading) -> str:
    names = context.names
    if provider.casefold() == "provider" and len(names.providers) == 1:
        (provider,) = names.providers
    if names.whole and provider not in names.providers:
        close = nearest(provider, names.providers) or next(iter(names.providers), "")
        what = f"there is no such provider; there are: {listed(names.providers)}" if names.providers else _NO_PROVIDERS
        raise context.refused(word, what, close and f"contact of {close}")
    if names.whole and provider not in names.contacts:
        raise context.refused(word, f"the provider {provider} has no `contact:` in the organisation")
    return f"contact of {provider}"


def _of_its_own(team: str, context: Reading) -> str:
    """Whoever answers for a team: on call, or leading it; "" where it has neither."""
    if team in context.names.rotas:
        return f"on_call of {team}"
    return f"lead of {team}" if context.names.teams[team] else ""


def _of_team(word: Text, kind: str, team: str, context: Reading) -> str:
    names = context.names
    if team.casefold() == CURRENT_TEAM:
        return f"{kind} of {CURRENT_TEAM}"
    if names.whole and team not in names.teams:
        close = nearest(team, (*names.teams, CURRENT_TEAM))
        raise context.refused(word, f"there is no such team; there are: {listed(names.teams)}", close and f"{kind} of {close}")
    if names.whole and kind == "lead" and not names.teams[team]:
        raise context.refused(word, f"the team {team} has no `lead:` in the organisation")
    if names.whole and kind == "on_call" and team not in names.rotas:
        context.report.hint(word.place, word, f"the team {team} has no `on_call:` in the organisation: nobody is found by it")
    return f"{kind} of {team}"


Who = Annotated[str, PlainValidator(_who, json_schema_input_type=str)]
