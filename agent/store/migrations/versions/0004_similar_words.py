"""Hashes of what open tickets say."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "similar_words",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("hash", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "ticket", "hash"),
        sqlite_with_rowid=False,
    )
    op.create_index("similar_words_by_hash", "similar_words", ["hash"], unique=False)
