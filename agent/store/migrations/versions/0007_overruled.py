"""A row that met a person's change is overruled, as the field calls it."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE outbox SET state = 'overruled' WHERE state = 'overridden'")
