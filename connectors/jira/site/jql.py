"""JQL, the part of it that clients of a service desk use, from text to a syntax tree.

Grammar: https://support.atlassian.com/jira-software-cloud/docs/jql-keywords/ and jql-operators. What history operators (WAS,
CHANGED) and most functions say is not answered: they raise BadQuery, as an unknown word does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MOST_ORDERS: Final = 7
"""How many fields ORDER BY may name (the contract of search/jql)."""


class BadQuery(Exception):
    """The query can't be answered; the text is what Jira would say."""


@dataclass(frozen=True, slots=True)
class Operand:
    """A value as written. `function` values are calls: `currentUser()`."""

    text: str
    quoted: bool = False
    function: bool = False
    arguments: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        return not self.quoted and self.text.upper() in {"EMPTY", "NULL"}


@dataclass(frozen=True, slots=True)
class Clause:
    """field operator values; `operator` is one of = != < <= > >= ~ !~ in, not in, is, is not."""

    field: str
    operator: str
    values: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: Node


Node = Clause | All | AnyOf | Not


@dataclass(frozen=True, slots=True)
class Query:
    """`where` is None for a query without a restriction. `order` holds (field, descending)."""

    where: Node | None
    order: tuple[tuple[str, bool], ...]


_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<symbol><=|>=|!=|!~|&&|\|\||[=<>~(),!&|])
      | (?P<word>cf\[\d+\]|[^\s"'=<>~(),!&|]+)
    )""",
    re.VERBOSE,
)
_SYMBOLS: Final = frozenset({"=", "!=", "<", "<=", ">", ">=", "~", "!~"})
_ESCAPE: Final = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def parse(text: str) -> Query:
    """The syntax tree of a query. Raises BadQuery."""
    parser = _Parser(_tokens(text))
    where = None if parser.at_order() or parser.done() else parser.either()
    order = parser.order()
    if not parser.done():
        raise BadQuery(f"Error in the JQL Query: Expecting either 'OR' or 'AND' but got '{parser.peek().text}'.")
    return Query(where, order)


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    place, end = 0, len(text.rstrip())
    while place < end:
        match = _TOKEN.match(text, place)
        if match is None:
            raise BadQuery(
                f"Error in the JQL Query: The character '{text[place:].strip()[:1]}' is not closed or not allowed here."
            )
        kind = str(match.lastgroup)
        word = match.group(kind)
        found.append(_Token(kind, _ESCAPE.sub(r"\1", word[1:-1]) if kind == "quoted" else word))
        place = match.end()
    return found


class _Parser:
    def __init__(self, tokens: Sequence[_Token]) -> None:
        self.tokens = tokens
        self.place = 0

    def done(self) -> bool:
        return self.place >= len(self.tokens)

    def peek(self) -> _Token:
        return self.tokens[self.place] if not self.done() else _Token("end", "the end of the query")

    def take(self) -> _Token:
        token = self.peek()
        self.place += 1
        return token

    def word(self, *words: str) -> bool:
        """Take the next token if it is one of these words or symbols."""
        token = self.peek()
        if token.kind != "quoted" and token.text.upper() in words:
            self.place += 1
            return True
        return False

    def expect(self, symbol: str) -> None:
        if not self.word(symbol):
            raise BadQuery(f"Error in the JQL Query: Expecting '{symbol}' but got '{self.peek().text}'.")

    def at_order(self) -> bool:
        return self.peek().kind == "word" and self.peek().text.upper() == "ORDER"

    def either(self) -> Node:
        parts = [self.both()]
        while self.word("OR", "||", "|"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def both(self) -> Node:
        parts = [self.negated()]
        while self.word("AND", "&&", "&"):
            parts.append(self.negated())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def negated(self) -> Node:
        if self.word("NOT", "!"):
            return Not(self.negated())
        if self.word("("):
            inner = self.either()
            self.expect(")")
            return inner
        return self.clause()

    def clause(self) -> Node:
        name = self.take()
        if name.kind not in {"word", "quoted"}:
            raise BadQuery(f"Error in the JQL Query: Expecting a field but got '{name.text}'.")
        operator = self.operator()
        if operator in {"in", "not in"}:
            return Clause(name.text, operator, self.listed())
        value = self.operand()
        if operator in {"is", "is not"} and not value.empty:
            raise BadQuery(f"Error in the JQL Query: The operator '{operator}' takes EMPTY or NULL, not '{value.text}'.")
        return Clause(name.text, operator, (value,))

    def operator(self) -> str:
        token = self.take()
        word = token.text.upper()
        if token.text in _SYMBOLS and token.kind == "symbol":
            return token.text
        if word == "IN":
            return "in"
        if word == "NOT" and self.word("IN"):
            return "not in"
        if word == "IS":
            return "is not" if self.word("NOT") else "is"
        raise BadQuery(f"Error in the JQL Query: Expecting an operator but got '{token.text}'.")

    def listed(self) -> tuple[Operand, ...]:
        if not self.word("("):
            return (self.operand(),)
        values = [self.operand()]
        while self.word(","):
            values.append(self.operand())
        self.expect(")")
        return tuple(values)

    def operand(self) -> Operand:
        token = self.take()
        if token.kind not in {"word", "quoted"}:
            raise BadQuery(f"Error in the JQL Query: Expecting a value but got '{token.text}'.")
        if token.kind == "word" and self.word("("):
            arguments: list[str] = []
            while not self.word(")"):
                if self.done():
                    raise BadQuery(f"Error in the JQL Query: The function '{token.text}' is not closed.")
                arguments += [] if self.peek().text == "," else [self.peek().text]
                self.place += 1
            return Operand(token.text.lower(), function=True, arguments=tuple(arguments))
        return Operand(token.text, quoted=token.kind == "quoted")

    def order(self) -> tuple[tuple[str, bool], ...]:
        if not self.word("ORDER"):
            return ()
        self.expect("BY")
        found = [self.ordering()]
        while self.word(","):
            found.append(self.ordering())
        if len(found) > MOST_ORDERS:
            raise BadQuery(f"Error in the JQL Query: ORDER BY names {len(found)} fields, at most {MOST_ORDERS} are allowed.")
        return tuple(found)

    def ordering(self) -> tuple[str, bool]:
        token = self.take()
        if token.kind not in {"word", "quoted"}:
            raise BadQuery(f"Error in the JQL Query: Expecting a field to order by but got '{token.text}'.")
        if self.word("DESC"):
            return token.text.lower(), True
        self.word("ASC")
        return token.text.lower(), False
