"""A failing story made short: items are left out, half of them at once at first, as long as it still fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.simulation.story import Opened, Story

Fails = Callable[[Story], bool]


def shrunk(story: Story, fails: Fails, most: int = 300) -> Story:
    """The shortest story found in at most so many plays that still fails. `story` must fail."""
    plays = _Plays(fails, most)
    for plain in (replace(story, skew=0), replace(story, lag=0), replace(story, page_size=50)):
        merged = replace(
            story, skew=min(story.skew, plain.skew, key=abs), lag=min(story.lag, plain.lag), page_size=plain.page_size
        )
        if merged != story and plays.still(merged):
            story = merged
    for ticket in [item.ticket for item in story.items if isinstance(item, Opened)]:
        without = replace(story, items=tuple(item for item in story.items if getattr(item, "ticket", "") != ticket))
        if plays.still(without):
            story = without
    size = max(1, len(story.items) // 2)
    while plays.left and size:
        before = len(story.items)
        story = _pass(story, size, plays)
        if size > 1 or len(story.items) == before:
            size //= 2
    return story


class _Plays:
    """How often a story may still be played."""

    def __init__(self, fails: Fails, left: int) -> None:
        self._fails, self.left = fails, left

    def still(self, story: Story) -> bool:
        """Whether a story fails; once no play is left, no."""
        if self.left <= 0:
            return False
        self.left -= 1
        return self._fails(story)


def _pass(story: Story, size: int, plays: _Plays) -> Story:
    """Try to leave out each stretch of so many items."""
    start = 0
    while start < len(story.items):
        without = story.without(set(range(start, start + size)))
        if without.items and plays.still(without):
            story = without
        else:
            start += size
    return story
