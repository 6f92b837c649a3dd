"""4a: reported and inferred events -> what changes in shares, prices and members.

1. Reported actions are given the line they concern, and the session from which they count
   (`action_outcomes`).
2. Splits that nobody reported are read off the vendor's adjusted previous close; so is the
   when-issued price of a child off the close before.
3. Where that close is lowered by much, not as a split would, and the market followed, the
   difference was distributed: a special dividend, or a child worth as much.
4. Where both speak of one line and session, the report wins.

Nothing else is inferred; renames and silences are `identity`'s and `security_events`', and
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
    Fraction(2, 3), Fraction(2, 5), Fraction(2, 7), *(Fraction(1, n) for n in range(2, 51)),
    *(Fraction(1, n) for n in (55, 60, 65, 70, 75, 80, 90, 100, 120, 125, 150, 160, 200, 250)),
)  # fmt: skip
_RATIOS = tuple(sorted(float(ratio) for ratio in (*_FORWARD, *_REVERSE)))
# Both closes are printed to the cent or finer; a ratio of them is known no better than this.
_CLOSE_ERROR_USD = 0.006
_RELATIVE_ERROR = 0.0005
# A distribution of less than this part of the close is an ordinary dividend, or a mended price.
_LEAST_DISTRIBUTION = 0.1
_PLAUSIBLE_MOVE_AFTER_DISTRIBUTION = 0.25
# Where more lines than this have another previous close than their own, the vendor's are not
# rolled, and tell of nobody.
_MOST_CONTRADICTIONS = 0.05
_CONTRADICTS = 0.01
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
        Splits and distributions are inferred only across two consecutive sessions, so never
        over a gap. An inferred distribution is a special dividend whatever was given: of a
        child, its worth is taken off the parent and counts as cash in total return, and of
        shares in an odd ratio no share is added. A report on a symbol that no line ever bore
        by then is kept with the outcome `unknown_line`. Of two reports of one kind on one line
        and session the first counts. No row uses anything later than its session.

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
    named = with_lines(reported, securities).with_columns(
        origin=pl.lit("reported"), evidence=pl.lit("reported by the source")
    )
    told = with_late_sessions(with_habitual_specials(named))
    told = _with_when_issued(told, listings, sessions)
    quotes = _beside_the_eve(listings, securities, sessions)
    splits = _inferred_splits(quotes)
    given = _inferred_distributions(quotes).join(splits, on=["session", "symbol"], how="anti")
    key = ["session", "security_id", "action_type"]
    # A report of anything, however late it counts, may be why the previous close was lowered.
    distributed = with_lines(given, securities).join(named, on=key[:2], how="anti")
    seen = pl.concat(
        [with_lines(splits, securities).select(_COLUMNS), distributed.select(_COLUMNS)]
    )
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


def _closes_of_renamed(
    listings: pl.DataFrame, securities: pl.DataFrame, sessions: Sequence[date]
) -> pl.DataFrame:
    """What lines that begin to bear a symbol closed at on the eve, under the symbol before."""
    eves = pl.DataFrame({"eve": sessions[:-1], "session": sessions[1:]}, schema=_EVES)
    if "previous_symbol" not in securities.columns:
        securities = securities.with_columns(previous_symbol=pl.lit(None, pl.String))
    spans = securities.drop_nulls("previous_symbol").select(
        "symbol", "previous_symbol", session="first_session"
    )
    closes = listings.select(eve="session", previous_symbol="symbol", eve_close_usd="close_usd")
    return (
        spans.join(eves, on="session")
        .join(closes, on=["eve", "previous_symbol"])
        .select("session", "symbol", "eve_close_usd")
        .unique(["session", "symbol"], keep="first", maintain_order=True)
    )


def _beside_the_eve(
    listings: pl.DataFrame, securities: pl.DataFrame, sessions: Sequence[date]
) -> pl.DataFrame:
    """Closes beside those of the session before, where both are known, with `unadjusted_close_usd`.

    A line that is called otherwise since the session before is compared with itself, not with
    whoever bore its symbol then.
    """
    calendar = pl.DataFrame({"session": sessions}, schema={"session": pl.Date}).with_row_index(
        "ordinal"
    )
    adjusted, unadjusted = pl.col("previous_close_usd"), pl.col("unadjusted_close_usd")
    renamed = _closes_of_renamed(listings, securities, sessions)
    return (
        listings.select("session", "symbol", "close_usd", "previous_close_usd")
        .join(calendar, on="session")
        .sort("ordinal", maintain_order=True)
        .with_columns(
            unadjusted_close_usd=pl.col("close_usd").shift().over("symbol"),
            is_consecutive=pl.col("ordinal").cast(pl.Int32).diff().over("symbol") == 1,
        )
        .join(renamed, on=["session", "symbol"], how="left", maintain_order="left")
        .with_columns(
            unadjusted_close_usd=pl.coalesce("eve_close_usd", "unadjusted_close_usd"),
            is_consecutive=pl.col("is_consecutive") | pl.col("eve_close_usd").is_not_null(),
        )
        .filter(
            pl.col("is_consecutive") & (adjusted > 0) & (unadjusted > 0) & (pl.col("close_usd") > 0)
        )
    )


def _inferred_distributions(quotes: pl.DataFrame) -> pl.DataFrame:
    """What was given to holders, as the vendor's previous close shows it and the market agrees."""
    close, adjusted = pl.col("close_usd"), pl.col("previous_close_usd")
    unadjusted = pl.col("unadjusted_close_usd")
    contradicts = (adjusted / unadjusted - 1).abs() > _CONTRADICTS
    followed = (close / adjusted).log().abs() < (close / unadjusted).log().abs()
    return (
        quotes.filter(contradicts.mean().over("session") < _MOST_CONTRADICTIONS)
        .filter(adjusted / unadjusted < 1 - _LEAST_DISTRIBUTION)
        .filter(followed & ((close / adjusted - 1).abs() < _PLAUSIBLE_MOVE_AFTER_DISTRIBUTION))
        .with_columns(
            action_type=pl.lit("special_dividend"),
            amount_usd=unadjusted - adjusted,
            origin=pl.lit("inferred"),
            evidence=_evidence(),
        )
    )


def _evidence() -> pl.Expr:
    return pl.format(
        "closed at {}, previous close now given as {}", "unadjusted_close_usd",
        "previous_close_usd",
    )  # fmt: skip


def _inferred_splits(quotes: pl.DataFrame) -> pl.DataFrame:
    """Splits that the vendor's previous close shows against the close we saw ourselves."""
    adjusted, unadjusted = pl.col("previous_close_usd"), pl.col("unadjusted_close_usd")
    factor = unadjusted / adjusted
    suspects = (
        quotes.filter(~factor.is_between(_RATIOS[_RATIOS.index(2 / 3)] + 0.01, 1.24))
        .filter((pl.col("close_usd") / adjusted - 1).abs() < _PLAUSIBLE_MOVE)
        .with_columns(factor=factor)
        .sort("factor")
    )
    ratios = pl.DataFrame({"ratio": _RATIOS}).with_columns(split_factor=pl.col("ratio"))
    tolerance = _RELATIVE_ERROR + _CLOSE_ERROR_USD / adjusted
    return (
        suspects.join_asof(ratios, left_on="factor", right_on="ratio", strategy="nearest")
        .filter((factor / pl.col("split_factor") - 1).abs() < tolerance)
        .with_columns(action_type=pl.lit("split"), origin=pl.lit("inferred"), evidence=_evidence())
    )
