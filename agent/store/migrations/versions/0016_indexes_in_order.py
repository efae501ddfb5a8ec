"""The indexes of tickets lie in the order of rows, not of ids: ids that come as chance has it cost a page of each per ticket."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("tickets_by_next_look", "tickets")
    op.drop_index("tickets_by_generation", "tickets")
    op.create_index("tickets_by_next_look", "tickets", ["source", "next_look"])
    op.create_index("tickets_by_generation", "tickets", ["source", "generation", "urgency"])
