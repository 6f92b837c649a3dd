"""Growth and value: fundamentals of an operator, and the scores that follow.

Revision 0006, after 0005.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from r2k_pipeline.contracts.sql_schema import UtcDateTime

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the tables `fundamentals` and `style_scores`."""
    _create(
        "fundamentals",
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("book_to_price", sa.Double(), nullable=True),
        sa.Column("growth_forecast", sa.Double(), nullable=True),
        sa.Column("sales_growth", sa.Double(), nullable=True),
        sa.Column("analysts", sa.Integer(), nullable=True),
        sa.Column("source_hash", sa.Text(), nullable=False),
    )
    _create(
        "style_scores",
        sa.Column("segment", sa.Text(), nullable=False),
        sa.Column("composite_score", sa.Double(), nullable=False),
        sa.Column("value_probability", sa.Double(), nullable=False),
        sa.Column("is_kept", sa.Boolean(), nullable=False),
        sa.Column("estimated", sa.Text(), nullable=True),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("style_scores")
    op.drop_table("fundamentals")


def _create(table: str, *columns: sa.Column[object]) -> None:
    """A published table of one row an event and company."""
    op.create_table(
        table,
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.Text(), nullable=False),
        *columns,
        sa.Column("known_from", UtcDateTime(), nullable=False),
        sa.Column("known_to", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("event_id", "company_id", "known_from"),
    )
    op.create_index(f"ix_{table}_standing", table, ["event_id", "company_id", "known_to"])
