"""A story told from a ticket that really happened: the organisation's words, no text of the requester but the subject."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from itertools import groupby
from typing import Any, Final

from rules.binding import BoundRules
from rules.conditions.tree import walk
from rules.confidential import CONCEALED, TEXTS
from rules.engine import evaluate
from rules.instants import Instant
from rules.language.moments import written_local
from rules.language.story import OUTSIDE
from rules.protocol.conditions import State
from rules.stories import ANYWHERE
from rules.ticket import CASE, FIELDS, NATIVE, RELATED, TARGET, UNKNOWN, Change, Kind, Message, Ticket, Value
from rules.timeline import timeline

LEFT_OUT: Final = ("description", "last_comment")
"""Texts that a requester wrote."""

_BLOCKS: Final = {NATIVE: "native", RELATED: "related", TARGET: "target", CASE: "provider_case"}
"""The keys of a story under which fields of these prefixes stand."""

_PLAIN: Final = re.compile(r"[A-Za-z][\w./@+-]*(?: [\w./@+-]+)*", re.ASCII)


def story_text(
    ticket: Ticket,
    bound: BoundRules,
    zone: tzinfo,
    zone_name: str,
    should_fire: Instant,
    rule: str | None,
    steps: Sequence[tuple[str, Instant, int]] = (),
) -> str:
    """A file of one story, which expects the rule (None: any) to fire at an instant, and ends there.

    `steps` are those that it takes up to then (rule, instant, 0 for the first of its ladder), where that is known: a rule that is
    named takes no others. Times are in `zone`, which the file calls `zone_name`. What the ticket's history does not tell is left
    out and named in a remark.
    """
    confidential = _confidential(ticket, bound)
    writer = _Writer(ticket, bound, zone, (*TEXTS, "labels") if confidential else LEFT_OUT)
    subject = CONCEALED if confidential else ticket.fields.get("subject") or "without a subject"
    name = f"{ticket.key}: {subject}"
    expected = steps or ((rule or "", should_fire, 0),)
    lines = [
        f"# Written from {ticket.ref.source}, ticket {ticket.key}. What people wrote is left out, but for the subject.",
        *(f"# {remark}" for remark in writer.remarks()),
        "stories:",
        f"  - story: {quoted(name)}",
        f"    time_zone: {zone_name}",
        *([] if bound.source == ANYWHERE else [f"    source: {quoted(bound.source)}"]),
        "    ticket:",
        *(f"      {key}: {value}" for key, value in writer.initial()),
    ]
    changes = list(writer.changes())
    if changes:
        lines.append("    changes:")
        lines += [f"      - {{{', '.join(f'{key}: {value}' for key, value in change)}}}" for change in changes]
    # whatever hoist wrote to the ticket is in its history already
    lines += [
        f"    until: {writer.local(should_fire)}",
        "    writes: nothing",
        "    fires:",
        *(f"      - {_expected(name, writer.local(at), step)}" for name, at, step in expected),
    ]
    return "\n".join(lines) + "\n"


def _expected(rule: str, at: str, step: int) -> str:
    said = [f"rule: {rule}"] if rule else []
    return f"{{{', '.join([*said, f'at: {at}', *([f'step: {step + 1}'] if step else [])])}}}"


def _confidential(ticket: Ticket, bound: BoundRules) -> bool:
    """Whether a confidential rule may ever have held on the ticket: then not even its subject and labels are written."""
    hidden = [rule for rule in bound.rules if rule.rule.confidential]
    evaluation = evaluate(timeline(ticket), bound, ticket.known, hidden)
    return any(evaluation.may(rule.id) for rule in hidden)


def quoted(text: str) -> str:
    """A text as a YAML scalar that means it: plain where that is safe, else in double quotes."""
    return text if _PLAIN.fullmatch(text) else '"' + "".join(map(_escaped, text)) + '"'


def _escaped(sign: str) -> str:
    if sign.isprintable():
        return f"\\{sign}" if sign in '"\\' else sign
    control = unicodedata.category(sign) == "Cc" and sign not in "\t\n\r\x85"  # a terminal would obey it; it stands in no file
    half = "\ud800" <= sign <= "\udfff"  # half a pair names no character
    return "?" if control or half else f"\\U{ord(sign):08x}"


Entry = tuple[str, str]


class _Writer:
    """Turns one ticket's values and changes into the words of a story."""

    def __init__(self, ticket: Ticket, bound: BoundRules, zone: tzinfo, left_out: Sequence[str]) -> None:
        self._ticket, self._zone = ticket, zone
        self._teams = {id_: name for name, ids in bound.teams.items() for id_ in ids}
        self._levels = {id_: level.word for level in bound.levels for id_ in level.ids}
        self._directory = bound.directory
        asked = {part.field for rule in bound.rules for part in walk(rule.rule.condition) if isinstance(part, State)}
        own = [name for name in ticket.fields if name.startswith((NATIVE, RELATED, CASE)) and name in asked]
        targets = [name for name in ticket.fields if name.startswith(TARGET)]
        self._fields = [*(name for name in FIELDS if name not in left_out), *own, *targets]
        self._texts = [name for name in left_out if name in asked]

    def local(self, at: Instant) -> str:
        """An instant as the story's reader takes it."""
        return written_local(at, self._zone)

    def remarks(self) -> Iterator[str]:
        """What the story can't tell."""
        ticket = self._ticket
        if ticket.complete_from is not None and ticket.complete_from > ticket.created:
            yield f"What it was before {self.local(ticket.complete_from)} is not recorded; the first known values stand here."
        if self._texts:
            left_out = f"{'is' if len(self._texts) == 1 else 'are'} left out"
            yield f"Rules look at the {' and the '.join(self._texts)}, which {left_out}: write here what they look for."

    def initial(self) -> list[Entry]:
        """The ticket as it was created."""
        ticket = self._ticket
        first: dict[str, Change] = {}
        for change in ticket.changes:
            first.setdefault(change.field, change)
        values = {name: first[name].old if name in first else ticket.fields.get(name, UNKNOWN) for name in self._fields}
        return [("key", quoted(ticket.key)), ("created", self.local(ticket.created)), *self._said(values, sparse=True)]

    def changes(self) -> Iterator[list[Entry]]:
        """Each save and each message, in order."""
        ticket = self._ticket
        rows: list[tuple[Instant, int, list[Entry]]] = []
        kept = [change for change in ticket.changes if change.field in self._fields]
        for number, ((at, _), of_save) in enumerate(groupby(kept, key=lambda change: (change.at, change.save))):
            changes = list(of_save)
            said = self._said({change.field: change.new for change in changes}, sparse=False)
            if said:
                rows.append((at, number, [*self._head(changes[0]), *said]))
        for message in ticket.messages:
            public = "public" if message.public else "internal"
            thanks = [("thanks", "true")] if message.thanks else []
            rows.append((message.at, len(kept), [*self._head(message), ("message", public), *thanks]))
        for _, _, entries in sorted(rows, key=lambda row: row[:2]):
            yield entries

    def _head(self, act: Change | Message) -> list[Entry]:
        kind = Kind.AUTOMATION if act.by.kind is Kind.OWN_ACCOUNT else act.by.kind
        return [("at", self.local(max(act.at, self._ticket.created))), ("by", kind.value)]

    def _said(self, values: Mapping[str, Value], *, sparse: bool) -> list[Entry]:
        """The values as entries; empty ones are left out where `sparse`, since a story takes them for empty anyway."""
        entries: list[Entry] = []
        inner: dict[str, dict[str, Any]] = {}
        for name, value in values.items():
            if value is UNKNOWN or (sparse and value in {None, ()}):
                continue
            prefix = next((known for known in _BLOCKS if name.startswith(known)), "")
            if not prefix:
                entries.append((name, self._word(name, value)))
            elif not name.endswith(".start"):
                inner.setdefault(_BLOCKS[prefix], {})[name.removeprefix(prefix)] = self._own(name, value, values)
        return [*entries, *((prefix, _flow(block)) for prefix, block in inner.items())]

    def _word(self, name: str, value: Value) -> str:
        if name in {"labels", "approver"} and isinstance(value, tuple | None):
            return _flow([quoted(label) for label in value]) if isinstance(value, tuple) and value else "nothing"
        if value is None:
            return "nobody" if name in {"assignee", "team", "requester"} else "nothing"
        if isinstance(value, int):
            return self.local(value) if name == "due" else str(value)
        text = str(value)
        if name == "team" and text not in self._teams:
            return quoted(f"{OUTSIDE}team {self._directory.teams.get(text, text)}")
        if name == "priority" and text not in self._levels:
            return quoted(f"{OUTSIDE}priority {self._directory.priorities.get(text, text)}")
        words = {"team": self._teams, "priority": self._levels}.get(name, {})
        return quoted(words.get(text, text))

    def _own(self, name: str, value: Value, values: Mapping[str, Value]) -> Any:
        if name.startswith(TARGET):
            start = values.get(f"{name}.start")
            due = self.local(value) if isinstance(value, int) else "nothing"
            return {"due": due, "start": self.local(start)} if isinstance(start, int) else {"due": due}
        if isinstance(value, tuple):
            return [quoted(text) for text in value] or "nothing"
        return "nothing" if value is None else quoted(str(value)) if isinstance(value, str) else str(value)


def _flow(value: Any) -> str:
    """Texts that are YAML already, in a list or block on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(key)}: {_flow(inner)}" for key, inner in value.items()) + "}"
    return "[" + ", ".join(_flow(inner) for inner in value) + "]" if isinstance(value, list) else str(value)
