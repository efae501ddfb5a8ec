"""Rules checked without tickets: can each fire, do some undo each other, is every urgent ticket escalated in time.

Answers are sentences and plain values. What is *found* was confirmed by running the rules, but for rules that can never fire,
where there is nothing to run; what is *proved* holds for every ticket, within the limits that the sentence names; everything else
is said to be *undecided*, with what stood in the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rules.protocol import Rulebook
from rules.prove.coverage import coverage, usual_guards
from rules.prove.fights import fights
from rules.prove.guards import read_guard
from rules.prove.never import never_fires
from rules.prove.proofs import Example, Guard, Kind, Proof, Question
from rules.prove.setting import Setting
from rules.prove.waits import Years
from rules.world import World

__all__ = ["Example", "Guard", "Kind", "Proof", "Question", "Years", "prove", "read_guard"]

SECONDS: Final = 5.0
"""About how long one question to the solver may take; those of a whole protocol mostly take milliseconds each."""


def prove(
    rulebook: Rulebook,
    world: World,
    guards: Sequence[Guard] = (),
    *,
    first_year: int = Years().first,
    seconds: float = SECONDS,
) -> tuple[Proof, ...]:
    """Every answer about a protocol: its rules in order, then their fights, then the guards.

    The two most urgent priorities, new and open, are guards unless guards are given. Business time is looked at for tickets that
    arrive in the six years from `first_year` on. Drafts are left out; rules that only watch are taken as if they were live.

    Raises BindingError where the rules don't fit the organisation's own words, ImportError where the solver is not installed.
    """
    years = Years(first_year, first_year + Years().last - Years().first)
    asked = tuple(guards) or usual_guards(rulebook)
    setting = Setting(rulebook, world, [guard.condition for guard in asked], years, seconds)
    if not setting.rules:
        return ()
    return (*never_fires(setting), *fights(setting), *coverage(setting, asked))
