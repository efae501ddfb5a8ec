"""The Attachment API: https://www.servicenow.com/docs/r/api-reference/rest-apis/c_AttachmentAPI.html."""

from __future__ import annotations

from connectors.sandboxes.answer import Answer
from connectors.servicenow.site import table_calls
from connectors.servicenow.site.answers import no_record, refuse
from connectors.servicenow.site.call import Call

TABLE = "sys_attachment"


def listed(call: Call) -> Answer:
    """GET of what is attached anywhere."""
    return table_calls.listed(call, TABLE)


def read(call: Call, sys_id: str) -> Answer:
    """GET of what is known of one file."""
    return table_calls.read(call, TABLE, sys_id)


def content(call: Call, sys_id: str) -> Answer:
    """GET of the file itself."""
    row = call.instance.store.get(TABLE, sys_id, call.now)
    if row is None or not call.access.may("read", TABLE):
        no_record()
    told = table_calls.read(call, TABLE, sys_id).body.decode()
    headers = {"Content-Type": row.get("content_type", "application/octet-stream"), "X-Attachment-Metadata": told}
    return Answer(200, headers, call.instance.files[sys_id])


def uploaded(call: Call) -> Answer:
    """POST of a file: its bytes are the body, what it belongs to stands in the query."""
    wanted = {name: call.query.get(name, "") for name in ("table_name", "table_sys_id", "file_name")}
    if missing := [name for name, value in wanted.items() if not value]:
        refuse(400, f"{missing[0]} is missing")
    if wanted["table_name"] not in call.instance.store.tables:
        refuse(400, f"Invalid table {wanted['table_name']}")
    table_calls.read(call, wanted["table_name"], wanted["table_sys_id"])  # what it is attached to must be there and visible
    kind = call.headers.get("content-type", "application/octet-stream")
    values = {**wanted, "content_type": kind.partition(";")[0], "size_bytes": str(len(call.body))}
    by = call.instance.transaction(call.session, call.now)
    row = call.instance.saving.insert(TABLE, values, by)
    link = f"{call.instance.base}/api/now/attachment/{row['sys_id']}/file"
    row = call.instance.saving.update(TABLE, row, {"download_link": link}, by)
    call.instance.files[row["sys_id"]] = call.body
    return table_calls.shown(call, TABLE, row, 201)


def removed(call: Call, sys_id: str) -> Answer:
    """DELETE of a file."""
    answer = table_calls.removed(call, TABLE, sys_id)
    call.instance.files.pop(sys_id, None)
    return answer
