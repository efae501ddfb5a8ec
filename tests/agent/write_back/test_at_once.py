"""How many tickets are read at once to be written: as many as are written while what was read is young."""

from agent.write_back.at_once import AtOnce


def test_what_comes_too_late_makes_it_fewer() -> None:
    """Each write that came too late takes a ticket off, and one is always left."""
    at_once = AtOnce(40)
    for _ in range(30):
        at_once.too_late()
    assert int(at_once) == 10
    for _ in range(100):
        at_once.too_late()
    assert int(at_once) == 1


def test_what_is_written_makes_it_more() -> None:
    """Writes that go through bring the number back, and never above what it began with."""
    at_once = AtOnce(40)
    for _ in range(20):
        at_once.too_late()
    for _ in range(80):
        at_once.written()
    assert int(at_once) == 30
    for _ in range(1_000):
        at_once.written()
    assert int(at_once) == 40


def test_a_source_of_any_pace_is_read_little_more_than_it_is_written() -> None:
    """Whatever number a source can keep up with, it is found, and few reads are for nothing."""
    for bearable in (1, 3, 12, 40):
        at_once, written, late = AtOnce(40), 0, 0
        for _ in range(2_000):
            number = int(at_once)
            for place in range(number):
                if place < bearable:
                    at_once.written()
                    written += 1
                else:
                    at_once.too_late()
                    late += 1
        assert late <= 40 + written / 7
