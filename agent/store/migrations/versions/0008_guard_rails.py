"""Pauses, runs that are held for approval, snoozed tickets, and since when a rule is worded as it is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pauses",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
    )
    op.create_table(
        "pause_releases",
        sa.Column("pause", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pause", "source"),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("fault", sa.Text(), nullable=False, server_default=""),
        sa.Column("closed_at", sa.BigInteger()),
    )
    op.create_index("runs_open", "runs", ["source", "closed_at"], unique=False)
    op.create_table(
        "snoozes",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source", "ticket"),
    )
    op.add_column("outbox", sa.Column("run", sa.Integer()))
    op.add_column("outbox", sa.Column("let_at", sa.BigInteger()))
    op.add_column("outbox", sa.Column("approved", sa.Text()))
    op.create_index("outbox_by_run", "outbox", ["run", "state"], unique=False)
    op.create_index("escalations_by_time", "escalations", ["source", "confirmed_at"], unique=False)
    op.add_column("activations", sa.Column("wording", sa.Text(), nullable=False, server_default=""))
    op.add_column("activations", sa.Column("reworded_at", sa.BigInteger(), nullable=False, server_default="0"))
