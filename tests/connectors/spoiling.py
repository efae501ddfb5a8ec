"""Something odd at any place of an answer, for tests of what becomes of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from connectors.sandboxes.answer import Answer

ODD: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=8), inner, max_size=2),
    max_leaves=3,
)
_NAMES = ("ticket_id", "issueId", "documentkey", "element_id", "id", "sys_id")
"""What a row names its ticket by."""


class Spoilt:
    """What is done to the answers of one kind: at a place that `steps` lead to, something is left out, or is another thing."""

    def __init__(self, kind: str, steps: Sequence[int], odd: Any, *, left_out: bool) -> None:
        self.kind, self._steps, self._odd, self.left_out = kind, steps, odd, left_out
        self.ticket: object = None  # the one that it befell; None where it may have been more than one
        self._done = False

    def __repr__(self) -> str:
        return f"Spoilt({self.kind}, {self._steps}, {self._odd!r}, left_out={self.left_out})"

    def __call__(self, body: bytes) -> bytes:
        if self._done:
            return body
        self._done = True
        whole = json.loads(body)
        self.spoil(whole)
        return json.dumps(whole).encode()

    def spoil(self, whole: Any) -> None:
        """Do it to what an answer holds."""
        node = whole
        for depth, step in enumerate(self._steps):
            places = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not places:
                return
            place = places[step % len(places)]
            if depth == 1 and isinstance(node[place], dict):
                named = next((node[place][name] for name in _NAMES if name in node[place]), None)
                self.ticket = named.get("value") if isinstance(named, dict) else named
            if depth + 1 == len(self._steps) or not isinstance(node[place], dict | list):
                if self.left_out:
                    del node[place]
                else:
                    node[place] = self._odd
                return
            node = node[place]


def spoils(kinds: Sequence[str], deepest: int) -> st.SearchStrategy[Spoilt]:
    """Something odd in the answers of one of these kinds, at most so deep."""
    steps = st.lists(st.integers(0, 200), min_size=1, max_size=deepest)
    return st.builds(Spoilt, st.sampled_from(kinds), steps, ODD, left_out=st.booleans())


def spoiled(answer: Answer, path: str, spoilt: Spoilt | None) -> Answer:
    """A site's good answer as hoist gets it; without `spoilt`, or to another path, it is as it was."""
    if spoilt is None or answer.status != 200 or not path.endswith(spoilt.kind):
        return answer
    return replace(answer, body=spoilt(answer.body))
