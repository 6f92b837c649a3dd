"""What changes between events, and the lists before one.

Revision 0005, after 0004.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from r2k_pipeline.contracts.sql_schema import UtcDateTime

revision = "0005"
down_revision = "0004"


def _text(name: str, *, required: bool = True) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=not required)


def upgrade() -> None:
    """Create the tables `maintenance` and `preliminary_lists`."""
    _create_maintenance()
    _create_preliminary_lists()


def _create_maintenance() -> None:
    op.create_table(
        "maintenance",
        sa.Column("session", sa.Date(), nullable=False),
        *(_text(name) for name in ("company_id", "change")),
        _text("review_id", required=False),
        *(_text(name) for name in ("event_id", "security_id", "symbol")),
        *(
            _text(name, required=False)
            for name in ("name", "sector", "segment", "indexes", "edges_above")
        ),
        sa.Column("total_market_cap_usd", sa.Double(), nullable=True),
        sa.Column("share_factor", sa.Double(), nullable=True),
        sa.Column("float_factor", sa.Double(), nullable=True),
        sa.Column("decided_day", sa.Date(), nullable=False),
        _text("reason"),
        *_known(),
        sa.PrimaryKeyConstraint("session", "company_id", "change", "known_from"),
    )
    op.create_index(
        "ix_maintenance_standing", "maintenance", ["session", "company_id", "change", "known_to"]
    )


def _create_preliminary_lists() -> None:
    op.create_table(
        "preliminary_lists",
        _text("event_id"),
        sa.Column("list_day", sa.Date(), nullable=False),
        _text("company_id"),
        _text("security_id", required=False),
        _text("symbol"),
        *(_text(name, required=False) for name in ("name", "sector")),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("total_market_cap_usd", sa.Double(), nullable=True),
        _text("change"),
        *(
            _text(name, required=False)
            for name in ("previous_segment", "segment", "previous_indexes", "indexes")
        ),
        *(_text(name) for name in ("change_since_last", "reason")),
        *_known(),
        sa.PrimaryKeyConstraint("event_id", "list_day", "company_id", "known_from"),
    )
    op.create_index(
        "ix_preliminary_lists_standing",
        "preliminary_lists",
        ["event_id", "list_day", "company_id", "known_to"],
    )


def _known() -> tuple[sa.Column[object], sa.Column[object]]:
    return (
        sa.Column("known_from", UtcDateTime(), nullable=False),
        sa.Column("known_to", UtcDateTime(), nullable=True),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("preliminary_lists")
    op.drop_table("maintenance")
