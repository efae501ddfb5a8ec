"""What came of work on rules, as lines for people and as plain data for machines."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.text import Text

from agent.rule_commands import FormattedFile, FromMatrix, Linted
from agent.screens.lines import counted, heading
from agent.story_commands import Tested
from rules.instants import written
from rules.prove import Example, Kind, Proof, Question
from rules.sentences import Explained
from rules.stories import Told


def lint(console: Console, found: Linted) -> None:
    """Problems, findings and hints, a line each; then what is so of every ticket there could be, if that was asked."""
    for said in found.problems:
        console.print(Text(said, "red"), soft_wrap=True)
    for said in found.findings:
        console.print(Text(said, "yellow"), soft_wrap=True)
    for said in found.hints:
        console.print(Text(f"hint  {said}", "dim"), soft_wrap=True)
    for said in found.unknown:
        console.print(Text(f"{said}; hoist check says it", "dim"), soft_wrap=True)
    _proofs(console, found.proofs or ())
    if found.at_fault:
        console.print(f"{counted(found.at_fault, 'thing')} to mend or to look at. Next: mend what is named, and lint again")
    else:
        form = " (hoist rules format writes the hints' form)" if found.hints else ""
        console.print(f"{counted(found.rules, 'rule')}, nothing to find fault with. Next: hoist check{form}")


def _proofs(console: Console, proofs: Sequence[Proof]) -> None:
    """What was found with its story, then what is open, then what was proved of all rules together."""
    for proof in proofs:
        if proof.kind is Kind.FOUND:
            console.print(Text(str(proof), "yellow"), soft_wrap=True)
            for line in proof.story.lines if proof.story is not None else ():
                console.print(Text(f"    {line}"), soft_wrap=True)
    for proof in proofs:
        if proof.kind is Kind.UNDECIDED:
            console.print(Text.assemble(("undecided  ", "cyan"), str(proof)), soft_wrap=True)
    for proof in proofs:
        if proof.kind is Kind.PROVED and proof.question in {Question.COVERED, Question.FIGHT}:
            console.print(Text.assemble(("proved  ", "green"), str(proof)), soft_wrap=True)


def lint_data(found: Linted) -> dict[str, Any]:
    """What was found, as plain data; `proofs` is none where they were not asked for."""
    said = {"rules": found.rules, "problems": list(found.problems), "findings": list(found.findings), "hints": list(found.hints)}
    said["unknown"] = list(found.unknown)
    return {**said, "proofs": None if found.proofs is None else [_proof_data(proof) for proof in found.proofs]}


def _proof_data(proof: Proof) -> dict[str, Any]:
    said = {"question": proof.question.value, "kind": proof.kind.value, "subject": proof.subject, "sentence": proof.sentence}
    return {**said, "place": proof.place, "story": None if proof.story is None else _example_data(proof.story)}


def _example_data(example: Example) -> dict[str, Any]:
    fields = {name: list(value) if isinstance(value, tuple) else value for name, value in example.ticket.fields.items()}
    return {"arrives": written(example.ticket.created), "fields": fields, "lines": list(example.lines)}


def tested(console: Console, found: Tested) -> None:
    """Each story, and of those that failed why, with their timelines."""
    if found.written is not None:
        console.print(Text(f"Wrote {found.written}. Look through it before you share it."), soft_wrap=True)
    for said in found.problems:
        console.print(Text(said, "red"), soft_wrap=True)
    for told in found.told:
        _told(console, told)
    if found.problems:
        console.print(f"{counted(len(found.problems), 'problem')}; nothing was tested. Next: mend what is named, and test again")
    elif found.failed:
        failed = f"{counted(len(found.told), 'story').replace('storys', 'stories')}, {found.failed} failed"
        console.print(f"{failed}. Next: mend the rule or the story, and test again")
    else:
        console.print(
            f"{counted(len(found.told), 'story').replace('storys', 'stories')}, all as expected. Next: hoist rules lint"
        )


def _told(console: Console, told: Told) -> None:
    outcome = Text("FAILED", "red") if told.failures else Text("ok", "green")
    console.print(Text.assemble(outcome, f"  {told.story.place}  ", (told.story.name, "bold")), soft_wrap=True)
    for failure in told.failures:
        console.print(Text(f"  {failure}", "red"), soft_wrap=True)
    for line in told.picture:
        console.print(Text(f"    {line}" if line else ""), soft_wrap=True)


def tested_data(found: Tested) -> dict[str, Any]:
    """What came of the stories as plain data; instants as text."""
    return {
        "written": str(found.written) if found.written is not None else None,
        "problems": list(found.problems),
        "failed": found.failed,
        "stories": [
            {
                "story": told.story.name,
                "place": told.story.place,
                "passed": not told.failures,
                "failures": list(told.failures),
                "fired": [
                    {"rule": step.rule, "at": written(step.at), "steps": [number + 1 for number in step.steps]}
                    for step in told.fired
                ],
                "picture": list(told.picture),
            }
            for told in found.told
        ],
    }


def explained(console: Console, rules: Sequence[Explained]) -> None:
    """Each rule as a paragraph."""
    for each in rules:
        rule = each.rule
        heading(console, rule.id, rule.title if rule.title != rule.id else "")
        for said in (rule.why, *each.sentences, each.example):
            if said:
                wrapped = textwrap.fill(
                    said, max(console.width, 50), initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
                )
                console.print(Text(wrapped), soft_wrap=True)
        console.print()
    console.print(f"{counted(len(rules), 'rule')}. Next: hoist rules test, or hoist rules lint")


def explained_data(rules: Sequence[Explained]) -> list[dict[str, Any]]:
    """Each rule as plain data; the instants of its example as text, none where there is no example."""
    return [
        {
            "rule": each.rule.id,
            "title": each.rule.title,
            "mode": each.rule.mode.value,
            "why": each.rule.why,
            "sentences": list(each.sentences),
            "example": each.example,
            "arrives": written(each.worked.ticket.created) if each.worked else None,
            "escalates": [written(step.at) for step in each.worked.fired] if each.worked else [],
        }
        for each in rules
    ]


def formatted(console: Console, files: Sequence[FormattedFile], *, check: bool) -> None:
    """What is, or was, not in the one form."""
    for file in files:
        console.print(Text(f"{file.path}: {counted(len(file.changes), 'word')} {'to write' if check else 'written'} otherwise"))
        for change in file.changes:
            console.print(Text(f'  {change.line}:{change.column}  "{change.text}" -> {change.hint}', "dim"), soft_wrap=True)
    if not files:
        console.print("Everything is in the one form. Next: hoist rules lint")
    else:
        console.print("Next: hoist rules format" if check else "The rules mean what they meant. Next: hoist rules lint")


def formatted_data(files: Sequence[FormattedFile]) -> list[dict[str, Any]]:
    """The files as plain data."""
    return [
        {
            "file": str(file.path),
            "changes": [
                {"line": each.line, "column": each.column, "text": each.text, "written": each.hint} for each in file.changes
            ],
        }
        for file in files
    ]


def matrix(console: Console, found: FromMatrix) -> None:
    """What is wrong with a matrix; its rules themselves go to standard output as they are."""
    for said in found.problems:
        console.print(Text(said, "red"), soft_wrap=True)
    if found.problems:
        number = counted(len(found.problems), "problem")
        console.print(f"{number} (file:row:column). Next: mend them in the sheet, save it as CSV, and try again")
    else:
        console.print(
            "Next: save this beside your rules (hoist rules matrix FILE.csv > protocol/matrix.yaml), then hoist rules lint"
        )


def matrix_data(found: FromMatrix) -> dict[str, Any]:
    """The rules as a text, or what is wrong with the matrix."""
    return asdict(found)
