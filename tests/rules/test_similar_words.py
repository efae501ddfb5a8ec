import subprocess
import sys
from itertools import permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.similar_words import WORDS, hashes

KEY = b"the key of an installation"
TEN = ["vpn", "connection", "drops", "every", "hour", "while", "working", "home", "since", "update"]
OTHERS = ["printer", "invoice", "badge", "password", "laptop", "calendar", "mailbox", "licence", "scanner", "keyboard"]


def alike(one: str, other: str, key: bytes = KEY) -> bool:
    return bool(hashes(one, "", key) & hashes(other, "", key))


def test_order_case_accents_and_idle_words_do_not_matter() -> None:
    """The same said in another order, in capitals, politely, or with numbers is the same to the last hash."""
    said = hashes("VPN drops connection in Zürich", "", KEY)
    for other in (
        "connection drops: VPN, Zurich",
        "Re: FW: vpn DROPS connection ZÜRICH!",
        "Hello, please help: in Zürich my VPN drops the connection. Thanks and kind regards",
        "VPN drops connection in Zürich (2026-11-23 09:15)",
    ):
        assert hashes(other, "", KEY) == said, other


def test_idle_words_of_other_languages_do_not_matter() -> None:
    """A German, French, Dutch or Spanish sentence is known by what it is about."""
    assert hashes("Guten Drucker und der Toner", "", KEY) == hashes("guten toner drucker", "", KEY)
    assert hashes("le serveur est en panne", "", KEY) == hashes("serveur panne", "", KEY)
    assert hashes("het netwerk is traag", "", KEY) == hashes("netwerk traag", "", KEY)
    assert hashes("no funciona la impresora", "", KEY) == hashes("impresora funciona", "", KEY)


@pytest.mark.parametrize("place", range(len(TEN)))
def test_one_word_in_ten_may_differ(place: int) -> None:
    """Whichever of the words somebody replaced, the two are found to be alike; and one word left out changes less still."""
    for other in OTHERS:
        edited = [*TEN[:place], other, *TEN[place + 1 :]]
        assert alike(" ".join(TEN), " ".join(edited)), other
    assert alike(" ".join(TEN), " ".join(TEN[:place] + TEN[place + 1 :]))


def test_two_copies_edited_apart_are_mostly_found() -> None:
    """Of all pairs of copies in each of which another word was replaced, eight in ten are found to be alike."""
    pairs = list(permutations(range(len(TEN)), 2))
    found = 0
    for first, second in pairs:
        one, other = list(TEN), list(TEN)
        one[first], other[second] = OTHERS[first], OTHERS[second]
        found += alike(" ".join(one), " ".join(other))
    assert found >= 0.8 * len(pairs)


def test_texts_about_other_things_are_not_alike() -> None:
    """A word or two in common is not enough: of a thousand pairs with two words of ten in common few are joined."""
    random, words = Random(1), [f"{a}{b}" for a in "bcdfghjklmnp" for b in ("alo", "emi", "otu", "ure", "ixa")]
    joined = 0
    for _ in range(1000):
        chosen = random.sample(words, 18)
        joined += alike(" ".join(chosen[:10]), " ".join(chosen[8:]))
    assert joined <= 5


def test_the_subject_comes_first_and_what_is_far_down_counts_for_nothing() -> None:
    """What stands after the first words, a signature or a quoted mail, makes no difference."""
    first = " ".join(f"word{a}{b}" for a in "abcd" for b in "efgh")
    assert len(first.split()) == WORDS
    assert hashes("vpn down", first, KEY) == hashes("vpn down", f"{first} and a long tail about printers", KEY)
    assert hashes(first, "one thing", KEY) == hashes(first, "another matter", KEY)


@pytest.mark.parametrize("text", ["", "Help", "please help me with my printer 12345", "?!"])
def test_too_few_words_are_like_nothing(text: str) -> None:
    """Tickets that say next to nothing are never taken for the same."""
    assert hashes(text, "", KEY) == frozenset()


@given(st.text(max_size=200), st.text(max_size=200))
def test_likeness_is_mutual_and_of_whatever_text(one: str, other: str) -> None:
    """No text is too odd; every text that says something is like itself; hashes fit a column of 64 bits."""
    assert alike(one, other) == alike(other, one)
    assert alike(one, one) == bool(hashes(one, "", KEY))
    assert all(-(2**63) <= each < 2**63 for each in hashes(one, other, KEY))


def test_another_installation_has_other_hashes() -> None:
    """Without the key nobody finds out from the hashes whether a text has been said."""
    assert not hashes("vpn down again", "", KEY) & hashes("vpn down again", "", b"another")


def test_the_same_on_every_machine() -> None:
    """The hashes are those of any other process, whatever it salts its own with."""
    program = "from rules.similar_words import hashes; print(sum(hashes('vpn down again', 'since noon', b'key')))"
    said = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True, text=True
        ).stdout
        for seed in ("1", "2")
    }
    assert said == {f"{sum(hashes('vpn down again', 'since noon', b'key'))}\n"}
