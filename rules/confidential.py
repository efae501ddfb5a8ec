"""Confidential rules: what must stay within their own chain of command, and what is said in its place.

A confidential rule is known to everything that runs by an opaque id and title alone: `rules.binding` cloaks it before anything
else sees it, so that no comment, notice, marker, journal line, log or screen can tell more. Its written id is in the protocol's
files, and nowhere else. The opaque id is a hash under the installation's key: whoever reads it and guesses what such rules are
called, or knows the same protocol from elsewhere, can't tell which one it is.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from typing import Final

from rules.protocol.actions import Assign, Escalate, Restrict
from rules.protocol.organisation import Chain, Organisation
from rules.protocol.rule import Rule

TITLE: Final = "Confidential procedure"
COMMENT: Final = "Handled under a confidential procedure."
REASON: Final = "a confidential procedure applies"
CHAIN: Final = "of the confidential procedure"
CONCEALED: Final = "(confidential)"
TEXTS: Final = ("subject", "description", "last_comment")
"""The fields of a ticket that hold what people wrote."""


def cloaked_id(rule: str, key: bytes) -> str:
    """The id under which a confidential rule runs: the same for the same written id and key, and telling nothing of either."""
    message = f"confidential rule\x1f{rule}"  # the words in front keep it apart from markers, which are made with the same key
    return f"confidential-{hmac.new(key, message.encode(), hashlib.sha256).hexdigest()[:12]}"


def cloaked(rule: Rule, key: bytes) -> Rule:
    """The rule without any word that its author wrote for people; one that is not confidential as it is.

    Where the rule was written openly before, what was recorded under its written id goes on under the opaque one.
    """
    if not rule.confidential:
        return rule
    former = (rule.id, *rule.formerly, *(cloaked_id(name, key) for name in rule.formerly))
    return replace(rule, id=cloaked_id(rule.id, key), title=TITLE, why="", owner="", protocol="", formerly=former)


def own_teams(rule: Rule, organisation: Organisation) -> frozenset[str] | None:
    """The teams that the rule's tickets may go to; None where it sets no bounds.

    They are those of `only_to`, and for a confidential rule without it those that its own actions name.
    """
    if rule.only_to:
        return frozenset(rule.only_to)
    if not rule.confidential:
        return None
    named: set[str] = set()
    for action in rule.actions:
        match action:
            case Escalate(chain):
                named.update(tier.team for tier in organisation.chains.get(chain, Chain(chain, ())).tiers)
            case Assign(team) | Restrict(team):
                named.add(team)
            case _:
                pass
    return frozenset(named)
