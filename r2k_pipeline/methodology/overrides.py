"""Lines with the values that a person set, marked with who set them and why.

An override is a dated record of contract `overrides`. It is laid over a line when
everything that is received, repaired and publicly known has been, and before any rule of
eligibility is asked, so it has the last word on the value and none on the verdict; only an
exclusion is a verdict. Sessions before and after see the line as it was received: repairs
do not learn from what a person set.

How an override is recorded is `orchestration/overrides`.
"""

from __future__ import annotations

import polars as pl

from r2k_pipeline.rulebook.override_fields import OverrideField
from r2k_pipeline.rulebook.reasons import RepairRule

STANDING = (
    "override_id", "field", "symbol", "first_session", "last_session", "value", "person",
    "reason",
)  # fmt: skip
"""The columns of `standing_overrides`."""

_PLACE = "override_place"
_EVIDENCE = "override_evidence"
_VALUES = {
    OverrideField.CLOSE_USD: pl.Float64,
    OverrideField.MARKET_CAP_USD: pl.Float64,
    OverrideField.TOTAL_SHARES: pl.Float64,
    OverrideField.COUNTRY: pl.String,
    OverrideField.EXCLUSION: pl.String,
}


def standing_overrides(log: pl.DataFrame) -> pl.DataFrame:
    """The overrides that nobody withdrew.

    Args:
        log: Contract `overrides`.

    Returns:
        `STANDING`, one row an override, in the order in which they were recorded.

    Example:
        >>> from datetime import date
        >>> rows = {"override_id": ["a", "b", "a"], "state": ["recorded"] * 2 + ["withdrawn"]}
        >>> log = pl.DataFrame({**rows, **{name: [None] * 3 for name in STANDING[1:]}})
        >>> standing_overrides(log)["override_id"].to_list()
        ['b']
    """
    withdrawn = log.filter(pl.col("state") == "withdrawn")
    recorded = log.filter(pl.col("state") == "recorded")
    return recorded.join(withdrawn, on="override_id", how="anti", maintain_order="left").select(
        STANDING
    )


def with_overrides(lines: pl.DataFrame, overrides: pl.DataFrame) -> pl.DataFrame:
    """Lay what a person set over the lines.

    Args:
        lines: Share lines of some sessions, with received, repaired and known values.
        overrides: As `standing_overrides` gives them.

    Returns:
        The lines, in the same order. A set close or cap leaves the received one in
        `raw_close_usd` or `raw_market_cap_usd`; shares give the cap by the close, and a
        close that is set alone leaves the shares, so the cap moves with it.
        `repair_rule` is `set_by_override` or `excluded_by_override`, `repair_evidence`
        names override, person and reason, and the line is no longer quarantined. A set
        country is the home country, too, and is told in `nationality_evidence`.

    Example:
        >>> from datetime import date
        >>> day = date(2024, 4, 30)
        >>> lines = pl.DataFrame({
        ...     "session": [day], "symbol": ["HAL"], "close_usd": [20.0], "raw_close_usd": [None],
        ...     "market_cap_usd": [2e10], "raw_market_cap_usd": [None], "country": [None],
        ...     "home_country": [None], "nationality_evidence": [None],
        ...     "repair_rule": [None], "repair_evidence": [None],
        ...     "is_quarantined": [False], "quarantine_reason": [None],
        ... }, schema_overrides={"raw_close_usd": pl.Float64, "raw_market_cap_usd": pl.Float64})
        >>> overrides = pl.DataFrame([(
        ...     "0a1b2c3d", "total_shares", "HAL", day, day, "1e8", "index.operations", "10-Q",
        ... )], schema=STANDING, orient="row")
        >>> for value in with_overrides(lines, overrides).select(
        ...     "market_cap_usd", "raw_market_cap_usd", "repair_rule", "repair_evidence").row(0):
        ...     print(value)
        2000000000.0
        20000000000.0
        set_by_override
        override 0a1b2c3d by index.operations: total_shares 1e8; 10-Q
    """
    days = lines["session"]
    overrides = overrides.filter(
        (pl.col("first_session") <= days.max()) & (pl.col("last_session") >= days.min())
    )
    if overrides.is_empty():
        return lines
    placed = lines.with_row_index(_PLACE)
    met = (
        placed.select(_PLACE, "session", "symbol")
        .join(overrides, on="symbol")
        .filter(pl.col("session").is_between("first_session", "last_session"))
        .with_columns(
            pl.format("override {} by {}: {} {}; {}", "override_id", "person", "field", "value",
                      "reason").alias(_EVIDENCE)
        )
    )  # fmt: skip
    laid = placed
    for field, kind in _VALUES.items():
        laid = laid.join(_values(met, field, kind), on=_PLACE, how="left", maintain_order="left")
    return _with_reasons(_with_values(laid), met).select(lines.columns)


