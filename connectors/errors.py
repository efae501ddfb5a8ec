"""What can go wrong with a source, by consequence. Each message says what happened, to which ticket or source, and what to do."""

from __future__ import annotations

from rules.instants import Instant


class ConnectorError(Exception):
    """A source did not do what was asked."""


class TryLater(ConnectorError):
    """Nothing took effect; the same request may be sent again after `seconds`."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class Limited(TryLater):
    """The source, or a share of it that hoist may use, takes no request for so long: all that is asked of it waits."""


class TicketBusy(TryLater):
    """The same of one ticket alone: it is written too fast, or its turn did not come in time; others may go on."""


class OutcomeUnknown(ConnectorError):
    """The request left, no answer came: it may or may not take effect. Wait, then look for the marker; never send blindly."""


class Conflict(ConnectorError):
    """The ticket is no longer what was read. Read it afresh and decide again."""


class Gone(ConnectorError):
    """The ticket does not exist or is no longer visible; `at` is the server time of the answer that says so, where one does."""

    def __init__(self, message: str, at: Instant | None = None) -> None:
        super().__init__(message)
        self.at = at


class GiveUp(ConnectorError):
    """The source refuses this for good, in its own words; the escalation is parked with them."""


class AskAdmin(ConnectorError):
    """The whole connection can't work until an administrator acts (credential, permission, address, configuration)."""


class Unsupported(ConnectorError):
    """The source can't do this at all; said when a rulebook is loaded, not when it fires."""
