"""What holds at the end of every test here: the journal has told what happened. And the desk of all tests that plan."""

from tests.agent.plan.planned import it, moved_on
from tests.agent.told import every_desk_is_told

__all__ = ["every_desk_is_told", "it", "moved_on"]
