"""The published tables as they were at first.

Revision 0001, after nothing. Spelled out rather than taken from the contracts: a
migration tells what was, the contracts tell what is.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from r2k_pipeline.contracts.sql_schema import UtcDateTime

revision = "0001"
down_revision = None

_TABLES = (
    "breakpoints",
    "reconstitution",
    "divisors",
    "levels",
    "signals",
    "quality_results",
    "quarantine",
    "provenance",
)


def upgrade() -> None:
    """Create every table."""
    _create_breakpoints()
    _create_reconstitution()
    _create_divisors()
    _create_levels()
    _create_signals()
    _create_quality_results()
    _create_quarantine()
    _create_provenance()


def downgrade() -> None:
    """Drop every table."""
    for table in _TABLES:
        op.drop_table(table)


def _create_breakpoints() -> None:
    op.create_table(
        "breakpoints",
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("rank_day", sa.Date(), nullable=False),
        sa.Column("effective_session", sa.Date(), nullable=False),
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
        sa.PrimaryKeyConstraint("event_id", "boundary_rank", "known_from"),
    )
    op.create_index(
        "ix_breakpoints_standing", "breakpoints", ["event_id", "boundary_rank", "known_to"]
    )


def _create_reconstitution() -> None:
    op.create_table(
        "reconstitution",
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.Text(), nullable=False),
        sa.Column("security_id", sa.Text(), nullable=True),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("sector", sa.Text(), nullable=True),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("total_market_cap_usd", sa.Double(), nullable=True),
        sa.Column("total_shares", sa.Double(), nullable=True),
        sa.Column("cumulative_market_cap_share", sa.Double(), nullable=True),
        sa.Column("previous_segment", sa.Text(), nullable=True),
        sa.Column("segment", sa.Text(), nullable=True),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("known_from", UtcDateTime(), nullable=False),
        sa.Column("known_to", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("event_id", "company_id", "known_from"),
    )
    op.create_index(
        "ix_reconstitution_standing", "reconstitution", ["event_id", "company_id", "known_to"]
    )


def _create_divisors() -> None:
    op.create_table(
        "divisors",
        sa.Column("index_id", sa.Text(), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.Column("market_value_before_usd", sa.Double(), nullable=True),
        sa.Column("market_value_after_usd", sa.Double(), nullable=False),
        sa.Column("factor", sa.Double(), nullable=False),
        sa.Column("gross_return_factor", sa.Double(), nullable=False),
        sa.Column("net_return_factor", sa.Double(), nullable=False),
        sa.Column("known_from", UtcDateTime(), nullable=False),
        sa.Column("known_to", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("index_id", "session", "cause", "known_from"),
    )
    op.create_index(
        "ix_divisors_standing", "divisors", ["index_id", "session", "cause", "known_to"]
    )


def _create_levels() -> None:
    op.create_table(
        "levels",
        sa.Column("index_id", sa.Text(), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("price_level", sa.Double(), nullable=False),
        sa.Column("total_return_level", sa.Double(), nullable=False),
        sa.Column("net_total_return_level", sa.Double(), nullable=False),
        sa.Column("divisor", sa.Double(), nullable=False),
        sa.Column("market_value_usd", sa.Double(), nullable=False),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("known_from", UtcDateTime(), nullable=False),
        sa.Column("known_to", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("index_id", "session", "known_from"),
    )
    op.create_index("ix_levels_standing", "levels", ["index_id", "session", "known_to"])


def _create_signals() -> None:
    op.create_table(
        "signals",
        sa.Column("index_id", sa.Text(), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("signal", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("position", sa.Double(), nullable=False),
        sa.Column("tradable_session", sa.Date(), nullable=False),
        sa.Column("known_from", UtcDateTime(), nullable=False),
        sa.Column("known_to", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("index_id", "session", "signal", "known_from"),
    )
    op.create_index("ix_signals_standing", "signals", ["index_id", "session", "signal", "known_to"])


def _create_quality_results() -> None:
    op.create_table(
        "quality_results",
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("partition_key", sa.Text(), nullable=False),
        sa.Column("check_name", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("is_passed", sa.Boolean(), nullable=False),
        sa.Column("evaluated_rows", sa.BigInteger(), nullable=False),
        sa.Column("failed_rows", sa.BigInteger(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("sample", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("checked_at", UtcDateTime(), nullable=False),
        sa.Column("row_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("row_id"),
    )
    op.create_index(
        "ix_quality_results_key",
        "quality_results",
        ["table_name", "partition_key", "check_name", "run_id", "checked_at"],
    )


def _create_quarantine() -> None:
    op.create_table(
        "quarantine",
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("partition_key", sa.Text(), nullable=False),
        sa.Column("check_name", sa.Text(), nullable=False),
        sa.Column("row_key", sa.Text(), nullable=False),
        sa.Column("row_json", sa.Text(), nullable=False),
        sa.Column("rationale", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("quarantined_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("row_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("row_id"),
    )
    op.create_index(
        "ix_quarantine_key",
        "quarantine",
        ["table_name", "partition_key", "check_name", "row_key", "run_id", "quarantined_at"],
    )


def _create_provenance() -> None:
    op.create_table(
        "provenance",
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("partition_key", sa.Text(), nullable=False),
        sa.Column("input_hash", sa.Text(), nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("written_at", UtcDateTime(), nullable=False),
        sa.Column("row_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("row_id"),
    )
    op.create_index(
        "ix_provenance_key", "provenance", ["table_name", "partition_key", "run_id", "written_at"]
    )
