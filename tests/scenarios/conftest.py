"""What holds at the end of every test here: the journal has told what happened."""

from tests.agent.told import every_desk_is_told

__all__ = ["every_desk_is_told"]
