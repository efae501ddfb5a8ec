"""The census of each source, outages, and how far a source's clock is ahead of this machine's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "censuses",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger()),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text()),
        sa.Column("listed", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("missed", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("returned", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("gone", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("lost", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("open", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("alarm", sa.Text(), nullable=False, server_default=""),
        sa.Column("accepted_by", sa.Text(), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("source", "number"),
    )
    op.create_table(
        "census_rows",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("updated", sa.BigInteger()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("source", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index("census_rows_by_state", "census_rows", ["source", "state", "id"], unique=False)
    op.create_table(
        "outages",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("began", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=False),
        sa.Column("catch_up_from", sa.BigInteger(), nullable=False),
        sa.Column("restored", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("reported_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("source", "ended"),
    )
    op.add_column("sources", sa.Column("clock_ahead", sa.BigInteger()))
