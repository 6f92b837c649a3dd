"""Every index by its edges: one breakpoint an edge, and the indexes of each company.

Revision 0004, after 0003.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from r2k_pipeline.contracts.sql_schema import UtcDateTime

revision = "0004"
down_revision = "0003"

_TEXTS = ("previous_indexes", "indexes", "edges_above")
_KEPT = (
    "event_id, rank_day, effective_session, boundary_rank, breakpoint_usd, "
    "cumulative_market_cap_share, lower_bound_share, upper_bound_share, company_count, "
    "total_market_cap_usd, is_banded, known_from, known_to"
)


def upgrade() -> None:
    """Name edges, and say in which indexes a company is."""
    _rebuild_breakpoints(
        "edge", extra=[sa.Column("edge", sa.Text(), nullable=False)],
        columns=f"edge, {_KEPT}", values=f"CAST(boundary_rank AS VARCHAR(8)), {_KEPT}",
    )  # fmt: skip
    with op.batch_alter_table("reconstitution") as batch:
        for name in _TEXTS:
            batch.add_column(sa.Column(name, sa.Text(), nullable=True))


def downgrade() -> None:
    """Forget both; edges that are no boundary of segments with them."""
    with op.batch_alter_table("reconstitution") as batch:
        for name in _TEXTS:
            batch.drop_column(name)
    op.execute("DELETE FROM breakpoints WHERE edge NOT IN ('1000', '3000', '4000')")
    _rebuild_breakpoints("boundary_rank", extra=[], columns=_KEPT, values=_KEPT)


def _rebuild_breakpoints(
    key: str, *, extra: list[sa.Column[str]], columns: str, values: str
) -> None:
    """A primary key is changed by a table beside the old one: SQLite knows no other way."""
    op.drop_index("ix_breakpoints_standing", "breakpoints")
    op.rename_table("breakpoints", "breakpoints_before")
    op.create_table(
        "breakpoints",
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("rank_day", sa.Date(), nullable=False),
        sa.Column("effective_session", sa.Date(), nullable=False),
        *extra,
        sa.Column("boundary_rank", sa.Integer(), nullable=False),
        sa.Column("breakpoint_usd", sa.Double(), nullable=False),
        sa.Column("cumulative_market_cap_share", sa.Double(), nullable=False),
        sa.Column("lower_bound_share", sa.Double(), nullable=True),
        sa.Column("upper_bound_share", sa.Double(), nullable=True),
        sa.Column("company_count", sa.Integer(), nullable=False),
        sa.Column("total_market_cap_usd", sa.Double(), nullable=False),
        sa.Column("is_banded", sa.Boolean(), nullable=False),
        sa.Column("known_from", UtcDateTime(), nullable=False),
        sa.Column("known_to", UtcDateTime(), nullable=True),
        # Named, because the old table still has the name that the database would choose.
        sa.PrimaryKeyConstraint("event_id", key, "known_from", name=f"pk_breakpoints_{key}"),
    )
    op.execute(f"INSERT INTO breakpoints ({columns}) SELECT {values} FROM breakpoints_before")  # noqa: S608 - constants
    op.drop_table("breakpoints_before")
    op.create_index("ix_breakpoints_standing", "breakpoints", ["event_id", key, "known_to"])
