"""4b: the factors that keep a level continuous, as events in a ledger.

A session's divisor is the base divisor times every factor up to it; nothing
else changes a divisor. A factor is market value after over market value before,
both at the close before the session, so it follows from two neighbouring
sessions alone and any stretch of the ledger can be rebuilt by itself.

Dividends stand in the same ledger: they leave the divisor alone (factor 1) and
carry the growth that a reinvestor enjoys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from r2k_pipeline.rulebook.family import IndexDefinition

_DIVIDENDS = ("cash_dividend", "special_dividend")
# US tax on dividends to holders without a treaty, as net-return indexes apply it.
_WITHHOLDING = 0.30
# Shares that differ by less than this have only passed through a split and back.
_SHARES_NOISE = 1e-9
_LEDGER = (
    "index_id", "session", "cause", "event_id", "market_value_before_usd",
    "market_value_after_usd", "factor", "gross_return_factor", "net_return_factor",
)  # fmt: skip


def divisor_events(
    lines: pl.DataFrame,
    actions: pl.DataFrame,
    *,
    sessions: Sequence[date],
    family: Mapping[str, IndexDefinition],
    base_session: date,
) -> pl.DataFrame:
    """Enter every change of composition and every dividend into the ledger.

    Args:
        lines: Contract `constituents` over `sessions` and the session before the
            first of them, if the index existed then.
        actions: Contract `corporate_actions` over `sessions`; dividends are read.
        sessions: The consecutive sessions whose ledger rows are wanted.
        family: The indexes.
        base_session: The session at whose close every index has its base value.

    Returns:
        Contract `divisors`, sorted by `index_id`, `session`, `cause`. `factor`
        multiplies the divisor at the session's open. A session on which nothing
        changed has no row.

    Notes:
        Splits change shares and prices alike and so never appear. A dividend is
        reinvested at the close of its ex-date across the whole index; net of
        30 % where the holder's country has no treaty.

    Example:
        BOLT leaves overnight at the value of its last close: 2,000 of 3,000 remain.

        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.family import family
        >>> days = [date(2024, 7, 1), date(2024, 7, 2)]
        >>> lines = pl.DataFrame({
        ...     "session": [days[0], days[0], days[1]], "security_id": ["ACE", "BOLT", "ACE"],
        ...     "segment": ["small"] * 3, "event_id": ["2024-06"] * 3,
        ...     "index_shares": [100.0] * 3, "previous_close_usd": [19.0, 10.0, 20.0],
        ...     "market_value_usd": [2000.0, 1000.0, 2100.0],
        ... })
        >>> actions = pl.DataFrame(schema={
        ...     "session": pl.Date, "security_id": pl.String, "action_type": pl.String,
        ...     "amount_usd": pl.Float64,
        ... })
        >>> divisor_events(
        ...     lines, actions, sessions=days, family={"r2000": family()["r2000"]},
        ...     base_session=days[0],
        ... ).select("session", "cause", "market_value_before_usd", "factor").rows()[1]
        (datetime.date(2024, 7, 2), 'deletion', 3000.0, 0.6666666666666666)

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` sections 9.1 and appendix A; methodology
        of total return: `rulebook.rules.SOURCES["methodology_2026"]`.
    """
    changes = _line_changes(lines)
    rows = [
        part
        for index_id, definition in family.items()
        for part in _index_ledger(
            index_id,
            changes.filter(pl.col("segment").is_in(definition.segments)),
            actions,
            base_session,
        )
    ]
    wanted = pl.col("session").is_in(list(sessions))
    return pl.concat(rows).filter(wanted).select(_LEDGER).sort("index_id", "session", "cause")


def divisor_by_session(
    ledger: pl.DataFrame, sessions: pl.DataFrame, *, family: Mapping[str, IndexDefinition]
) -> pl.DataFrame:
    """Multiply the ledger out: the divisor and the reinvestment factors of each session.

    Args:
        ledger: Contract `divisors` from the base session on.
        sessions: `index_id`, `session` rows for which divisors are wanted.
        family: The indexes; read for their base values (index points).

    Returns:
        `index_id`, `session`, `divisor` (USD per index point), `gross_growth` and
        `net_growth` (products of reinvestment factors since the base), sorted by
        `index_id`, `session`. Null before the base session.

    Notes:
        The product runs in the order of sessions and causes, so the result is
        the same to the last bit however the ledger was built.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.family import family
        >>> days = [date(2024, 7, 1), date(2024, 7, 2), date(2024, 7, 3)]
        >>> ledger = pl.DataFrame({
        ...     "index_id": ["r2000"] * 2, "session": days[:2], "cause": ["base", "deletion"],
        ...     "market_value_after_usd": [3000.0, 2000.0], "factor": [1.0, 0.5],
        ...     "gross_return_factor": [1.0] * 2, "net_return_factor": [1.0] * 2,
        ... })
        >>> sessions = pl.DataFrame({"index_id": ["r2000"] * 3, "session": days})
        >>> divisor_by_session(ledger, sessions, family=family())["divisor"].to_list()
        [3.0, 1.5, 1.5]
    """
    base_value = {index_id: definition.base_value for index_id, definition in family.items()}
    is_base = pl.col("cause") == "base"
    first = pl.col("market_value_after_usd") / pl.col("index_id").replace_strict(
        base_value, return_dtype=pl.Float64
    )
    steps = (
        ledger.sort("index_id", "session", "cause")
        .with_columns(step=pl.when(is_base).then(first).otherwise(pl.col("factor")))
        .with_columns(
            divisor=pl.col("step").cum_prod().over("index_id"),
            gross_growth=pl.col("gross_return_factor").cum_prod().over("index_id"),
            net_growth=pl.col("net_return_factor").cum_prod().over("index_id"),
        )
        .group_by("index_id", "session", maintain_order=True)
        .agg(pl.col("divisor", "gross_growth", "net_growth").last())
    )
    return (
        sessions.select("index_id", "session")
        .sort("session")
        .join_asof(
            steps.sort("session"), on="session", by="index_id", strategy="backward",
            check_sortedness=False,
        )
        .sort("index_id", "session")
    )  # fmt: skip


def _line_changes(lines: pl.DataFrame) -> pl.DataFrame:
    """Each line and session beside the session before: what was held, and at what value.

    A line that left has a row on the first session without it, with `held` but
    no `index_shares`. A line that changed segment leaves one and enters another.
    """
    days = lines.select("session").unique().sort("session")
    following = days.with_columns(pl.col("session").shift(-1).alias("next")).drop_nulls()
    key = ["session", "security_id", "segment"]
    held = lines.join(following, on="session").select(
        pl.col("next").alias("session"),
        "security_id",
        "segment",
        pl.col("market_value_usd").alias("value_before_usd"),
        pl.lit(value=True).alias("was_held"),
    )
    today = lines.select(
        *key, "event_id", "index_shares", "market_value_usd",
        (pl.col("previous_close_usd") * pl.col("index_shares")).alias("value_after_usd"),
    )  # fmt: skip
    return today.join(held, on=key, how="full", coalesce=True).sort(key)


def _index_ledger(
    index_id: str, changes: pl.DataFrame, actions: pl.DataFrame, base_session: date
) -> tuple[pl.DataFrame, ...]:
    """The base row, the changes of composition and the dividends of one index."""
    return (
        _base_row(index_id, changes, base_session),
        _composition_rows(index_id, changes.filter(pl.col("session") > base_session)),
        _dividend_rows(index_id, changes.filter(pl.col("session") > base_session), actions),
    )


def _base_row(index_id: str, changes: pl.DataFrame, base_session: date) -> pl.DataFrame:
    """The market value at the base session's close, from which the first divisor follows."""
    return (
        changes.filter(pl.col("session") == base_session)
        .filter(pl.col("index_shares").is_not_null())
        .group_by("session")
        .agg(
            pl.col("event_id").first(),
            pl.col("market_value_usd").sum().alias("market_value_after_usd"),
        )
        .with_columns(
            index_id=pl.lit(index_id),
            cause=pl.lit("base"),
            market_value_before_usd=pl.lit(None, pl.Float64),
            factor=pl.lit(1.0),
            gross_return_factor=pl.lit(1.0),
            net_return_factor=pl.lit(1.0),
        )
        .select(_LEDGER)
    )


def _composition_rows(index_id: str, changes: pl.DataFrame) -> pl.DataFrame:
    """One row per session on which lines entered or left or shares changed."""
    entered = pl.col("was_held").is_null()
    left = pl.col("index_shares").is_null()
    rescaled = (
        (pl.col("value_after_usd") / pl.col("value_before_usd") - 1).abs() > _SHARES_NOISE
    ).fill_null(value=False)
    return (
        changes.group_by("session", maintain_order=True)
        .agg(
            market_value_before_usd=pl.col("value_before_usd").sum(),
            market_value_after_usd=pl.col("value_after_usd").sum(),
            enters=entered.any(),
            leaves=left.any(),
            rescaled=rescaled.any(),
            event_id=pl.col("event_id").drop_nulls().first(),
        )
        .filter(pl.col("enters") | pl.col("leaves") | pl.col("rescaled"))
        .with_columns(
            index_id=pl.lit(index_id),
            cause=pl.when("enters")
            .then(pl.lit("reconstitution"))
            .when("leaves")
            .then(pl.lit("deletion"))
            .otherwise(pl.lit("share_update")),
            factor=pl.col("market_value_after_usd") / pl.col("market_value_before_usd"),
            gross_return_factor=pl.lit(1.0),
            net_return_factor=pl.lit(1.0),
        )
        .select(_LEDGER)
    )


def _dividend_rows(index_id: str, changes: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """One row per ex-date: the dividends of all members over their value at its close."""
    paid = (
        actions.filter(pl.col("action_type").is_in(_DIVIDENDS))
        .group_by("session", "security_id")
        .agg(pl.col("amount_usd").sum())
    )
    yields = (
        changes.filter(pl.col("index_shares").is_not_null())
        .join(paid, on=["session", "security_id"], how="left", maintain_order="left")
        .group_by("session", maintain_order=True)
        .agg(
            dividends_usd=(pl.col("amount_usd") * pl.col("index_shares")).sum(),
            value_usd=pl.col("market_value_usd").sum(),
            event_id=pl.col("event_id").first(),
        )
        .filter(pl.col("dividends_usd") > 0)
    )
    gross = pl.col("dividends_usd") / pl.col("value_usd")
    return yields.select(
        pl.lit(index_id).alias("index_id"), "session", pl.lit("dividend").alias("cause"),
        "event_id", pl.col("value_usd").alias("market_value_before_usd"),
        pl.col("value_usd").alias("market_value_after_usd"), pl.lit(1.0).alias("factor"),
        (1 + gross).alias("gross_return_factor"),
        (1 + gross * (1 - _WITHHOLDING)).alias("net_return_factor"),
    )  # fmt: skip
