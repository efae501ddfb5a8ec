"""What `hoist install` would do, or has done."""

from __future__ import annotations

from typing import Any

from agent.install import Installed
from agent.screens.terminal import Terminal


def data(found: Installed) -> dict[str, Any]:
    """As plain data."""
    return {"source": found.source, "steps": list(found.steps), "done": found.done, "by_hand": found.by_hand or None}


def show(console: Terminal, found: Installed, *, remove: bool) -> None:
    """In words, with what to do next."""
    for step in found.steps:
        console.print(f"{'done' if found.done else 'to do'}: {step}", markup=False)
    if found.by_hand:
        console.print(found.by_hand, markup=False)
    if not found.steps and not found.by_hand:
        console.print(f"{found.source}: {'there is nothing of hoist' if remove else 'all is as it should be'}; nothing to do")
    elif found.steps and not found.done:
        console.print("Nothing was done yet: say it again with --yes.")
    elif found.done and not remove:
        console.print("Next: start hoist run anew, so that it knows the secret; hoist status tells if the webhook stays silent.")
    elif found.done:
        console.print("Next: remove webhook: of the source from hoist.yaml.")
