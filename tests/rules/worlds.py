"""The world of a protocol whose outside facts all stand in its own files: calendars, and nothing to be fetched."""

from rules.calendars import ALWAYS, calendar
from rules.protocol.rulebook import Rulebook
from rules.world import World


def world_of(rulebook: Rulebook) -> World:
    """The protocol's calendars; no lists, windows or rotas."""
    organisation = rulebook.organisation
    lists = {name: frozenset(entry.casefold() for entry in known.entries) for name, known in organisation.lists.items()}
    return World(
        {"always": ALWAYS, **{name: calendar(hours) for name, hours in organisation.calendars.items()}},
        lists=lists,
        windows={name: [] for name in organisation.windows},
    )
