"""The journal's answers as lines for people, and as plain data for machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from agent.journal.erasure import Erasure
from agent.journal.replaying import Came, Replayed
from agent.journal.verification import Verified, shown
from agent.screens.lines import counted, heading, say
from agent.store.journal import Head
from rules.instants import written

LISTED = 10
"""Line numbers that are shown before the rest is only counted."""


def head(console: Console, found: Head, fresh: int) -> None:
    """The end of the chain, on a line of its own that can be copied."""
    if not found.position:
        console.print(f"No line of the journal was sealed yet; {counted(fresh, 'line')} wait. Next: hoist run")
        return
    console.print(Text(str(found)), soft_wrap=True)
    signed = "signed" if found.signature else "not signed: name a key with journal.signing_key in hoist.yaml"
    waiting = f"; {counted(fresh, 'line')} not sealed yet" if fresh else ""
    console.print(f"{counted(found.position, 'line')} up to {written(found.at)}{waiting}, {signed}.", style="dim", soft_wrap=True)
    console.print("Keep it elsewhere: hoist journal verify --head compares.", style="dim")


def verified(console: Console, found: Verified, *, compared: bool) -> None:
    """Whether the journal is whole; if not, what is wrong with which line, and what to do."""
    if not found.findings:
        console.print(f"The journal is whole: {counted(found.sealed, 'line')}, each follows from the one before.")
        if compared:
            console.print("It is the one that the given head was taken from.")
        else:
            console.print("Who made all of it anew is only found with --head and a head that was kept elsewhere.", style="dim")
    else:
        console.print(Text(f"The journal is BROKEN: {counted(len(found.findings) + found.further, 'finding')}.", "red"))
    for said in shown(found):
        say(console, "  BROKEN", said, "red", margin=11)
    if found.first > 1:
        console.print(f"Lines up to {found.first - 1:,} were removed for their age.")
    if found.erased:
        console.print(f"{counted(found.erased, 'personal value')} erased, as the journal says.")
    if found.fresh:
        console.print(f"{counted(found.fresh, 'line')} not sealed yet: hoist run does so every second.")
    if found.signed:
        console.print("Its head is signed by the key of hoist.yaml.")
    console.print(Text(f"Its head is {found.head}"), soft_wrap=True)


def erasure(console: Console, found: Erasure) -> None:
    """What is erased, or would be."""
    if not found.values:
        console.print("No value in the journal is marked as theirs.")
    elif found.done:
        console.print(f"Erased: {counted(found.values, 'value')} in {counted(len(found.lines), 'line')}. The chain stands.")
    else:
        console.print(
            f"To be erased: {counted(found.values, 'value')} in {counted(len(found.lines), 'line')} ({_some(found.lines)})."
        )
    console.print(Text("They go by: " + ", ".join(found.subjects)), style="dim", soft_wrap=True)
    if found.changes:
        stands = "is gone from" if found.done else "stands in"
        console.print(f"Their name {stands} the reasons of {counted(found.changes, 'change')}.")
    if found.texts:
        stands = "is gone from" if found.done else "stands in"
        console.print(f"Their name {stands} {counted(found.texts, 'text')} of former rules.")
    if found.in_force:
        files = ", ".join(found.in_force)
        console.print(f"The rules in force name them: change {files}, let hoist run, and erase again.", soft_wrap=True)
    if found.mentions:
        said = (
            f"{counted(len(found.mentions), 'line')} ({_some(found.mentions)}) may name them in words that the chain is made of"
        )
        console.print(f"{said}: these stay until they are older than journal.keep in hoist.yaml.", soft_wrap=True)
    if (found.values or found.changes or found.texts) and not found.done:
        console.print(
            "Nothing was erased. Next: the same with --yes; it can't be undone. Backups and exports keep what they hold."
        )


def _some(lines: tuple[int, ...]) -> str:
    named = ", ".join(f"{line:,}" for line in lines[:LISTED])
    return named + (f" and {len(lines) - LISTED:,} more" if len(lines) > LISTED else "")


def head_data(found: Head, fresh: int) -> dict[str, Any]:
    """A head as plain data; `head` is what `verify --head` takes, None before the first line was sealed."""
    return {
        "head": str(found) if found.position else None,
        "position": found.position,
        "hash": found.hash,
        "signature": found.signature or None,
        "at": written(found.at) if found.position else None,
        "not_sealed_yet": fresh,
    }


def verified_data(found: Verified) -> dict[str, Any]:
    """What was found as plain data."""
    return {
        "whole": not found.findings,
        "lines": found.sealed,
        "first": found.first,
        "not_sealed_yet": found.fresh,
        "erased": found.erased,
        "signed": found.signed,
        "head": str(found.head) if found.head.position else None,
        "findings": [{"line": one.line, "said": one.said, "cure": one.cure} for one in found.findings],
        "further": found.further,
    }


def erasure_data(found: Erasure) -> dict[str, Any]:
    """An erasure as plain data."""
    return {
        "done": found.done,
        "values": found.values,
        "lines": list(found.lines),
        "goes_by": list(found.subjects),
        "texts": found.texts,
        "in_force": list(found.in_force),
        "may_name_them": list(found.mentions),
        "changes": found.changes,
    }


_CAME = {
    Came.SAME: ("SAME", "green"),
    Came.OTHERWISE: ("OTHERWISE", "red"),
    Came.UNKNOWN: ("NOT KNOWN", "yellow"),
}


def replayed(console: Console, found: Sequence[Replayed]) -> None:
    """Each decision with what came of making it once more."""
    for each in found:
        line = each.line
        heading(console, f"{line.source}:{each.key}", f"line {line.line:,}, {line.kind} at {written(line.at)}")
        word, style = _CAME[each.came]
        for said in each.said:
            say(console, f"  {word}", said, style, margin=13)
        for note in each.notes:
            say(console, "  note", note, "dim", margin=13)
    same = sum(each.came is Came.SAME for each in found)
    console.print(f"{same:,} of {counted(len(found), 'decision')} came out the same.")


def replayed_data(found: Sequence[Replayed]) -> list[dict[str, Any]]:
    """The same as plain data."""
    return [
        {
            "line": each.line.line,
            "at": written(each.line.at),
            "kind": each.line.kind,
            "source": each.line.source,
            "ticket": each.key,
            "rules": each.line.data["rules"],
            "came": each.came.value,
            "said": list(each.said),
            "notes": list(each.notes),
        }
        for each in found
    ]
