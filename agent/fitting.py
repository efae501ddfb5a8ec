"""Whether a rulebook fits a source: its names are there, and the platform can do what the rules ask for.

Said when rules are loaded, not when they fire.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from agent.protocol_files import calendars_of
from connectors.contract import Capabilities
from rules.binding import BindingError, BoundRules, bind
from rules.protocol import Action, AddLabel, Assign, Comment, Escalate, Mode, RaisePriority, Rulebook, Tell
from rules.world import Directory

_NEEDS: Final[Mapping[type[Action], tuple[str, str]]] = {
    Escalate: ("team", "move a ticket to a team"),
    Assign: ("team", "move a ticket to a team"),
    RaisePriority: ("priority", "set a priority"),
    AddLabel: ("labels", "set labels"),
    Comment: ("comment", "write comments"),
    Tell: ("comment", "write comments"),
}
"""What a connector must be able to write for an action, and how that is said."""


def fitted(rulebook: Rulebook, source: str, directory: Directory, capabilities: Capabilities) -> BoundRules:
    """The rules bound to a source. Raises BindingError with everything that does not fit."""
    problems = tuple(dict.fromkeys(_impossible(rulebook, capabilities)))
    try:
        bound = bind(rulebook, source, directory, calendars_of(rulebook))
    except BindingError as error:
        raise BindingError(source, (*problems, *error.problems)) from error
    if problems:
        raise BindingError(source, problems)
    return bound


def _impossible(rulebook: Rulebook, capabilities: Capabilities) -> Iterator[str]:
    for rule in rulebook.rules:
        for action in rule.actions:
            field, words = _NEEDS[type(action)]
            if field not in capabilities.writes and rule.mode is not Mode.DRAFT:
                platform = f"{capabilities.platform} as it is set up here"
                yield f"{rule.place}, rule {rule.id}: {platform} can't {words}; take that action out"