def _set(field: OverrideField) -> str:
    return f"override_{field}"


def _values(met: pl.DataFrame, field: OverrideField, kind: type[pl.DataType]) -> pl.DataFrame:
    """What is set of one field, by line."""
    return (
        met.filter(pl.col("field") == field.value)
        .unique(_PLACE, keep="last", maintain_order=True)
        .select(_PLACE, pl.col("value").cast(kind).alias(_set(field)))
    )


def _with_values(laid: pl.DataFrame) -> pl.DataFrame:
    close, cap, shares = (
        pl.col(_set(field))
        for field in (
            OverrideField.CLOSE_USD,
            OverrideField.MARKET_CAP_USD,
            OverrideField.TOTAL_SHARES,
        )
    )
    moved = pl.when(pl.col("close_usd") > 0).then(close / pl.col("close_usd"))
    set_cap = pl.coalesce(
        cap, shares * pl.coalesce(close, "close_usd"), pl.col("market_cap_usd") * moved
    )
    return laid.with_columns(
        close_usd=pl.coalesce(close, "close_usd"),
        raw_close_usd=_received("close_usd", close),
        market_cap_usd=pl.coalesce(set_cap, "market_cap_usd"),
        raw_market_cap_usd=_received("market_cap_usd", set_cap),
    )


def _received(column: str, value: pl.Expr) -> pl.Expr:
    """What was received, where another value is set."""
    first = pl.coalesce(f"raw_{column}", column)
    return pl.when(value.is_not_null()).then(first).otherwise(f"raw_{column}")


def _with_reasons(laid: pl.DataFrame, met: pl.DataFrame) -> pl.DataFrame:
    """The country that is set, and for every value that is set why."""
    is_country = pl.col("field") == OverrideField.COUNTRY.value
    country = pl.col(_set(OverrideField.COUNTRY))
    reasons = [
        met.filter(which).group_by(_PLACE).agg(pl.col(_EVIDENCE).sort().str.join("; ").alias(name))
        for which, name in ((is_country, "_country_why"), (~is_country, "_value_why"))
    ]
    for reason in reasons:
        laid = laid.join(reason, on=_PLACE, how="left", maintain_order="left")
    is_set = pl.col("_value_why").is_not_null()
    is_out = pl.col(_set(OverrideField.EXCLUSION)).is_not_null()
    rule = (
        pl.when(is_out)
        .then(pl.lit(RepairRule.EXCLUDED_BY_OVERRIDE.value))
        .otherwise(pl.lit(RepairRule.SET_BY_OVERRIDE.value))
    )
    return laid.with_columns(
        country=pl.coalesce(country, "country"),
        home_country=pl.coalesce(country, "home_country"),
        nationality_evidence=pl.coalesce("_country_why", "nationality_evidence"),
        repair_rule=pl.when(is_set).then(rule).otherwise("repair_rule"),
        repair_evidence=pl.coalesce("_value_why", "repair_evidence"),
        is_quarantined=pl.col("is_quarantined") & ~is_set,
        quarantine_reason=pl.when(~is_set).then("quarantine_reason"),
    )
