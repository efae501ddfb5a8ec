"""Rules checked without tickets: can each fire, do some undo each other, is every urgent ticket escalated in time.

Answers are sentences and plain values. What is *found* was confirmed by running the rules, but for rules that can never fire,
where there is nothing to run; what is *proved* holds for every ticket, within the limits that the sentence names; everything else
is said to be *undecided*, with what stood in the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from rules.protocol.rulebook import Rulebook
from rules.prove.coverage import coverage, usual_guards
from rules.prove.fights import fights
from rules.prove.guards import read_guard, read_within
from rules.prove.never import never_fires
from rules.prove.proofs import Example, Guard, Kind, Proof, Question
from rules.prove.setting import Setting
from rules.prove.waits import Years
from rules.world import World

__all__ = ["Example", "Guard", "Kind", "Proof", "Question", "Years", "prove", "read_guard", "read_within", "usual_guards"]

SECONDS: Final = 5.0
"""About how long one question to the solver may take; those of a whole protocol mostly take milliseconds each."""


def prove(
    rulebook: Rulebook,
    world: World,
    guards: Sequence[Guard] = (),
    *,
    first_year: int = Years().first,
    seconds: float = SECONDS,
    progress: Callable[[str], None] | None = None,
) -> tuple[Proof, ...]:
    """Every answer about a protocol: its rules in order, then their fights, then the guards.

    The two most urgent priorities, new and open, are guards unless guards are given. Business time is looked at for tickets that
    arrive in the six years from `first_year` on. Drafts are left out; rules that only watch are taken as if they were live.
    `progress` is told what is being looked at.

    Raises BindingError where the rules don't fit the organisation's own words, ImportError where the solver is not installed.
    """
    years = Years(first_year, first_year + Years().last - Years().first)
    asked = tuple(guards) or usual_guards(rulebook)
    setting = Setting(rulebook, world, [guard.condition for guard in asked], years, seconds)
    if not setting.rules:
        return ()
    told = progress or _unheard
    return (
        *_one_by_one(f"which of {len(setting.rules)} rules can fire", never_fires(setting), told),
        *_one_by_one("which rules undo each other", fights(setting), told),
        *_one_by_one("which tickets nobody escalates", coverage(setting, asked), told),
    )


def _one_by_one(question: str, answers: Iterable[Proof], told: Callable[[str], None]) -> Iterator[Proof]:
    told(question)
    for number, answer in enumerate(answers, 1):
        yield answer
        told(f"{question}: {number} {'answer' if number == 1 else 'answers'} so far")


def _unheard(_: str) -> None:
    """Nobody looks on."""
