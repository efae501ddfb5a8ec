"""Files made from the language's own grammar (its JSON Schema), most of each right and some of it anything at all."""

import json
from random import Random
from typing import Any, Final

CURSES: Final = (
    "999999 business days",
    "3650 days",
    "0 minutes",
    "-1 hours",
    "999999999999999999999999 weeks",
    "(a+)+$",
    "(a|a)*b",
    ".*" * 40,
    "(" * 200,
    "{held}" * 500,
    "${chain}",
    "&anchor",
    "*anchor",
    "!!python/object:os.system",
    "<<",
    "2026-02-30",
    "0001-01-01 00:00",
    "9999-12-31 23:59",
    "24:61-99:99",
    "nobody",
    "\u202egnp.exe",
    "\x00",
    "x" * 5_000,
    "",
    "null",
    "no",
    "1e309",
    "0o17",
    "> 3 hours",
    "1.5 hours",
    "1 hour 30 minutes",
    "90 seconds",
    "PT4H",
    "999999.999 years",
    "[[:alpha:]]",
    "[a--b]",
    "\x1b[31m",
    "\x07",
    "C:\\Users\\q",
    "- x",
)
NAMES: Final = (
    "P1",
    "P2",
    "service-desk",
    "network-ops",
    "network",
    "office",
    "always",
    "duty-manager",
    "nobody-took-it",
    "15 minutes",
)


TIMES: Final = ("2026-11-06 16:50", "Fri 2026-11-06 17:05:30", "2026-11-07T09:00Z", "2026-11-09 09:00", "2026-12-31 23:59")
SPANS: Final = ("15 minutes", "4 business hours", "2 business days", "1 week", "90 minutes")
TEAMS: Final = ("service-desk", "network-ops", "network-eng")
SAMPLES: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(("for", "after", "time", "every", "within", "ignore_stays_shorter_than", "expires_after"), SPANS),
    **dict.fromkeys(("at", "created", "from", "to", "due", "start", "until"), TIMES),
    **dict.fromkeys(("by", "made_by"), ("people", "anyone", "staff", "requester")),
    **dict.fromkeys(("live_from", "expires", "review_by"), ("2026-11-06", "2027-11-06")),
    **dict.fromkeys(("team", "enter_at", "assign", "restrict", "only_to", "in"), TEAMS),
    **dict.fromkeys(("chain", "escalate"), ("network",)),
    **dict.fromkeys(("calendar", "at_next_opening_of"), ("office", "always")),
    **dict.fromkeys(("priority", "not_above"), ("P1", "P2", "P3")),
    **dict.fromkeys(("tell", "page", "who", "arbiter", "remind"), ("duty-manager", "lead of service-desk", "anna@example.com")),
    **dict.fromkeys(("label", "labels", "add_label", "remove_label", "tag"), ("vip", "x")),
    **dict.fromkeys(("assignee", "requester"), ("anna", "nobody")),
    **dict.fromkeys(("comment", "title", "why", "story"), ("Held for {held}.", "Some words")),
    "matches": ("VPN.*down", "[0-9]+"),
    "rule": ("nobody-took-it",),
    "time_zone": ("Europe/Amsterdam", "UTC"),
    "existing_tickets": ("all", "at most 5 per hour"),
}
"""What fits under a key in the tests' organisation."""


class Grammar:
    """Values of a JSON Schema; one in `odd` places holds what does not belong there."""

    def __init__(self, schema: dict[str, Any], rng: Random, odd: int = 12) -> None:
        self._definitions = schema.get("$defs", {})
        self._schema, self._rng, self._odd = schema, rng, odd

    def text(self) -> str:
        """A whole file; JSON is YAML as well."""
        return json.dumps(self._value(self._schema, 0), ensure_ascii=False)

    def _value(self, schema: dict[str, Any], depth: int, key: str = "") -> Any:
        rng = self._rng
        if rng.randrange(self._odd) == 0 or depth > 9:
            return self._anything(depth)
        if "$ref" in schema:
            return self._value(self._definitions[schema["$ref"].rpartition("/")[2]], depth, key)
        if "properties" in schema:
            return self._block(schema, depth)
        if several := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
            return self._value(rng.choice(several), depth, key)
        if schema.get("type") == "object":
            return self._block(schema, depth)
        if schema.get("type") == "array":
            return [self._value(schema.get("items", {}), depth + 1, key) for _ in range(rng.choice((1, 1, 2, 3)))]
        return self._word(schema, key)

    def _word(self, schema: dict[str, Any], key: str) -> Any:
        rng = self._rng
        if "enum" in schema or "const" in schema:
            return rng.choice(schema.get("enum", [schema.get("const")]))
        if rng.randrange(self._odd) == 0:
            return rng.choice((*NAMES, *CURSES))
        if "integer" in schema.get("type", ()) and key not in SAMPLES:
            return rng.choice((1, 2, 3))
        examples = [text for text in schema.get("examples", ()) if isinstance(text, str)]
        return rng.choice(SAMPLES.get(key, (*examples, "2", "network")))

    def _block(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        rng = self._rng
        properties = schema.get("properties", {})
        properties = {name: known for name, known in properties.items() if not known.get("doNotSuggest")}
        alternatives = [part["required"] for part in schema.get("anyOf", ()) if "required" in part] or [[]]
        needed = {*schema.get("required", ()), *rng.choice(alternatives)}
        more = rng.choice((0, 0, 1, 1, 2, 4)) if needed else rng.choice((1, 1, 1, 2, 3))
        chosen = needed | set(rng.sample(sorted(properties), min(len(properties), more)))
        block = {name: self._value(properties.get(name, {}), depth + 1, name) for name in sorted(chosen)}
        if isinstance(schema.get("additionalProperties"), dict):
            block |= {rng.choice(NAMES): self._value(schema["additionalProperties"], depth + 1) for _ in range(rng.randrange(3))}
        if rng.randrange(self._odd) == 0:
            block[rng.choice(CURSES)] = rng.choice(CURSES)
        return block

    def _anything(self, depth: int) -> Any:
        rng = self._rng
        if depth < 12 and rng.randrange(4) == 0:
            return [self._anything(depth + 1) for _ in range(rng.randrange(4))]
        if depth < 12 and rng.randrange(4) == 0:
            return {rng.choice((*CURSES, *NAMES)): self._anything(depth + 1) for _ in range(rng.randrange(3))}
        return rng.choice((*CURSES, *NAMES, 1, -1, 10**40, 1e308, True, None))
