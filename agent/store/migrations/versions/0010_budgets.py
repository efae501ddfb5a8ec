"""How fast each source may be asked, shared by all that ask it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "budgets",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("full", sa.Float(), nullable=False),
        sa.Column("rate", sa.Float(), nullable=False),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("closed_until", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("said", sa.Text(), nullable=False, server_default=""),
        sa.Column("spared_at", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("spared_until", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("written", sa.BigInteger(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("source"),
    )
