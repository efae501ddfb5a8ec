"""An episode's firings as a list, each with the steps of the ladder that it stands for."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("episodes", sa.Column("firings", sa.Text(), server_default="[]", nullable=False))
    _fill(op.get_bind())
    for name in ("confirmed", "step", "applied_at"):
        op.drop_column("episodes", name)


def _fill(db: sa.Connection) -> None:
    """Every firing was one step then. When the earlier ones took effect was not kept: their confirming read stands for it."""
    key = ("source", "ticket", "rule", "number")
    names = (*key, "confirmed", "step", "applied_at", "firings")
    table = sa.table("episodes", *(sa.column(name) for name in names))
    place = [table.c[name] == sa.bindparam(f"of_{name}") for name in key]
    statement = sa.update(table).where(*place).values(firings=sa.bindparam("made"))
    old = [{f"of_{name}": getattr(row, name) for name in key} | {"made": _firings(row)} for row in db.execute(sa.select(table))]
    if old:
        db.execute(statement, old)


def _firings(row: sa.Row[tuple[object, ...]]) -> str:
    confirmed = json.loads(row.confirmed)
    applied = [*confirmed[: row.step], row.applied_at]
    return json.dumps([[[step], confirmed[step], applied[step]] for step in range(row.step + 1)])
