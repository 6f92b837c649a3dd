"""4a: reported and inferred events -> what changes in shares, prices and members.

1. Reported actions are given the line they concern, and the session from which they count
   (`action_outcomes`).
2. Splits that nobody reported are read off the vendor's adjusted previous close; so is the
   when-issued price of a child off the close before.
3. Where both speak of one line, session and kind, the report wins.

Only splits are inferred; renames and silences are `identity`'s and `security_events`', and
everything else comes from a report. What an action does is `action_treatment`.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.action_outcomes import (
    with_habitual_specials,
    with_late_sessions,
    with_lines,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

_COLUMNS = (
    "session", "security_id", "symbol", "action_type", "split_factor", "amount_usd", "ratio",
    "counterparty_symbol", "announced_session", "counterparty_security_id", "outcome", "origin",
    "evidence",
)  # fmt: skip
_DISTRIBUTIONS = ["spin_off", "new_class"]
_EVES = {"eve": pl.Date, "session": pl.Date}
# Ratios in which shares are split in practice: 3 for 2, 4 for 3, 5 for 4 and n for 1; and, the
# other way, 1 for n. Smaller stock dividends cannot be told from a mended price and are left out.
_FORWARD = (Fraction(5, 4), Fraction(4, 3), Fraction(3, 2), Fraction(5, 2), *range(2, 51))
_REVERSE = (
    Fraction(2, 3), Fraction(2, 5), *(Fraction(1, n) for n in range(2, 51)),
    *(Fraction(1, n) for n in (55, 60, 65, 70, 75, 80, 90, 100, 120, 125, 150, 160, 200, 250)),
)  # fmt: skip
_RATIOS = tuple(sorted(float(ratio) for ratio in (*_FORWARD, *_REVERSE)))
# Both closes are printed to the cent or finer; a ratio of them is known no better than this.
_CLOSE_ERROR_USD = 0.006
_RELATIVE_ERROR = 0.0005
# On the day of a true split the stock opens near its adjusted close; a vendor's slip does not.
_PLAUSIBLE_MOVE = 0.5


def resolve_actions(
    listings: pl.DataFrame,
    reported: pl.DataFrame,
    securities: pl.DataFrame,
    *,
    start: date,
    sessions: Sequence[date],
) -> pl.DataFrame:
    """Bring together what was reported and what the listings show.

    Args:
        listings: Contract `raw_listings` from the session before `start` on.
            Read: `session`, `symbol`, `close_usd`, `previous_close_usd` (as the
            vendor gives it: already adjusted for the day's split).
        reported: Contract `reported_actions` over the same sessions and the few before
            that may count late (`action_outcomes.LONGEST_DELAY_SESSIONS`), and the
            special dividends of all earlier ones; may be empty.
        securities: Contract `securities`.
        start: The first session whose actions are wanted.
        sessions: Every XNYS session of the range, so that a missing snapshot is
            seen as missing.

    Returns:
        Contract `corporate_actions`, one row per line, session and kind, sorted by
        `session`, `security_id`, `action_type`. `split_factor` is shares after per
        share before.

    Notes:
        A split is inferred only across two consecutive sessions, so never over a
        gap. A report on a symbol that no line ever bore by then is kept with the outcome
        `unknown_line`. Of two reports of one kind on one line and session the first
        counts. No row uses anything later than its session.

    Example:
        A close of 891.29 and, a session later, a previous close of 297.10: three
        shares for one.

        >>> from datetime import date
        >>> days = [date(2022, 8, 24), date(2022, 8, 25)]
        >>> listings = pl.DataFrame({
        ...     "session": days, "symbol": ["TRI", "TRI"],
        ...     "close_usd": [891.29, 296.07], "previous_close_usd": [889.36, 297.10],
        ... })
        >>> reported = pl.DataFrame(schema={
        ...     "session": pl.Date, "symbol": pl.String, "action_type": pl.String,
        ...     "split_factor": pl.Float64, "amount_usd": pl.Float64, "ratio": pl.Float64,
        ...     "counterparty_symbol": pl.String,
        ... })
        >>> securities = pl.DataFrame({
        ...     "symbol": ["TRI"], "security_id": ["S-TRI"],
        ...     "first_session": days[:1], "last_session": days[1:],
        ... })
        >>> resolve_actions(
        ...     listings, reported, securities, start=days[1], sessions=days
        ... ).select("session", "action_type", "split_factor", "origin")
        shape: (1, 4)
        ┌────────────┬─────────────┬──────────────┬──────────┐
        │ session    ┆ action_type ┆ split_factor ┆ origin   │
        │ ---        ┆ ---         ┆ ---          ┆ ---      │
        │ date       ┆ str         ┆ f64          ┆ str      │
        ╞════════════╪═════════════╪══════════════╪══════════╡
        │ 2022-08-25 ┆ split       ┆ 3.0          ┆ inferred │
        └────────────┴─────────────┴──────────────┴──────────┘
    """
    told = with_lines(reported, securities).with_columns(
        origin=pl.lit("reported"), evidence=pl.lit("reported by the source")
    )
    told = with_late_sessions(with_habitual_specials(told))
    told = _with_when_issued(told, listings, sessions)
    seen = with_lines(_inferred_splits(listings, sessions), securities)
    key = ["session", "security_id", "action_type"]
    return (
        pl.concat([told.select(_COLUMNS), seen.select(_COLUMNS)])
        .filter(pl.col("session").is_between(start, max(sessions)))
        .unique(key, keep="first", maintain_order=True)
        .sort(key)
    )


def _with_when_issued(
    actions: pl.DataFrame, listings: pl.DataFrame, sessions: Sequence[date]
) -> pl.DataFrame:
    """Children that traded before the ex-date: their close then is the when-issued price."""
    eves = pl.DataFrame({"eve": sessions[:-1], "session": sessions[1:]}, schema=_EVES)
    closes = listings.filter(pl.col("close_usd") > 0).select(
        eve="session", counterparty_symbol="symbol", when_issued_usd="close_usd"
    )
    is_open = pl.col("action_type").is_in(_DISTRIBUTIONS) & pl.col("amount_usd").is_null()
    told = actions.join(eves, on="session", how="left", maintain_order="left").join(
        closes, on=["eve", "counterparty_symbol"], how="left", maintain_order="left"
    )
    is_known = is_open & pl.col("when_issued_usd").is_not_null()
    said = pl.format("{}; closed at {} when issued", "evidence", "when_issued_usd")
    return told.with_columns(
        amount_usd=pl.when(is_known).then("when_issued_usd").otherwise("amount_usd"),
        evidence=pl.when(is_known).then(said).otherwise("evidence"),
    ).select(actions.columns)


def _inferred_splits(listings: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """Splits that the vendor's previous close shows against the close we saw ourselves."""
    calendar = pl.DataFrame({"session": sessions}, schema={"session": pl.Date}).with_row_index(
        "ordinal"
    )
    adjusted, unadjusted = pl.col("previous_close_usd"), pl.col("unadjusted_close_usd")
    factor = unadjusted / adjusted
    consecutive = pl.col("ordinal").cast(pl.Int32).diff().over("symbol") == 1
    suspects = (
        listings.select("session", "symbol", "close_usd", "previous_close_usd")
        .join(calendar, on="session")
        .sort("ordinal", maintain_order=True)
        .with_columns(
            unadjusted_close_usd=pl.col("close_usd").shift().over("symbol"),
            is_consecutive=consecutive,
        )
        .filter(
            pl.col("is_consecutive") & (adjusted > 0) & (unadjusted > 0) & (pl.col("close_usd") > 0)
        )
        .filter(~factor.is_between(_RATIOS[_RATIOS.index(2 / 3)] + 0.01, 1.24))
        .filter((pl.col("close_usd") / adjusted - 1).abs() < _PLAUSIBLE_MOVE)
        .with_columns(factor=factor)
        .sort("factor")
    )
    ratios = pl.DataFrame({"ratio": _RATIOS}).with_columns(split_factor=pl.col("ratio"))
    tolerance = _RELATIVE_ERROR + _CLOSE_ERROR_USD / adjusted
    return (
        suspects.join_asof(ratios, left_on="factor", right_on="ratio", strategy="nearest")
        .filter((factor / pl.col("split_factor") - 1).abs() < tolerance)
        .with_columns(
            action_type=pl.lit("split"),
            origin=pl.lit("inferred"),
            evidence=pl.format(
                "closed at {}, previous close now given as {}", "unadjusted_close_usd",
                "previous_close_usd",
            ),
        )
    )  # fmt: skip
