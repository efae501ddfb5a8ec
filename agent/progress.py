"""How far a long command is: a bar with rate and time left on a terminal, nothing elsewhere; Ctrl-C ends it at the next word."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from agent.screens.terminal import Terminal

INTERRUPTED: Final = 130
"""The exit code of what Ctrl-C ended, as shells have it: 128 and the number of the signal."""


class _Rate(ProgressColumn):
    def render(self, task: object) -> Text:
        speed = getattr(task, "finished_speed", None) or getattr(task, "speed", None)
        return Text("" if speed is None else f"{speed:,.0f}/s")


@contextmanager
def progress(what: str) -> Iterator[tuple[Callable[[int, int], None], Callable[[], bool]]]:
    """Gives what is to be told how many of how many are done, and what to ask whether somebody wants it to stop.

    The first Ctrl-C asks it to stop and to say what it has found so far; a second one ends it at once.
    """
    interrupted: list[int] = []

    def stop(number: int, _: object) -> None:
        interrupted.append(number)
        signal.signal(signal.SIGINT, before)

    console = Terminal(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    before = signal.signal(signal.SIGINT, stop)
    try:
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task(what, total=None)
            yield lambda done, whole: bar.update(task, completed=done, total=whole), lambda: bool(interrupted)
    finally:
        signal.signal(signal.SIGINT, before)
