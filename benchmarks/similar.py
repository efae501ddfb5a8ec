"""Tickets that say much the same: hashes in bands beside comparing a new ticket with every open one.

The texts are those of a real helpdesk (`helpdesk_tickets_text.csv.gz`, found in the `data` folder of HOIST_SHARED or of
`../shared`): 22,315, each filed under one of eight topics by hand. Of so many open ones hoist keeps hashes in a store of its own;
the peer is `token_set_ratio` of rapidfuzz (and, where it is installed, datasketch's MinHash with an index in memory), on the same
words. Printed are the CPU time of one new ticket, how many pairs are joined, how many of these were filed under one topic, and
how many copies are found in which one word in ten was replaced. `--look N` shows N groups.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import importlib
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from agent import similar
from agent.store import similar as stored
from agent.store.database import Database, open_database
from benchmarks.measured import machine, table
from rules.similar_words import BANDS, ROWS, WORDS, hashes, telling
from rules.ticket import TicketRef

KEY: Final = b"the key of an installation......"
ENOUGH: Final = 5
NEW: Final = 300
"""Tickets that arrive while the others are open."""
COLUMNS: Final = ("way", "CPU a ticket, ms", "joined a ticket", "filed under one topic", "edited copies found")


class Text(NamedTuple):
    name: str
    topic: str
    said: str


class Found(NamedTuple):
    """What one way to find similar tickets came to."""

    milliseconds: float
    joined: Sequence[set[int]]  # of each new ticket, the numbers of those it was joined with
    edited: float  # share of edited copies that are joined with what they were copied from

    def row(self, way: str, texts: Sequence[Text]) -> dict[str, object]:
        pairs = [(number, other) for number, others in enumerate(self.joined) for other in others]
        same = sum(texts[number].topic == texts[other].topic for number, other in pairs)
        cells = (f"{self.milliseconds:.2f}", f"{len(pairs) / NEW:.1f}", f"{same / max(len(pairs), 1):.0%}", f"{self.edited:.1%}")
        return dict(zip(COLUMNS, (way, *cells), strict=True))


def texts(number: int) -> list[Text]:
    """So many texts in a fixed random order. Ends the program where they are not at hand."""
    shared = Path(os.environ.get("HOIST_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    file = shared / "data" / "helpdesk_tickets_text.csv.gz"
    if not file.is_file():
        sys.exit(f"NOT MEASURED: the texts {file} are not there; name their folder in HOIST_SHARED")
    with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
        read = [Text(row["ticket_id"], row["topic"], row["text"]) for row in csv.DictReader(lines)]
    return random.Random(1).sample(read, min(number, len(read)))


def edited(text: str, chance: random.Random, vocabulary: Sequence[str]) -> str:
    """The text with one word in ten replaced, one at least."""
    words = text.split()
    for place in chance.sample(range(len(words)), max(1, len(words) // 10)):
        words[place] = chance.choice(vocabulary)
    return " ".join(words)


def copies(of: Sequence[Text]) -> list[str]:
    """Edited copies of these."""
    chance = random.Random(2)
    vocabulary = [word for text in of for word in text.said.split()]
    return [edited(text.said, chance, vocabulary) for text in of]


def cpu(work: Callable[[], object], times: int) -> float:
    """Milliseconds of CPU for one of so many."""
    begun = time.process_time()
    work()
    return (time.process_time() - begun) / times * 1000


# --- hoist -----------------------------------------------------------------------------------------------------------


@contextmanager
def store() -> Iterator[Database]:
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(Path(folder) / "hoist.db")
        yield database
        database.close()


def kept(database: Database, of: Sequence[Text]) -> None:
    """Hashes of these, as pages bring them."""
    for start in range(0, len(of), 100):
        page = {text.name: hashes("", text.said, KEY) for text in of[start : start + 100]}
        with database.transaction() as db:
            similar.count(db, "desk", page, ENOUGH)


def hoist(open_ones: Sequence[Text], new: Sequence[Text]) -> Found:
    """One transaction for all new tickets, so that the disk is left out; hashing is in."""
    numbers = {text.name: number for number, text in enumerate((*new, *open_ones))}
    with store() as database:
        kept(database, open_ones)
        with database.transaction() as db:

            def arrive() -> None:
                for text in new:
                    similar.count(db, "desk", {text.name: hashes("", text.said, KEY)}, ENOUGH)

            spent = cpu(arrive, len(new))
            joined = []
            for text in new:
                others = stored.members(db, hashes("", text.said, KEY)) - {TicketRef("desk", text.name)}
                joined.append({numbers[other.id] for other in others})
    again = sum(bool(hashes("", text.said, KEY) & hashes("", copy, KEY)) for text, copy in zip(new, copies(new), strict=True))
    return Found(spent, joined, again / len(new))


# --- peers -----------------------------------------------------------------------------------------------------------


def rapidfuzz(open_ones: Sequence[Text], new: Sequence[Text], at_least: int) -> Found:
    """Each new one is compared with all that are there, cut off where too little is alike."""
    fuzz, process = importlib.import_module("rapidfuzz.fuzz"), importlib.import_module("rapidfuzz.process")

    def short(text: str) -> str:
        return " ".join(islice(telling("", text), WORDS))

    all_of_them = [short(text.said) for text in (*new, *open_ones)]
    joined: list[set[int]] = []

    def arrive() -> None:
        for number in range(len(new)):
            found = process.extract(
                all_of_them[number], all_of_them, scorer=fuzz.token_set_ratio, score_cutoff=at_least, limit=None
            )
            joined.append({place for _, _, place in found if place != number})

    spent = cpu(arrive, len(new))
    like = (fuzz.token_set_ratio(short(a.said), short(b)) >= at_least for a, b in zip(new, copies(new), strict=True))
    return Found(spent, joined, sum(like) / len(new))


def datasketch(open_ones: Sequence[Text], new: Sequence[Text]) -> Found:
    """The same bands, in memory."""
    library = importlib.import_module("datasketch")

    def sketch(text: str) -> object:
        made = library.MinHash(num_perm=BANDS * ROWS)
        made.update_batch([word.encode() for word in islice(telling("", text), WORDS)])
        return made

    index = library.MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS))
    for number, text in enumerate(open_ones, len(new)):
        index.insert(number, sketch(text.said))
    joined: list[set[int]] = []

    def arrive() -> None:
        for number, text in enumerate(new):
            made = sketch(text.said)
            joined.append(set(index.query(made)))
            index.insert(number, made)

    spent = cpu(arrive, len(new))
    found = sum(number in index.query(sketch(copy)) for number, copy in enumerate(copies(new)))
    return Found(spent, joined, found / len(new))


def storm(number: int) -> None:
    """What the first and the last of many equal tickets cost, and their going."""
    alike = [Text(str(place), "", "vpn connection drops every hour while working home since update") for place in range(number)]
    with store() as database, database.transaction() as db:

        def arrive(some: Sequence[Text]) -> None:
            for text in some:
                similar.count(db, "desk", {text.name: hashes("", text.said, KEY)}, ENOUGH)

        def leave(some: Sequence[Text]) -> None:
            for text in some:
                similar.count(db, "desk", {text.name: None}, ENOUGH)

        tenth = number // 10
        first = cpu(lambda: arrive(alike[:tenth]), tenth)
        arrive(alike[tenth:-tenth])
        last = cpu(lambda: arrive(alike[-tenth:]), tenth)
        going = cpu(lambda: leave(alike[:tenth]), tenth)
    print(f"Of {number:,} equal tickets each of the first tenth takes {first:.2f} ms, of the last {last:.2f}; to go {going:.2f}")


def show(open_ones: Sequence[Text], found: Found, new: Sequence[Text], number: int) -> None:
    """Some groups, to be judged by eye."""
    everything = (*new, *open_ones)
    chosen = [place for place, others in enumerate(found.joined) if len(others) >= ENOUGH]
    for place in random.Random(3).sample(chosen, min(number, len(chosen))):
        print(f"\n{new[place].topic}: {new[place].said[:110]}   ({len(found.joined[place])} others)")
        for other in sorted(found.joined[place])[:4]:
            print(f"    {everything[other].topic}: {everything[other].said[:110]}")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--sizes", type=int, nargs="*", default=[2_000, 20_000], help="how many tickets are open")
    asked.add_argument("--look", type=int, default=0, help="show so many groups")
    options = asked.parse_args()
    print(machine())
    for size in options.sizes:
        new, open_ones = (chosen := texts(size + NEW))[:NEW], chosen[NEW:]
        print(f"\n{len(open_ones):,} open tickets, {NEW} new ones\n")
        hashed = hoist(open_ones, new)
        rows = [hashed.row("hoist", chosen)]
        try:
            rows += [rapidfuzz(open_ones, new, cut).row(f"token_set_ratio of {cut}", chosen) for cut in (70, 80, 90)]
        except ImportError:
            print("NOT MEASURED: rapidfuzz is not installed (pip install rapidfuzz)")
        try:
            rows.append(datasketch(open_ones, new).row("datasketch", chosen))
        except ImportError:
            print("NOT MEASURED: datasketch is not installed (pip install datasketch)")
        print(table(COLUMNS, rows))
        if options.look:
            show(open_ones, hashed, new, options.look)
    print()
    storm(2_000)


if __name__ == "__main__":
    main()
