"""Cases at service providers, as conditions."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, PlainValidator, ValidationInfo

from rules.language.field_tests import Asked
from rules.language.part import reading
from rules.language.words import ProviderName, word_of
from rules.protocol.conditions import Condition, OneOf, State
from rules.ticket import CASE

TURNS: Final = ("ours", "theirs")


def _turn(node: object, info: ValidationInfo) -> str:
    return word_of(node, reading(info), TURNS)


Turn = Annotated[str, PlainValidator(_turn, json_schema_input_type=Literal["ours", "theirs"])]


class ProviderCase(Asked):
    """A case of the ticket is open at a service provider."""

    short: ClassVar[str] = "provider"
    named: ClassVar[str] = "case at a provider"
    provider: ProviderName = Field(description="The provider", examples=["aws"])
    turn: Turn | None = Field(None, description="theirs: the desk waits for the provider; ours: the provider waits for the desk")

    def condition(self, _key: str) -> Condition:
        """A state: whose turn it is, or that there is a case at all."""
        return State(f"{CASE}{self.provider}", OneOf(TURNS if self.turn is None else (self.turn,)))
