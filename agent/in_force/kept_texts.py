"""Escalations under way that go on under the text of their rule under which they began (`on_change: keep`)."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import Connection

from agent.store import journal, rule_texts, rulebooks
from rules.binding import BoundRules, judged_as
from rules.instants import Instant
from rules.protocol.rule import Mode, Rule
from rules.protocol.rulebook import Rulebook
from rules.rule_text import UnreadableTextError, text_of, under

KEPT = "rule-kept"
MOVED = "rule-moved"


def former_texts(db: Connection, source: str, rulebook: Rulebook) -> dict[str, Rule]:
    """The rules under the former texts that escalations on a source keep to, by the id as which they are judged."""
    keeping = [(rule, text) for rule in rulebook.rules if rule.mode is not Mode.DRAFT and (text := text_of(rule))]
    by_name = {name: (rule, text.version) for rule, text in keeping for name in (*rule.formerly, rule.id)}
    former: dict[str, Rule] = {}
    for (name, version), data in rule_texts.began_under(db, source, by_name).items():
        rule, present = by_name[name]
        if version != present:
            with suppress(UnreadableTextError):  # `note` says so
                former[judged_as(rule.id, version)] = under(rule, data)
    return former


def forget_unused(db: Connection, rulebook: Rulebook) -> None:
    """Let go of texts of former rules that nothing refers to any more, before anything is decided by the present ones."""
    rulebooks.forget(db, rulebook.version)
    rule_texts.forget(db, [text.version for rule in rulebook.rules if (text := text_of(rule)) is not None])


def note(db: Connection, bound: BoundRules, at: Instant, here: Instant, *, changed: bool) -> None:
    """Keep the texts of rules that are in force from now on, and let go of those that rules keep to no more.

    `at` is the instant on the source's clock, `here` on this machine's; `changed`: the journal is told what goes on under which.
    """
    texts = {rule.id: text for rule in bound.rules if (text := text_of(rule.rule)) is not None}
    for name, text in texts.items():
        rule_texts.keep(db, name, text, here)
    moved = rule_texts.let_go(db, bound.source, [rule.id for rule in bound.rules if rule.id not in texts])
    if not changed:
        return
    for name in moved:
        journal.append(db, MOVED, at, bound.source, rule=name, why="the rule says on_change: move")
    for name, version in rule_texts.began_under(db, bound.source, texts):
        judge = judged_as(name, version)
        if version == texts[name].version:
            continue
        if judge in bound.by_id:
            journal.append(db, KEPT, at, bound.source, rule=name, text=version, now=texts[name].version)
        else:
            why = "; ".join(bound.unfit.get(judge, ("its former text can't be read by this version of hoist",)))
            journal.append(db, MOVED, at, bound.source, rule=name, text=version, now=texts[name].version, why=why)
