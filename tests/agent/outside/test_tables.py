import pytest

from agent.outside.tables import entries, stretches
from agent.outside.unreadable import Unreadable
from rules.instants import HOUR, instant, moment

DAY = instant(moment(0).replace(year=2026, month=12, day=24))


def test_a_text_file_is_an_entry_a_line() -> None:
    """Remarks and empty lines are left out; commas belong to the entry; capitals do not matter."""
    assert entries(b"# ours\nVera Vip\n\nDoe, John\r\nCEO@example.com\n", columns=False) == {
        "vera vip",
        "doe, john",
        "ceo@example.com",
    }


@pytest.mark.parametrize("text", ['email,name\na@x.nl,A\n"b@x.nl",B\n', "\ufeffEmail;Name\r\na@x.nl;A\r\nb@x.nl;B\r\n"])
def test_a_csv_file_is_its_first_column(text: str) -> None:
    """With commas or semicolons, a heading, a byte order mark."""
    assert entries(text.encode(), columns=True) == {"a@x.nl", "b@x.nl"}


def test_stretches_are_the_first_two_columns() -> None:
    """Local times of the zone; a heading and empty rows are left out."""
    text = b"from,to,what\n2026-12-24 01:00,2026-12-24 02:00,patching\n\n2026-12-24T03:00Z,2026-12-24T04:00Z\n"
    assert stretches(text, "Europe/Amsterdam") == [(DAY, DAY + HOUR), (DAY + 3 * HOUR, DAY + 4 * HOUR)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"2026-12-24 01:00\n", "line 1 without an end"),
        (b"from,to\n2026-12-24,2026-12-23\n", "line 2 that is no stretch of time: 2026-12-23 is not after"),
        (b"from,to\nsoon,later\n", "line 2 that is no stretch of time"),
        (b"# ours\n\nfrom,to\n# night\n2026-12-24,2026-12-23\n", "line 5 that is no stretch of time"),
        (b"from,to\n\xff\xfe\x00", "no text in UTF-8 from line 2 on"),
        (b"a\x00b\n", "null characters"),
    ],
)
def test_what_is_no_table_of_times_is_refused_with_its_line(text: bytes, said: str) -> None:
    """The first line that can't be read is named; remarks count."""
    with pytest.raises(Unreadable, match=said):
        stretches(text, "UTC")
