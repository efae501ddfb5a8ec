"""Texts of rules, and which of them an episode keeps to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rule_texts",
        sa.Column("version", sa.Text(), primary_key=True, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
    op.add_column("episodes", sa.Column("text", sa.Text(), nullable=False, server_default=""))
