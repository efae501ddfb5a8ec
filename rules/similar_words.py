"""Texts that say much the same, found without comparing any two of them.

The first words of a text become a few hashes (MinHash in bands). Two texts have one in common with a probability that depends
only on the share of words that they have in common: words of both over words of either. Where that share is 0.8 it is 0.999, at
0.7 0.95, at 0.55 one half, at 0.4 0.09 and at 0.2 0.002. To find the texts like one is to look up its hashes, however many texts
there are. Measured in `benchmarks/similar.py`.

A. Broder, On the resemblance and containment of documents (1997); J. Leskovec, A. Rajaraman and J. Ullman, Mining of Massive
Datasets, chapter 3 (bands).
"""

from __future__ import annotations

import hashlib
import re
import struct
import unicodedata
from collections.abc import Iterator
from itertools import islice
from typing import Final

WORDS: Final = 16
"""So many different words are looked at, those of the subject first. What a description says further on is rarely the matter."""
FEWEST: Final = 2
"""A text of fewer words is like no other: five tickets that are called "Request" have nothing in common."""
BANDS: Final = 24
ROWS: Final = 6

_ORDERS: Final = struct.Struct(f"<{BANDS * ROWS}I")
_BAND: Final = struct.Struct(f"<{ROWS + 1}I")
_PURPOSE: Final = b"hoist similar words"
_LONGEST: Final = 4_000
"""Signs of a description that are looked at."""
_WORD: Final = re.compile(r"[^\W\d_]{2,}")
"""Without digits: srv041 and srv042 are one word, the number of a ticket is none."""
_IDLE_WORDS: Final = (
    # English
    "a about all also am an and any are as at be been but by can could did do does for from get had has have he her "
    "him his how i if in into is it its just me my no not now of on or our out please pls she so some that the their "
    "them then there they this to up us was we were what when where which who will with would you your "
    # German
    "aber alle als am an auch auf aus bei bin bitte bis da das dass dem den der des die doch ein eine einem einen "
    "einer er es fur hat habe haben ich ihr im in ist kann kein keine konnen man mein meine mich mir mit nach nicht "
    "noch nur oder sehr sein seit sich sie sind um und uns unser von vom war was wenn wie wir wird zu zum zur "
    # French
    "au aux avec ce ces cette dans de des du elle en est et il ils je la le les leur lui ma mais me mes mon ne nous "
    "on ont ou par pas pour plus que qui sa se ses si son sont sur ta te tu un une vous votre vos svp "
    # Dutch
    "aan al bij dat de den deze die dit door een en er graag had heb hebben heeft het hij hoe ik in is je kan kunnen "
    "maar met mijn naar niet nog nu of om ook op over te tot uit van voor was wat we wij worden wordt zij zijn zo "
    # Spanish
    "al con como cuando de del el ella en es esta estan este esto favor ha han hay la las le les lo los mas me mi muy "
    "no nos o para pero por porque que se si sin sobre son su sus tengo un una y ya yo "
    # greetings, closings, and what mail programs put in
    "best cheers dear guys hello help hey hi kind kindly regards sincerely team thank thanks aide bonjour "
    "cordialement merci gruss grusse gruessen grussen hallo hilfe liebe lieber mfg beste bedankt dank groet groeten "
    "hulp ayuda gracias hola saludos re fw fwd aw wg tr rv sent subject pm afternoon evening good morning monday "
    "tuesday wednesday thursday friday saturday sunday january february march april may june july august september "
    "october november december "
)
_IDLE: Final = frozenset(_IDLE_WORDS.split())
"""Words that are in any text, without accents."""


def hashes(subject: str, description: str, key: bytes) -> frozenset[int]:
    """Hashes of 64 bits, signed; texts that say much the same have at least one in common. None for too few words.

    The same for the same texts and key, on every machine. Without the key (at most 64 bytes) no word can be tried out on them.
    """
    words = frozenset(islice(telling(subject, description), WORDS))
    if len(words) < FEWEST:
        return frozenset()
    # shake_128 gives as many bytes as are asked for, in one call: so many independent orders of all words
    orders = (_ORDERS.unpack(hashlib.shake_128(_PURPOSE + key + word.encode()).digest(_ORDERS.size)) for word in words)
    first = list(map(min, *orders))
    return frozenset(_band(number, first[number * ROWS : (number + 1) * ROWS], key) for number in range(BANDS))


def _band(number: int, first: list[int], key: bytes) -> int:
    digest = hashlib.blake2b(_BAND.pack(number, *first), digest_size=8, key=key).digest()
    return int.from_bytes(digest, "little", signed=True)


def telling(subject: str, description: str) -> Iterator[str]:
    """The different words of a text that tell something, in order, in small letters without accents."""
    found = dict.fromkeys(_WORD.findall(_plain(subject)))
    yield from (word for word in found if word not in _IDLE)
    further = dict.fromkeys(_WORD.findall(_plain(description[:_LONGEST])))
    yield from (word for word in further if word not in _IDLE and word not in found)


def _plain(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in apart if not unicodedata.combining(sign))
