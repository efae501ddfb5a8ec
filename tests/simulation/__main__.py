"""Play seeds: `python -m tests.simulation SEED`, or many of them: `python -m tests.simulation --seeds 10000 --first 0`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from tests.simulation.drawing import CACHED, drawn
from tests.simulation.platforms import PLATFORMS
from tests.simulation.running import Result, Sums, of_seeds, result_of
from tests.simulation.shrinking import shrunk
from tests.simulation.story import Story, families


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 1 where a promise was broken."""
    parser = _parser()
    options = parser.parse_args(arguments)
    faults = None if options.faults is None else set(filter(None, options.faults.split(",")))
    if unknown := (faults or set()) - _known():
        parser.error(f"there is no fault {', '.join(sorted(unknown))}; there are {', '.join(sorted(_known()))}")
    if options.seeds is not None:
        return _many(range(options.first, options.first + options.seeds), options.hours, faults, options.platform, options.jobs)
    if options.seed is None:
        parser.error("name a seed, or a number of them with --seeds")
    story = drawn(options.seed, options.hours, faults, options.platform)
    return _one(story, _command(options.seed, options.hours, faults, options.platform))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description="A desk on which everything goes wrong.")
    parser.add_argument("seed", nargs="?", type=int, help="play this one; where it fails, find a short story that fails too")
    parser.add_argument("--seeds", type=int, help="play so many instead, and count")
    parser.add_argument("--first", type=int, default=0, help="the first of many")
    parser.add_argument("--platform", default="jira", choices=PLATFORMS, help="the far side")
    parser.add_argument("--hours", type=float, default=6, help="simulated hours of a seed")
    parser.add_argument("--faults", help="only these, with commas between them; `` for none")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes for many")
    return parser


def _known() -> set[str]:
    return {*families(), *(kind for platform in PLATFORMS.values() for kind, _ in platform.TROUBLES), CACHED}


def _command(seed: int, hours: float, faults: set[str] | None, platform: str) -> str:
    """What plays the same again."""
    only = "" if faults is None else f" --faults {','.join(sorted(faults)) or repr('')}"
    where = f" --platform {platform}" if platform != "jira" else ""
    return f"python -m tests.simulation {seed}" + where + (f" --hours {hours:g}" if hours != 6 else "") + only


def _one(story: Story, command: str) -> int:
    result = result_of(story)
    _say(f"seed {story.seed}: {result.effects} writes, digest {result.digest}")
    if not result.broken:
        _say("every promise was kept")
        return 0
    _say("broken:", *(f"  {said}" for said in result.broken), f"again: {command}", "looking for a short story that fails too ...")
    short = shrunk(story, lambda each: bool(result_of(each).broken))
    _say(*told(short))
    return 1


def told(story: Story) -> list[str]:
    """A story and what it breaks, as lines."""
    return ["", *story.lines(), "", *(f"broken: {said}" for said in result_of(story).broken)]


def _many(seeds: range, hours: float, faults: set[str] | None, platform: str, jobs: int) -> int:
    sums = Sums()
    for result in of_seeds(seeds, hours, faults, jobs, platform):
        sums.add(result)
        _complain(result, _command(result.seed, hours, faults, platform))
    _say(f"{platform}: {sums}")
    return 1 if sums.broken else 0


def _complain(result: Result, command: str) -> None:
    if result.broken:
        _say(f"seed {result.seed} broke {len(result.broken)}: {result.broken[0]}", f"  again: {command}")


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
