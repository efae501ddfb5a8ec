"""What stops hoist itself, by consequence: the person who started it must act, or the store must be looked after."""

from __future__ import annotations


class HoistError(Exception):
    """Something that a person must know; the message says what happened, to what, and what to do."""


class ConfigError(HoistError):
    """hoist.yaml, the protocol or the command's words are wrong. `problems` holds one sentence each; all of them."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class StoreError(HoistError):
    """The store can't be used."""


class DamagedTicketError(StoreError):
    """A ticket's row in the store is not as hoist wrote it: `hoist run` reads the ticket anew."""

    def __init__(self, source: str, ticket: str) -> None:
        super().__init__(
            f"{source}: what the store holds of the ticket {ticket} is damaged; hoist run reads it anew from the helpdesk, and"
            " goes on with all others"
        )
        self.source, self.ticket = source, ticket
