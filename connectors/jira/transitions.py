"""A team that is a status: to hand a ticket on is to take it through a transition of its workflow.

Which transitions there are depends on the status that the ticket is in, so a late one is refused by Jira itself. A transition may
want fields: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-transitions-get
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.errors import GiveUp
from connectors.jira.wire import Transition
from rules.escalation import Operation


def body_of(
    operation: Operation, open_: Sequence[Transition], team: str, named: str, required: Mapping[str, Any]
) -> dict[str, Any]:
    """The request that takes a ticket to the status `team`, which people call `named`.

    `required` are the values, by field, that the settings give for transitions that want them. Raises GiveUp where none of the
    transitions that are open leads there, or each wants more.
    """
    leading = [each for each in open_ if each.to.id == team]
    if not leading:
        others = ", ".join(each.to.name for each in open_) or "none: its account may make no transition there"
        raise GiveUp(f"{operation.ticket}: no transition leads to {named} from where the ticket stands; open are: {others}")
    fitting = next((each for each in leading if not each.wants - required.keys()), None)
    if fitting is None:
        first = leading[0]
        wanted = ", ".join(f"{first.fields[id_].name or id_} ({id_})" for id_ in sorted(first.wants - required.keys()))
        raise GiveUp(
            f"{operation.ticket}: the transition {first.name!r} to {named} wants {wanted}: name what hoist is to enter there "
            f"under `tier_field.required`"
        )
    entered = {id_: value for id_, value in required.items() if id_ in fitting.fields}
    return {"transition": {"id": fitting.id}, **({"fields": entered} if entered else {})}
