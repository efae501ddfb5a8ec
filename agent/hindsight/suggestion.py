"""Changes of the protocol's files that are suggested to people, as a diff that `patch -p1` takes in the protocol's folder.

What is suggested is tried first: a change after which the files can't be loaded, or lint finds more than before, is none.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from agent.hindsight.yaml_edits import Document, Edit, document, edited, scalar
from rules.lint import findings
from rules.protocol.durations import Duration
from rules.protocol.rulebook import Rulebook
from rules.rulebook import Loaded, RulebookError, load

MOST: Final = 100
"""Changes that are tried for one protocol: with 500 rules, loading its files for each takes half a second."""
_CONTEXT: Final = 3
_NUMBER: Final = re.compile(r"(\d+)(\s+\D+)")

Change = Sequence[Edit]
"""None at all where the files have no place for it."""


class Suggestions:
    """Changes of one protocol, which is taken as it was loaded."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._tried = 0
        self._known = _worth_a_look(loaded.rulebook)
        self._documents = [found for name, text in loaded.texts.items() if (found := document(name, text)) is not None]

    def best(self, *changes: Change) -> str:
        """The first of these changes that works, as a unified diff; "" where none does."""
        return next((self._diff(texts) for change in changes if change and (texts := self._works(change)) is not None), "")

    def _works(self, change: Change) -> Mapping[str, str] | None:
        """The files after a change, unless something is worse with it or nothing is different, or too much was tried already."""
        if self._tried == MOST:
            return None
        self._tried += 1
        texts = {name: edited(text, [edit for edit in change if edit.file == name]) for name, text in self._loaded.texts.items()}
        try:
            rulebook = load(texts, self._loaded.library).rulebook
        except RulebookError:
            return None
        same = rulebook.version == self._loaded.rulebook.version
        return None if same or _worth_a_look(rulebook) - self._known else texts

    def _diff(self, texts: Mapping[str, str]) -> str:
        # lines around a change could be those of a rule of which nothing leaves its chain
        around = 0 if any(rule.confidential for rule in self._loaded.rulebook.rules) else _CONTEXT
        lines: list[str] = []
        for name, before in self._loaded.texts.items():
            both = (before.splitlines(), texts[name].splitlines())
            lines += difflib.unified_diff(*both, f"a/{name}", f"b/{name}", n=around, lineterm="")
        return "\n".join(lines)

    # --- rules -----------------------------------------------------------------------------------------------------------

    def with_mode(self, rule: str, mode: str) -> Change:
        """The rule in another mode."""
        return [found.with_key(block, "mode", mode) for found, block in self._rule(rule)]

    def longer(self, rule: str, span: Duration) -> Change:
        """The rule with that length of time twice as long."""
        twice = _NUMBER.fullmatch(span.text)
        if twice is None or not int(twice[1]):
            return ()
        many = "" if twice[2].endswith("s") else "s"
        text = f"{2 * int(twice[1])}{twice[2]}{many}"
        for found, block in self._rule(rule):
            place = next((each for each in _scalars(block) if _spelt(each.value) == _spelt(span.text)), None)
            if place is not None:
                return [found.replaced(place, text)]
            parameter = self._parameter(found, block, span.text)
            if parameter:
                return [_with_parameter(found, block, parameter, text)]
        return ()

    def with_chain(self, rule: str, chain: str, other: str) -> Change:
        """The rule with another chain to climb."""
        for found, block in self._rule(rule):
            places = [found.value(found.value(block, "with"), "chain")]
            for action in (each for part in _mappings(block) for each in found.items(found.value(part, "escalate"))):
                places += [action, found.value(action, "chain")]
            return [found.replaced(place, scalar(other)) for place in places if place is not None and place.value == chain]
        return ()

    def _rule(self, rule: str) -> Iterator[tuple[Document, MappingNode]]:
        """The block of a rule, or of the use of a ready protocol that brings it."""
        for found in self._documents:
            for block in found.items(found.value(found.root, "rules")):
                if isinstance(block, MappingNode) and _said(found, block, "rule") == rule:
                    yield found, block
            for block in found.items(found.value(found.root, "use")):
                name = _said(found, block, "rule") or _said(found, block, "protocol")
                if isinstance(block, MappingNode) and (rule == name or rule.startswith(f"{name}-")):
                    yield found, block

    def _parameter(self, found: Document, use: MappingNode, default: str) -> str:
        """The parameter of a ready protocol that is this by default."""
        wanted = _said(found, use, "protocol")
        for text in self._loaded.library.values():
            protocol = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - gives texts, lists and mappings alone
            if isinstance(protocol, dict) and protocol.get("protocol") == wanted:
                named = (each for each in protocol.get("parameters", ()) if _spelt(each.get("default", "")) == _spelt(default))
                return next((str(each["name"]) for each in named if each.get("type") == "duration"), "")
        return ""

    # --- the organisation ------------------------------------------------------------------------------------------------

    def with_lead(self, team: str, lead: str | None) -> Change:
        """The team with another lead, or none."""
        for found, block in self._named("teams", team):
            return [found.without_key(block, "lead") if lead is None else found.with_key(block, "lead", scalar(lead))]
        return ()

    def with_role(self, role: str, who: str) -> Change:
        """Somebody else in a role."""
        for found in self._documents:
            place = found.named(found.value(found.root, "roles"), role)
            if place is not None:
                return [found.replaced(place, scalar(who))]
        return ()

    def with_hours(self, calendar: str, hours: str) -> Change:
        """The calendar with these opening hours, as they are written."""
        return [found.with_key(block, "hours", hours) for found, block in self._named("calendars", calendar)]

    def with_target(self, chain: str, team: str, within: str) -> Change:
        """A tier with another time in which it should take a ticket."""
        for found, tiers in self._chain(chain):
            tier = tiers.value[_place(found, tiers, team)]
            return [found.with_key(tier, "acknowledge_within", within)] if isinstance(tier, MappingNode) else ()
        return ()

    def without_tier(self, chain: str, team: str) -> Change:
        """The chain without that tier."""
        return [found.without_item(tiers, _place(found, tiers, team)) for found, tiers in self._chain(chain)]

    def swapped(self, chain: str, one: str, other: str) -> Change:
        """The chain with two of its tiers in each other's places."""
        for found, tiers in self._chain(chain):
            return found.swapped(*(tiers.value[_place(found, tiers, team)] for team in (one, other)))
        return ()

    def with_tier(self, chain: str, after: str, team: str) -> Change:
        """The chain with one more tier, above that of `after`."""
        return [found.after_item(tiers, _place(found, tiers, after), scalar(team)) for found, tiers in self._chain(chain)]

    def with_team(self, team: str, source: str, native: str) -> Change:
        """The organisation with one more team, which one source has."""
        for found in self._documents:
            teams = found.value(found.root, "teams")
            if isinstance(teams, MappingNode) and teams.value:
                return [found.with_key(teams, scalar(team), f"{{{scalar(source)}: {scalar(native)}}}")]
        return ()

    def _named(self, section: str, name: str) -> Iterator[tuple[Document, MappingNode]]:
        for found in self._documents:
            block = found.named(found.value(found.root, section), name)
            if isinstance(block, MappingNode):
                yield found, block

    def _chain(self, chain: str) -> Iterator[tuple[Document, SequenceNode]]:
        for found in self._documents:
            tiers = found.named(found.value(found.root, "chains"), chain)
            if isinstance(tiers, SequenceNode):
                yield found, tiers


