"""What bounds a rule: the teams that its tickets may go to, what stays out of the open, what similar words may not decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rules.confidential import COMMENT
from rules.language.marked_yaml import Block, Items, Node, Text
from rules.language.part import Reading, key_of, shown
from rules.language.problems import folded, listed
from rules.protocol.actions import Action, Assign, Escalate, Restrict

_IN_THE_OPEN: Final = {
    "label": "a label",
    "tag": "a label",
    "set": "a field",
    "digest": "a list",
}
_PROPOSING: Final = frozenset(
    {"tell", "page", "remind", "comment", "label", "tag", "propose_parent", "propose_major_incident", "digest", "arbiter"}
)
_WITHIN: Final = frozenset({"do", "then", "steps", "at_next_opening", "keep_informed"})


def check_confidential(node: Node, context: Reading) -> None:
    """Report what a confidential rule would do where others read it; say what becomes of its comment."""
    for key in _deeds(node):
        if where := _IN_THE_OPEN.get(folded(key)):
            what = f"a confidential rule leaves nothing in {where} that others read; use `restrict:`, `escalate:` and `page:`"
            context.report.problem(key.place, key, what)
        elif folded(key) == "comment":
            context.report.hint(key.place, key, f'not written, since the rule is confidential: the note says "{COMMENT}"')


def check_proposing(node: Node, context: Reading) -> None:
    """Report what a rule that looks at similar words would do beside telling people: such words only ever propose."""
    for key in _deeds(node):
        if folded(key) not in _PROPOSING:
            what = (
                "the rule looks at similar words (`same: words`), which is only a guess: it may tell, page, comment, label, "
                "digest and propose; what else it is to do needs `same: service`, or `same: organisation`"
            )
            written_here = key.place.file == node.place.file  # a ready protocol's deed is told where the protocol is used
            context.report.problem(key.place if written_here else node.place, key, what)


def check_bounds(only_to: Sequence[str], actions: Sequence[Action], node: Node, context: Reading) -> None:
    """Report moves to teams that the rule's own `only_to` leaves out."""
    place = key_of(node, "only_to")
    for action in actions:
        match action:
            case Escalate(chain, enter_at, to):
                tiers = context.names.chains.get(chain, ())
                if tiers and not set(tiers) & set(only_to):
                    context.report.problem(place.place, shown(place), f"no tier of the chain {chain} is among these teams")
                named = [team for team in (enter_at, to) if team is not None]
            case Assign(team) | Restrict(team):
                named = [team]
            case _:
                named = []
        for team in named:
            if team not in only_to:
                what = f"the rule names {team}, which is not among these teams: {listed(only_to)}"
                context.report.problem(place.place, shown(place), what)


def _deeds(node: Node) -> Iterator[Text]:
    """The keys of everything that the rule does, now or at a step."""
    if isinstance(node, Items):
        for item in node:
            yield from _deeds(item)
    elif isinstance(node, Block):
        for key, value in node.items():
            if folded(key) in _WITHIN:
                yield from _keys(value) if folded(key) in {"do", "then", "at_next_opening"} else _deeds(value)


def _keys(node: Node) -> Iterator[Text]:
    for block in node if isinstance(node, Items) else [node]:
        if isinstance(block, Block):
            yield from block
