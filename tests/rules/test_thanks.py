"""Which messages say thanks and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.thanks import only_thanks


@pytest.mark.parametrize(
    "text",
    [
        "Thanks!",
        "Thank you so much for the quick help.",
        "Hi Anna,\n\nthanks a lot, it works now.\n\nKind regards\nRuth Miller",
        "thx :)",
        "Thank you, problem solved. Have a nice weekend!",
        "Vielen Dank für die schnelle Hilfe!",
        "Hallo,\ndanke, es funktioniert wieder.\nViele Grüße\nRuth",
        "Herzlichen Dank, Problem gelöst.",
        "Merci beaucoup pour votre aide !",
        "Bonjour,\nmerci, tout fonctionne maintenant.\nCordialement",
        "Hartelijk dank voor de snelle reactie.",
        "Bedankt, het werkt weer!",
        "Muchas gracias por su ayuda, ya funciona.",
        "Gracias. Saludos cordiales",
        "Thanks\n\nOn Mon, 2 Nov 2026 at 10:00, Service Desk wrote:\n> Could you try again?",
        "Thanks,\nRuth",
        "Danke!\n-- \nRuth Miller, Accounting, Room 12?",
    ],
)
def test_a_message_that_only_says_thanks_is_known_as_one(text: str) -> None:
    """A thank-you in any of the five languages, with greeting, name, signature and quotation, is no request."""
    assert only_thanks(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ok",
        "It works.",
        "Thanks, but it still does not work.",
        "Thanks. Could you also reset my VPN token?",
        "Thank you. The problem again.",
        "Thanks, we have it again.",
        "Danke, leider geht es immer noch nicht.",
        "Danke, wann kommt der Techniker?",
        "Merci, mais le problème persiste.",
        "Bedankt, maar de printer is nog kapot.",
        "Gracias, pero sigue sin funcionar.",
        "Thanks, error 0x80070005",
        "Thanks!\nIt is slow\nRuth",
        "Thanks\nNope",
        "Thanks,\nstill broken",
        "Hi printer still broken, thanks",
        "thanks " * 100,
        "> thanks",
    ],
)
def test_a_message_that_says_anything_else_is_read_by_somebody(text: str) -> None:
    """A question, a complaint or a word that is no pleasantry makes the message count, thanks in it or not."""
    assert not only_thanks(text)


@given(st.text(max_size=600))
def test_any_text_at_all_gets_an_answer(text: str) -> None:
    """Whatever people write, it is judged, and the same text always alike."""
    assert only_thanks(text) is only_thanks(text)
