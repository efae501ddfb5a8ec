"""Hints that webhooks gave, the deliveries that were taken, and how each source's webhook does."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "hints",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "ticket"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "deliveries",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "name"),
        sqlite_with_rowid=False,
    )
    op.create_index("deliveries_by_time", "deliveries", ["source", "at"])
    op.create_table(
        "webhooks",
        sa.Column("source", sa.Text(), primary_key=True, nullable=False),
        sa.Column("heard_at", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("missed", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("missed_since", sa.BigInteger(), nullable=False, server_default="0"),
    )
