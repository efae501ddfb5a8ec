"""What is said on the sandbox's command line means something, or is refused."""

from __future__ import annotations

import pytest

from connectors.servicenow.site.options import parser, terms


@pytest.mark.parametrize("right", ["read sys_audit", "read incident.priority", "write incident", "delete incident", "rest"])
def test_rights_are_withheld_as_they_are_written(right: str) -> None:
    """Tables, columns that a table has or inherits, and all of REST."""
    assert list(terms(parser(1).parse_args(["--withheld", right])).policies.withheld) == [right]


@pytest.mark.parametrize(
    ("right", "meant"),
    [
        ("read sys_audits", "is sys_audit meant"),
        ("read incident.prioritty", "is incident.priority meant"),
        ("reed incident", "write read, write, create, delete and a table"),
        ("sys_audit", "as in: read incident.priority"),
        ("read", "or rest for all of REST"),
    ],
)
def test_a_right_that_there_is_not_is_refused(right: str, meant: str) -> None:
    """A slip of the pen would leave the account all its rights, and the test that was meant would test nothing."""
    with pytest.raises(ValueError, match=meant):
        terms(parser(1).parse_args(["--withheld", right]))
