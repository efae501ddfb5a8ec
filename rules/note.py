"""The internal note of an escalation: each rule under its title with its text, who lost, who is to be told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from rules.confidential import COMMENT
from rules.due_step import DueStep
from rules.escalation import Notice, ProviderRequest
from rules.phrases import stamp
from rules.placeholders import Meaning, fill
from rules.protocol import Comment, Proposal, ProviderDeed

HOLD_HINT: Final = "To keep hoist away from this ticket, give it the label hoist-hold."

_SENTENCES: Final = re.compile(r"(?<=[.!?])\s+")
_PROPOSALS: Final = {
    Proposal.PARENT: "one parent ticket for the related ones",
    Proposal.MAJOR_INCIDENT: "handling this as a major incident",
}
_DEEDS: Final = {
    ProviderDeed.OPEN_CASE: "open a case",
    ProviderDeed.CHASE: "chase the case",
    ProviderDeed.ASK_SEVERITY: "ask for another severity",
}


def said(step: DueStep, values: Mapping[str, Meaning], language: str, zone: ZoneInfo, *, moved: bool) -> list[str]:
    """The lines of one step, in a language where its author wrote the text in it; `moved`: the ticket gets another team.

    `zone` is the time zone of those who read it.
    """
    if step.rule.confidential:
        return [COMMENT]
    again = f" (reminder {step.repetition})" if step.repetition else ""
    texts = (_text(action, language) for action in step.actions if isinstance(action, Comment))
    true = (text if moved or not step.moves else _without_the_move(text) for text in texts)
    in_words = {name: stamp(value, zone) if isinstance(value, int) else value for name, value in values.items()}
    filled = dict.fromkeys(fill(text, in_words) for text in true if text)
    return [f"{step.rule.title}{again}", *(filled or [f"Because {step.in_short}."])]


def note(
    parts: Iterable[str],
    findings: Iterable[str],
    notices: Iterable[Notice],
    proposals: Iterable[Proposal],
    requests: Sequence[ProviderRequest],
) -> str:
    """The whole text, a line each: what the rules say, then what there is to know of it."""
    lines = list(parts)
    lines += [f"Note: {finding}." for finding in dict.fromkeys(findings)]
    lines += [f"Proposed: {_PROPOSALS[proposal]}." for proposal in dict.fromkeys(proposals)]
    lines += dict.fromkeys(f"To be done at {request.provider or 'the provider'}: {_asked(request)}." for request in requests)
    if told := dict.fromkeys(notice.to for notice in notices):
        lines.append(f"To be told: {', '.join(told)}.")
    return "\n".join((*lines, HOLD_HINT))


def _text(comment: Comment, language: str) -> str:
    """The variant in the language, or in the one that it is a form of (nl for nl-BE); else the first that was written."""
    variants = dict(comment.variants)
    return variants.get(language) or variants.get(language.partition("-")[0]) or comment.text


def _without_the_move(text: str) -> str:
    """The text without the sentences that say to which {team} the ticket went."""
    return " ".join(sentence for sentence in _SENTENCES.split(text) if "{team}" not in sentence)


def _asked(request: ProviderRequest) -> str:
    more = [f"with the text {request.template}"] if request.template else []
    more += [f"({request.severity})"] if request.severity else []
    return " ".join((_DEEDS[request.deed], *more))
