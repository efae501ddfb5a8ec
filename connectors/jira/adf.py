"""Atlassian Document Format to plain text, and plain text to a document that can do nothing.

Format: https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/ (version 1).
"""

from __future__ import annotations

from typing import Any, Final

_BLOCKS: Final = frozenset(
    {"paragraph", "heading", "codeBlock", "listItem", "tableRow", "rule", "blockquote", "panel", "mediaSingle"}
)
_LONGEST_COMMENT: Final = 32_000  # Jira's own limit is 32,767 characters
_DEEPEST: Final = 60


def plain(document: object, limit: int) -> str:
    """The words of a document, a line per block, cut to `limit` characters. Text (API version 2) is passed through."""
    if isinstance(document, str):
        return document[:limit]
    parts: list[str] = []
    _collect(document, parts, limit, _DEEPEST)
    return "".join(parts).strip()[:limit]


def _collect(node: Any, parts: list[str], limit: int, depth: int) -> None:
    """Tolerant of whatever stands where a node should: a strange description must not cost the ticket."""
    if not isinstance(node, dict) or depth == 0 or len(parts) > limit:
        return
    kind, content = node.get("type"), node.get("content")
    if kind == "text":
        parts.append(str(node.get("text", "")))
    elif kind == "hardBreak":
        parts.append("\n")
    elif not content and isinstance(attributes := node.get("attrs"), dict):
        parts.append(str(attributes.get("text") or attributes.get("url") or attributes.get("shortName") or ""))
    if isinstance(content, list):
        for child in content:
            _collect(child, parts, limit, depth - 1)
    if isinstance(kind, str) and kind in _BLOCKS:
        parts.append("\n")


def inert(text: str) -> dict[str, Any]:
    """A document that shows `text` as it stands, a paragraph per line: text nodes know no markup, mention or macro."""
    if len(text) > _LONGEST_COMMENT:
        text = text[: _LONGEST_COMMENT - 1] + "…"
    paragraphs = [
        {"type": "paragraph", "content": [{"type": "text", "text": line}] if line else []} for line in text.strip().splitlines()
    ]
    return {"type": "doc", "version": 1, "content": paragraphs or [{"type": "paragraph", "content": []}]}
