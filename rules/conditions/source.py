"""What conditions look at of one source beside the ticket, in the source's own ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rules.ticket import Value


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Facts of one source.

    `ranks` are the places of the source's priorities, 0 for the most urgent; `places` those of the teams in each chain, 1 for
    the first line; `members` who is in which team (None: the source tells of no team). `calendars` finds, for each of the
    calendars that a ticket gives, the name of that of a team's or a requester's id, None where it has none: it is `otherwise`
    then, round the clock where that is None.
    """

    ranks: Mapping[Value, int] = field(default_factory=dict)
    places: Mapping[str, Mapping[Value, int]] = field(default_factory=dict)
    members: Mapping[str, frozenset[str]] | None = None
    calendars: Mapping[str, Callable[[Value], str | None]] = field(default_factory=dict)
    otherwise: str | None = None
