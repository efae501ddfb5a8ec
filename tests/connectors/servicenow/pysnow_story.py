"""What a program that uses pysnow does to an instance. Run under a Python that has it: HOST USER PASSWORD, JSON to stdout."""

from __future__ import annotations

import json
import sys
from typing import Any

import pysnow  # type: ignore[import-not-found]


def story(host: str, user: str, password: str) -> dict[str, Any]:
    """Reads, streams, creates, updates and deletes incidents."""
    client = pysnow.Client(host=host, user=user, password=password, use_ssl=False)
    incidents = client.resource(api_path="/table/incident")
    told: dict[str, Any] = {"page": len(incidents.get(query={"active": "true"}, limit=2).all())}
    told["streamed"] = sorted(row["number"] for row in incidents.get(query={}, stream=True).all())
    made = incidents.create(payload={"short_description": "Made by pysnow", "impact": "1", "urgency": "1"}).one()
    told["made"] = (made["number"], made["priority"])
    wanted = pysnow.QueryBuilder().field("number").equals(made["number"]).AND().field("impact").equals("1")
    told["found"] = [row["short_description"] for row in incidents.get(query=wanted).all()]
    told["updated"] = incidents.update(query={"number": made["number"]}, payload={"urgency": "3"}).one()["priority"]
    told["deleted"] = incidents.delete(query={"number": made["number"]})["status"]
    told["left"] = len(incidents.get(query={"number": made["number"]}).all())
    return told


if __name__ == "__main__":
    sys.stdout.write(json.dumps(story(*sys.argv[1:4])))
