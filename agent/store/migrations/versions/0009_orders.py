"""What people order to be done to a ticket: taking back what hoist wrote, rehearsals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("ordered_at", sa.BigInteger(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("escalation", sa.Integer()),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("settled_at", sa.BigInteger()),
        sa.Column("problem", sa.Text(), nullable=False, server_default=""),
    )
    op.create_index("orders_by_state", "orders", ["source", "state", "not_before"], unique=False)
    op.create_index("orders_by_time", "orders", ["source", "not_before"], unique=False)
    op.create_index("orders_by_ticket", "orders", ["source", "ticket"], unique=False)
