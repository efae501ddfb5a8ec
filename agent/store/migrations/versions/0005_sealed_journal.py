"""A journal that is sealed after it was written, personal values beside it, and leases.

Lines of before were chained as they were written. They are chained anew by the sealer; a line of its own says so, with the last
hash of the former chain and the first line that did not follow in it, so that whoever kept that hash can still compare.
"""

from __future__ import annotations

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ROOT = "0" * 64


def upgrade() -> None:
    said = _former_chain(op.get_bind())
    with op.batch_alter_table("journal") as batch:
        batch.alter_column("previous", existing_type=sa.Text(), nullable=True)
        batch.alter_column("hash", existing_type=sa.Text(), nullable=True)
        batch.add_column(sa.Column("position", sa.Integer()))
    op.create_index("journal_by_position", "journal", ["position"], unique=True)
    if said is not None:
        op.execute("UPDATE journal SET previous = NULL, hash = NULL")
        op.get_bind().exec_driver_sql(
            "INSERT INTO journal (at, kind, source, ticket, data) SELECT max(at), 'journal-rechained', '', '', ? FROM journal",
            (said,),
        )
    _new_tables()


def _new_tables() -> None:
    op.create_table(
        "journal_personal",
        sa.Column("commitment", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("salt", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("commitment"),
    )
    op.create_index("journal_personal_by_line", "journal_personal", ["line"], unique=False)
    op.create_index("journal_personal_by_subject", "journal_personal", ["subject"], unique=False)
    op.create_table(
        "journal_heads",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("signature", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _former_chain(db: sa.Connection) -> str | None:
    """What the new line says of the former chain; None where nothing was written yet."""
    previous, lines, broken_at = ROOT, 0, None
    query = "SELECT line, at, kind, source, ticket, data, previous, hash FROM journal ORDER BY line"
    for line, at, kind, source, ticket, data, said_previous, said_hash in db.exec_driver_sql(query):
        lines += 1
        made = hashlib.sha256("\x1f".join((previous, str(at), kind, source, ticket, data)).encode()).hexdigest()
        if broken_at is None and (line, said_previous, said_hash) != (lines, previous, made):
            broken_at = line
        previous = said_hash
    if not lines:
        return None
    data = {"broken_at": broken_at, "former_head": previous, "lines": lines}
    return json.dumps(data, sort_keys=True, separators=(",", ":"))
