"""Rows that a rule holds back, until a person decides: what was decided, and deciding.

A decision is one more row of the log `quarantine` for each rule that the row breaks. From
then on `publish` lets a released row pass and says nothing more of a rejected one. Keep out
which rows are held (`quality.quarantine`) and what is built again (`orchestration`).
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import orjson
import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import empty_frame, polars_schema, require_shape
from r2k_pipeline.quality.quarantine import quarantine_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from r2k_pipeline.storage.store import Store

TABLE = "quarantine"
HELD, RELEASED, REJECTED = "held", "released", "rejected"


def log_with_ids(store: Store, **where: str) -> pl.DataFrame:
    """Read the log, every row with the id of the row that it is about.

    Args:
        store: Where it is kept.
        where: Only rows with these values in these columns.

    Returns:
        Contract `quarantine` in the order of time, with `quarantine_id` in front.
    """
    log = store.published.read(TABLE, where=where).sort("quarantined_at", maintain_order=True)
    names = [quarantine_id(row) for row in log.iter_rows(named=True)]
    return log.insert_column(0, pl.Series("quarantine_id", names, dtype=pl.String))


def decided_rows(store: Store) -> dict[str, str]:
    """Tell what was decided on held rows.

    Args:
        store: Where the log is kept.

    Returns:
        `released` or `rejected` by `quarantine_id`; rows still held are left out.
    """
    rows = log_with_ids(store).filter(pl.col("state") != HELD)
    return dict(rows.select("quarantine_id", "state").iter_rows())


def kept_out(store: Store, table: str, sessions: Sequence[date]) -> pl.DataFrame:
    """Rows that a rule holds back, or a person rejected, as they were received.

    Args:
        store: Where the log is kept.
        table: Name of the contract, partitioned by session.
        sessions: Of which sessions.

    Returns:
        Rows of the contract, each once; of one that was released since, none.
    """
    keys = [str(session) for session in sessions]
    log = log_with_ids(store, table_name=table).filter(pl.col("partition_key").is_in(keys))
    last = log.unique("quarantine_id", keep="last", maintain_order=True)
    rows = last.filter(pl.col("state") != RELEASED)["row_json"].unique(maintain_order=True)
    return pl.concat([empty_frame(contract(table)), *(row_of(table, row) for row in rows)])


def record_decision(
    store: Store,
    held: pl.DataFrame,
    *,
    state: str,
    person: str,
    reason: str,
    run_id: str,
    known_at: datetime,
) -> None:
    """Write down a decision on one held row.

    Args:
        store: Where the log is kept.
        held: The log's rows about it; one is added for each rule that they name.
        state: `released` or `rejected`.
        person: Who decides.
        reason: Why.
        run_id: The run in which it is decided.
        known_at: When, tz-aware.

    Raises:
        StorageError: It cannot be written.
    """
    decided = held.unique("check_name", keep="last", maintain_order=True).with_columns(
        state=pl.lit(state),
        person=pl.lit(person),
        reason=pl.lit(reason),
        run_id=pl.lit(run_id),
        quarantined_at=pl.lit(known_at).cast(pl.Datetime("us", "UTC")),
    )
    store.published.append(TABLE, decided.select(contract(TABLE).names))


def row_of(table: str, row_json: str) -> pl.DataFrame:
    """The row that was held, as its table has it.

    Args:
        table: Name of its contract.
        row_json: As `quarantine` keeps it.

    Returns:
        One contract-shaped row.

    Example:
        >>> held = ('{"session":"2024-06-28","exchange":"nyse","symbol":"CORE","name":null,'
        ...         '"close_usd":-4.0,"previous_close_usd":null,"volume_shares":10,'
        ...         '"market_cap_usd":null,"country":null,"ipo_year":null,"industry":null,'
        ...         '"sector":null,"source":"feed","source_hash":"0000000000000000"}')
        >>> row_of("raw_listings", held).select("session", "symbol", "close_usd").row(0)
        (datetime.date(2024, 6, 28), 'CORE', -4.0)
    """
    promised = contract(table)
    values: dict[str, Any] = orjson.loads(row_json)
    schema = polars_schema(promised)
    for name, dtype in schema.items():
        if dtype == pl.Date and values[name] is not None:
            values[name] = date.fromisoformat(values[name])
    return require_shape(promised, pl.DataFrame([values], schema=schema))
