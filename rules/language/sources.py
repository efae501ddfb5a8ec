"""What a helpdesk itself keeps, as the protocol refers to it: `source://snow-prod/8-5 weekdays`."""

from __future__ import annotations

from typing import Final

from rules.language.marked_yaml import Text
from rules.language.part import Reading
from rules.language.problems import nearest
from rules.references import named_in_source

AN_EXAMPLE: Final = "a helpdesk's own, by the names of source and schedule or rota, such as source://snow-prod/8-5 weekdays"


def of_source(word: Text, context: Reading) -> str:
    """The reference, once source and name stand in it and the source is one that the priorities name."""
    found = named_in_source(word)
    if found is None:
        raise context.refused(word, f"expected {AN_EXAMPLE}")
    source, name = found
    if context.names.whole and source not in context.names.sources:
        near = nearest(source, context.names.sources)
        hint = f"source://{near}/{name}" if near else ""
        raise context.refused(word, f"no source that the priorities name: {source}", hint)
    return str(word)
