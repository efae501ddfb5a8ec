"""What a report calls a ticket: its key, or no more than that it is confidential."""

from __future__ import annotations

from rules.confidential import CONCEALED
from rules.engine import Evaluation
from rules.ticket import Ticket


def shown_key(ticket: Ticket, evaluation: Evaluation) -> str:
    """The ticket's key, unless a confidential rule held, or may have held, on it at any time."""
    confidential = (bound.number for bound in evaluation.rules.rules if bound.rule.confidential)
    return CONCEALED if any(evaluation.found(number)[1] for number in confidential) else ticket.key
