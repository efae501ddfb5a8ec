"""The dictionary of an instance: its tables, what extends what, and the columns of each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from connectors.servicenow.site.platform_tables import PLATFORM_TABLES
from connectors.servicenow.site.task_tables import TASK_TABLES

SYSTEM: Final = """
  sys_id GUID! Sys ID
  sys_created_on glide_date_time! Created
  sys_created_by string! Created by
  sys_updated_on glide_date_time! Updated
  sys_updated_by string! Updated by
  sys_mod_count integer! Updates
"""
"""Columns that each table has."""

STAMPED_ONCE: Final = frozenset({"sys_audit", "sys_audit_delete", "sys_journal_field"})
"""Tables whose rows never change: they have no columns of an update."""

_COLUMN: Final = re.compile(r"(\w+) (\w+)(?::(\w+))?(?:\((\d+)\))?(?:=([^\s!]+))?(!?) (.+)")
_MOMENTS: Final = frozenset({"glide_date_time", "due_date"})


@dataclass(frozen=True, slots=True)
class Column:
    """`kind` is the internal type; `reference` names the table that it refers to; `longest` is in characters."""

    name: str
    kind: str
    label: str
    reference: str = ""
    longest: int = 40
    default: str = ""
    by_rules: bool = False

    @property
    def moment(self) -> bool:
        """Whether the value is a date with a time, in UTC."""
        return self.kind in _MOMENTS

    @property
    def journal(self) -> bool:
        """Whether what is written is appended as an entry, and the record's own value stays empty."""
        return self.kind in {"journal_input", "journal_list", "journal"}


@dataclass(frozen=True)
class Table:
    """`columns` include the inherited ones. `family` are the table and all that extend it."""

    name: str
    label: str
    parent: str
    columns: Mapping[str, Column]
    audited: bool
    prefix: str
    display: str
    family: list[str] = field(default_factory=list)


def _columns(lines: Iterator[str]) -> Iterator[Column]:
    for line in lines:
        found = _COLUMN.fullmatch(line.strip())
        if found is None:
            raise ValueError(f"no column: {line!r}")
        name, kind, reference, longest, default, by_rules, label = found.groups()
        most = int(longest or (32 if kind in {"reference", "GUID"} else 40))
        yield Column(name, kind, label, reference or "", most, (default or "").replace("+", " "), bool(by_rules))


def _table(block: str, known: Mapping[str, Table]) -> Table:
    head, *lines = block.strip().split("\n")
    name, *words = head.split(" ")
    told: dict[str, str] = {}
    while words:
        match words.pop(0):
            case "audited":
                told["audited"] = "yes"
            case "label":
                told["label"], words = " ".join(words), []
            case key:
                told[key] = words.pop(0)
    parent = told.get("extends", "")
    columns: dict[str, Column] = dict(known[parent].columns) if parent else {}
    system = [line for line in SYSTEM.strip().split("\n") if name not in STAMPED_ONCE or "pdate" not in line]
    columns |= {each.name: each for each in _columns(iter([*lines, *system]))}
    display = told.get("display", "number" if "prefix" in told else "")
    return Table(name, told["label"], parent, columns, "audited" in told, told.get("prefix", ""), display)


def tables(more: str = "") -> dict[str, Table]:
    """Every table of an instance by name; `more` are further ones, or columns of an organisation's own, in the same form."""
    found: dict[str, Table] = {}
    for block in f"\n{PLATFORM_TABLES}{TASK_TABLES}{more}".split("\ntable ")[1:]:
        table = _table(block, found)
        found[table.name] = table
    for table in found.values():
        above = table
        above.family.append(table.name)
        while above.parent:
            above = found[above.parent]
            above.family.append(table.name)
    return found
