"""The internal note of an escalation: each rule under its title with its text, who lost, who is to be told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from rules.confidential import COMMENT
from rules.due_step import DueStep
from rules.escalation import Notice, NoticeKind, ProviderRequest
from rules.instants import Instant
from rules.phrases import stamp
from rules.placeholders import Meaning, fill
from rules.protocol.actions import Comment, Proposal, ProviderDeed
from rules.recipients import in_words

HOLD_HINT: Final = "To keep hoist away from this ticket, give it the label hoist-hold."

_TOLD: Final = {
    (NoticeKind.PAGE,): "To be paged",
    (NoticeKind.TELL, NoticeKind.REMINDER, NoticeKind.DIGEST): "To be told",
}
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


class Told(NamedTuple):
    """When it is, and in which time zone those who read the note live."""

    at: Instant
    zone: ZoneInfo

    def by_name(self, notice: Notice) -> str:
        """Who is told, and who that is: `on call of network-ops (Petra Vos, until 18:00 CET)`."""
        who = in_words(notice.instead or notice.to)
        people = list(notice.people) or ["nobody"]
        if people == [who]:
            return who
        until = [] if notice.until is None else [f"until {self._time(notice.until)}"]
        return f"{who} ({', '.join(people + until)})"

    def _time(self, instant: Instant) -> str:
        """The time alone on the same day."""
        now, then = (stamp(each, self.zone) for each in (self.at, instant))
        return then.partition(" ")[2] if now.partition(" ")[0] == then.partition(" ")[0] else then


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
    told: Told,
) -> str:
    """The whole text, a line each: what the rules say, then what there is to know of it, and who is to be told, by name."""
    lines = list(parts)
    lines += [f"Note: {finding}." for finding in dict.fromkeys(findings)]
    lines += [f"Proposed: {_PROPOSALS[proposal]}." for proposal in dict.fromkeys(proposals)]
    lines += dict.fromkeys(f"To be done at {request.provider or 'the provider'}: {_asked(request)}." for request in requests)
    for kinds, words in _TOLD.items():
        if people := dict.fromkeys(told.by_name(notice) for notice in notices if notice.kind in kinds):
            lines.append(f"{words}: {', '.join(people)}.")
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
