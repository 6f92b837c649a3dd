"""Who was in force before the first event.

Revision 0003, after 0002.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from r2k_pipeline.contracts.sql_schema import UtcDateTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table `initial_members`."""
    op.create_table(
        "initial_members",
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.Text(), nullable=False),
        sa.Column("security_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("segment", sa.Text(), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("source_hash", sa.Text(), nullable=False),
        sa.Column("known_from", UtcDateTime(), nullable=False),
        sa.Column("known_to", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("event_id", "company_id", "known_from"),
    )
    op.create_index(
        "ix_initial_members_standing", "initial_members", ["event_id", "company_id", "known_to"]
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("initial_members")
