"""What bounds a rule's tickets: the teams that they may go to, and what a confidential rule may not do in the open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rules.confidential import COMMENT
from rules.language.marked_yaml import Block, Items, Node, Text
from rules.language.part import Reading, key_of, shown
from rules.language.problems import folded, listed
from rules.protocol import Action, Assign, Escalate, Restrict

_IN_THE_OPEN: Final = {
    "label": "a label",
    "tag": "a label",
    "set": "a field",
    "digest": "a list",
}
_WITHIN: Final = frozenset({"do", "then", "steps", "at_next_opening", "keep_informed"})


def check_confidential(node: Node, context: Reading) -> None:
    """Report what a confidential rule would do where others read it; say what becomes of its comment."""
    for key in _deeds(node):
        if where := _IN_THE_OPEN.get(folded(key)):
            what = f"a confidential rule leaves nothing in {where} that others read; use `restrict:`, `escalate:` and `page:`"
            context.report.problem(key.place, key, what)
        elif folded(key) == "comment":
            context.report.hint(key.place, key, f'not written, since the rule is confidential: the note says "{COMMENT}"')


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
