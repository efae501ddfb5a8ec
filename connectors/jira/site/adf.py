"""Plain text and the Atlassian Document Format, each from the other.

Format: https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/ (version 1). API version 2 speaks plain
text, version 3 speaks documents; one site serves both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

BLOCKS: Final = frozenset(
    {"paragraph", "heading", "codeBlock", "blockquote", "bulletList", "orderedList", "listItem", "panel", "expand"}
    | {"table", "tableRow", "tableCell", "tableHeader", "mediaSingle", "mediaGroup", "rule", "taskList", "taskItem"}
)
INLINE: Final = frozenset({"text", "hardBreak", "mention", "emoji", "inlineCard", "status", "date", "media"})


def document(text: str) -> dict[str, Any]:
    """The document of a plain text: an empty line parts paragraphs, a line end is a hard break."""
    return {"type": "doc", "version": 1, "content": [_paragraph(part) for part in text.split("\n\n") if part]}


def _paragraph(part: str) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    for number, line in enumerate(part.split("\n")):
        if number:
            content.append({"type": "hardBreak"})
        if line:
            content.append({"type": "text", "text": line})
    return {"type": "paragraph", "content": content}


def valid(given: object) -> bool:
    """Whether this is a document that Jira would take: version 1, known nodes, texts that are not empty."""
    if not isinstance(given, Mapping) or given.get("type") != "doc" or given.get("version") != 1:
        return False
    content = given.get("content")
    return isinstance(content, list) and all(_valid_node(node, BLOCKS) for node in content)


def _valid_node(node: object, allowed: frozenset[str]) -> bool:
    if not isinstance(node, Mapping) or not isinstance(node.get("attrs", {}), Mapping):
        return False
    if not isinstance(node.get("type"), str) or node["type"] not in allowed:
        return False
    if node["type"] == "text":
        return isinstance(node.get("text"), str) and bool(node["text"])
    content = node.get("content", [])
    return isinstance(content, list) and all(_valid_node(child, BLOCKS | INLINE) for child in content)


def plain(given: Mapping[str, Any]) -> str:
    """The text of a document, as version 2 shows it: blocks parted by an empty line, list items by a line end."""
    return "\n\n".join(filter(None, (_text(node) for node in given.get("content", ()))))


def _text(node: Mapping[str, Any]) -> str:
    kind, attrs = node["type"], node.get("attrs", {})
    match kind:
        case "text":
            return str(node["text"])
        case "hardBreak":
            return "\n"
        case "mention" | "emoji" | "status":
            return str(attrs.get("text") or attrs.get("shortName") or attrs.get("id", ""))
        case "inlineCard":
            return str(attrs.get("url", ""))
        case "bulletList" | "orderedList":
            return "\n".join("* " + _text(item) for item in node.get("content", ()))
        case _:
            children = node.get("content", ())
            joint = "" if all(child["type"] in INLINE for child in children) else "\n"
            return joint.join(_text(child) for child in children)