def _place(found: Document, tiers: SequenceNode, team: str) -> int:
    names = [tier.value if isinstance(tier, ScalarNode) else _said(found, tier, "team") for tier in tiers.value]
    return names.index(team)


def _with_parameter(found: Document, use: MappingNode, name: str, text: str) -> Edit:
    block = found.value(use, "with")
    if isinstance(block, MappingNode):
        return found.with_key(block, name, text)
    return found.with_key(use, "with", f"{{{name}: {text}}}")


def _said(found: Document, block: Node, key: str) -> str:
    value = found.value(block, key)
    return str(value.value) if isinstance(value, ScalarNode) else ""


def _spelt(duration: str) -> str:
    return " ".join(duration.casefold().split()).removesuffix("s")


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    inner: Iterable[Node] = ()
    if isinstance(node, MappingNode):
        inner = (value for _, value in node.value)
    elif isinstance(node, SequenceNode):
        inner = node.value
    for each in inner:
        yield from _nodes(each)


def _scalars(node: Node) -> Iterator[ScalarNode]:
    return (each for each in _nodes(node) if isinstance(each, ScalarNode))


def _mappings(node: Node) -> Iterator[MappingNode]:
    return (each for each in _nodes(node) if isinstance(each, MappingNode))


def _worth_a_look(rulebook: Rulebook) -> set[tuple[str, str]]:
    return {(found.subject, found.sentence) for found in findings(rulebook)}
