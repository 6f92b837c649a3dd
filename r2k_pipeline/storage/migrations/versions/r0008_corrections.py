"""What was restated, and what a person set by hand.

Revision 0008, after 0007.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from r2k_pipeline.contracts.sql_schema import UtcDateTime

revision = "0008"
down_revision = "0007"


def _texts(*names: str, required: bool = True) -> tuple[sa.Column[str], ...]:
    return tuple(sa.Column(name, sa.Text(), nullable=not required) for name in names)


def _numbers(*names: str) -> tuple[sa.Column[float], ...]:
    return tuple(sa.Column(name, sa.Double(), nullable=False) for name in names)


def upgrade() -> None:
    """Create the tables `restatements` and `overrides`."""
    _create_restatements()
    _create_overrides()


def _create_restatements() -> None:
    op.create_table(
        "restatements",
        *_texts("index_id"),
        sa.Column("session", sa.Date(), nullable=False),
        *_texts("cause_code", "cause"),
        *_numbers(
            "price_level_before",
            "price_level_after",
            "total_return_level_before",
            "total_return_level_after",
            "net_total_return_level_before",
            "net_total_return_level_after",
            "divisor_after",
            "market_value_usd_after",
        ),
        sa.Column("members_after", sa.Integer(), nullable=False),
        *_numbers("difference_bp"),
        *_texts("decision", "decision_reason"),
        sa.Column("known_from", UtcDateTime(), nullable=False),
        sa.Column("known_to", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("index_id", "session", "known_from"),
    )
    op.create_index("ix_restatements_standing", "restatements", ["index_id", "session", "known_to"])


def _create_overrides() -> None:
    op.create_table(
        "overrides",
        sa.Column(
            "row_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        *_texts("override_id", "state", "field", "symbol"),
        sa.Column("first_session", sa.Date(), nullable=False),
        sa.Column("last_session", sa.Date(), nullable=False),
        *_texts("value", "person", "reason"),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
    )
    op.create_index("ix_overrides_key", "overrides", ["override_id", "state"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("overrides")
    op.drop_table("restatements")
