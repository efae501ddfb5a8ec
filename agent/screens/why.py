"""Why a ticket did or did not escalate, for people and for machines: what acts and what comes next before all the rest."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from agent.screens.lines import heading, say
from agent.why import Answer, RuleAnswer
from rules.explain import Reason
from rules.instants import written
from rules.phrases import stamp
from rules.protocol.rule import Mode

FEW: Final = 2
"""So many rules are told at length, whatever they say."""
_LONGEST: Final = 32
"""Signs of a rule's id for which there is a column."""


def answer(console: Console, found: Answer, *, at_length: bool = False) -> None:
    """A ticket: what happens next, the rules that hold or did something, those that come next, and the others in a line each.

    `at_length`: every rule with each part of its condition.
    """
    ticket = found.ticket
    heading(console, f"{ticket.key}: {ticket.fields.get('subject')}")
    at, known = stamp(found.at, found.zone), stamp(ticket.known, found.zone)
    console.print(Text(f"as of {at}, as read at {known}   {ticket.url}"), soft_wrap=True)
    for note in found.notes:
        say(console, "note", note, margin=10)
    if at_length or len(found.rules) <= FEW:
        _at_length(console, found.rules)
        return
    said = "nothing, unless the ticket changes" if found.coming is None else f"{found.coming.rule.id}: {found.coming.next}"
    say(console, "next", said, margin=10)
    acting = [rule for rule in found.rules if rule.acts]
    coming = [rule for rule in found.rules if not rule.acts and rule.next_at is not None]
    others = [rule for rule in found.rules if not rule.acts and rule.next_at is None]
    _in_short(console, f"hold, or did something ({len(acting)})", [(rule, _standing(rule)) for rule in acting])
    _in_short(console, f"come next ({len(coming)})", [(rule, rule.next) for rule in coming])
    _at_length(console, acting)
    _in_short(console, f"far from it ({len(others)})", [(rule, _for_want_of(rule)) for rule in others])
    console.print()
    console.print("Each part of a rule: --rule RULE; of all of them: --all", style="dim")


def _in_short(console: Console, title: str, rows: Sequence[tuple[RuleAnswer, str]]) -> None:
    """A line for each rule, cut to the width of the screen."""
    if not rows:
        return
    console.print()
    heading(console, title)
    column = min(_LONGEST, max(len(rule.rule.id) for rule, _ in rows))
    for rule, said in rows:
        line = f"  {rule.rule.id:<{column}}  {said}"
        width = max(console.width, 60)
        console.print(Text(line if len(line) <= width else f"{line[: width - 3].rstrip()}..."), soft_wrap=True)


def _standing(rule: RuleAnswer) -> str:
    watches = "" if rule.mode is Mode.LIVE else ", watches only"
    return f"{'holds' if rule.holds else 'held before'}{watches}; next {rule.next}"


def _for_want_of(rule: RuleAnswer) -> str:
    if not rule.in_the_way:
        return rule.next
    more = len(rule.in_the_way) - 1
    return rule.in_the_way[0] + (f", nor {more} more" if more else "")


def _at_length(console: Console, rules: Sequence[RuleAnswer]) -> None:
    for rule in rules:
        console.print()
        heading(console, f"{rule.rule.id}: {_verdict_of(rule)}", rule.rule.title if rule.rule.title != rule.rule.id else "")
        say(console, "  next", rule.next, margin=10)
        for sentence in rule.done:
            say(console, "  done", sentence, margin=10)
        if rule.tree is None:
            for sentence in rule.because:
                say(console, "  because", sentence, margin=10)
        else:
            _tree(console, rule.tree, 1)
        for sentence in rule.in_the_way:
            say(console, "  wanting", sentence, margin=10)
        for sentence in rule.endings:
            say(console, "  but", sentence, margin=10)


def _tree(console: Console, reason: Reason, depth: int) -> None:
    """A condition and its parts, each one step further in."""
    indent = "  " * depth
    wrapped = textwrap.fill(
        f"{indent}- {reason}", max(console.width, 60), subsequent_indent=f"{indent}  ", break_on_hyphens=False
    )
    console.print(Text(wrapped), soft_wrap=True)
    for part in reason.parts:
        _tree(console, part, depth + 1)


def _verdict_of(rule: RuleAnswer) -> str:
    said = {True: "holds", False: "does not hold", None: "not known: a fact is missing"}[rule.holds]
    return said if rule.mode is Mode.LIVE else f"{said} (it only watches)"


def answer_data(found: Answer) -> dict[str, Any]:
    """The answer as plain data, its rules in the order in which people read them."""
    return {
        "ticket": found.ticket.key,
        "url": found.ticket.url,
        "at": written(found.at),
        "read_at": written(found.ticket.known),
        "notes": list(found.notes),
        "next": None if found.coming is None else found.coming.rule.id,
        "rules": [
            {
                "rule": rule.rule.id,
                "title": rule.rule.title,
                "mode": rule.mode.value,
                "holds": rule.holds,
                "because": list(rule.because),
                "wanting": list(rule.in_the_way),
                "ends": list(rule.endings),
                "tree": _tree_data(rule.tree) if rule.tree is not None else None,
                "done": list(rule.done),
                "next": rule.next,
                "next_at": written(rule.next_at) if rule.next_at is not None else None,
            }
            for rule in found.rules
        ],
    }


def _tree_data(reason: Reason) -> dict[str, Any]:
    return {
        "said": str(reason),
        "holds": reason.holds,
        "since": written(reason.since),
        "until": written(reason.until),
        "parts": [_tree_data(part) for part in reason.parts],
    }
