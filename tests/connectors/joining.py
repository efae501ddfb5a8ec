"""A key that tells when it has been asked for, so that a test knows who waits without waiting for the clock."""

import threading


class Key(str):  # noqa: SLOT000 - it has an event
    """A text whose `joined` is set as soon as it was looked up, or put where it can be."""

    joined: threading.Event

    def __init__(self, _text: str) -> None:
        """Not asked for yet; the text is str's own affair."""
        self.joined = threading.Event()

    def __hash__(self) -> int:
        self.joined.set()
        return super().__hash__()

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other)
