"""The market as the feed shows it: contract `raw_listings`, with the feed's quirks.

Caps are fed for the company on each of its share lines, zero for warrants, units,
rights and notes, and blank for preferreds. What the quirks of
`MarketParameters.has_quirks` are stands here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import require_shape
from r2k_pipeline.sources.synthetic.lines import EQUITY, PaperKind
from r2k_pipeline.sources.synthetic.parameters import EventKind, MarketParameters, Stream

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

    from r2k_pipeline.sources.synthetic.events import Schedule
    from r2k_pipeline.sources.synthetic.prices import Paths

SOURCE_NAME = "synthetic"

_TURNOVER_SHARE, _TURNOVER_SPREAD = 0.004, 0.6
_OTHER_TURNOVER_USD = 40_000.0
_LAGGING_SPLIT_SHARE = 0.05
_BLANK_CAPS_PER_YEAR = 2
_CAPLESS_SECOND_CLASS_SHARE = 0.1


def render_listings(
    spells: pl.DataFrame,
    paths: Paths,
    schedule: Schedule,
    parameters: MarketParameters,
    *,
    sessions: Sequence[date],
    source_hash: str,
) -> pl.DataFrame:
    """Render every listed line of every session.

    Args:
        spells: As `spells.make_spells` returns them.
        paths: What the market did.
        schedule: Which sessions are silent, and when splits happened.
        parameters: Seed and quirks.
        sessions: The market's sessions, ascending.
        source_hash: What the rows carry as `source_hash`.

    Returns:
        Contract `raw_listings`, sorted by `session`, `exchange`, `symbol`. The
        previous close is 0 on a line's first day if the market was there before it.
    """
    day, spell = _cells(spells, schedule, len(sessions))
    line = spells["line"].to_numpy()[spell]
    close = paths.close_usd[day, line]
    caps = _caps(spells, paths, schedule, parameters, day, spell)
    arrived = spells.select(
        (pl.col("origin") != "start") & (pl.col("first") == pl.col("first").min().over("line"))
    ).to_series()
    is_first_day = arrived.to_numpy()[spell] & (day == spells["first"].to_numpy()[spell])
    previous = np.where(is_first_day, 0.0, paths.previous_close_usd[day, line])
    texts = spells.select(
        "exchange", "symbol", "name", "country", "ipo_year", "industry", "sector", "first", "origin"
    ).with_columns(_ipo_years(sessions), *(_null_if_blank(c) for c in _BLANKABLE))
    frame = texts.select(pl.exclude("first", "origin").gather(spell)).with_columns(
        pl.Series("session", sessions, dtype=pl.Date).gather(day),
        pl.Series("close_usd", close),
        pl.Series("previous_close_usd", previous),
        pl.Series("volume_shares", _volumes(parameters, close, caps)),
        pl.Series("market_cap_usd", caps).fill_nan(None),
        pl.lit(SOURCE_NAME).alias("source"),
        pl.lit(source_hash).alias("source_hash"),
    )
    listings = contract("raw_listings")
    return require_shape(listings, frame.select([column.name for column in listings.columns]))


_BLANKABLE = ("country", "industry", "sector")


def _null_if_blank(column: str) -> pl.Expr:
    return pl.when(pl.col(column) != "").then(pl.col(column)).alias(column)


def _ipo_years(sessions: Sequence[date]) -> pl.Expr:
    """The year of arrival for those who arrive, as drawn for the others."""
    years = pl.Series([session.year for session in sessions], dtype=pl.Int32)
    arrived = pl.col("first").replace_strict(
        pl.Series(range(len(sessions)), dtype=pl.Int64), years, return_dtype=pl.Int32
    )
    return (
        pl.when(pl.col("origin") == "start").then("ipo_year").otherwise(arrived).alias("ipo_year")
    )


def _cells(
    spells: pl.DataFrame, schedule: Schedule, sessions: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Session and spell of each row, in the order of rows; silence and halts have none."""
    days = np.arange(sessions)[:, None]
    covers = (days >= spells["first"].to_numpy()) & (days <= spells["last"].to_numpy())
    covers[list(schedule.silent), :] = False
    owner = spells["company"].to_numpy()
    for event in schedule.of(EventKind.HALT):
        covers[event.session : event.until, owner == event.company] = False
    day, spell = np.nonzero(covers)
    return day, spell


def _caps(
    spells: pl.DataFrame,
    paths: Paths,
    schedule: Schedule,
    parameters: MarketParameters,
    day: NDArray[np.int64],
    spell: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Caps in USD as fed; NaN where the feed is blank."""
    shares = paths.total_shares
    company, line = spells["company"].to_numpy(), spells["line"].to_numpy()
    papers = spells["paper"].to_numpy()
    rng = parameters.stream(Stream.QUIRKS)
    if parameters.has_quirks:
        shares = _lagging(rng, shares, schedule)
    caps = np.rint(paths.close_usd[day, line[spell]] * shares[day, company[spell]])
    is_equity = np.isin(papers, EQUITY)[spell]
    caps = np.where(is_equity, caps, 0.0)
    caps[(papers == PaperKind.PREFERRED.value)[spell]] = np.nan
    if parameters.has_quirks:
        second = np.flatnonzero(papers == PaperKind.SECOND_CLASS.value)
        few = round(len(second) * _CAPLESS_SECOND_CLASS_SHARE)
        capless = rng.choice(second, few, replace=False)
        caps[np.isin(spell, capless)] = np.nan
        cells = np.flatnonzero(is_equity)
        count = parameters.scaled_a_year(_BLANK_CAPS_PER_YEAR, len(shares))
        caps[rng.choice(cells, count, replace=False)] = np.nan
    return np.asarray(caps)


def _lagging(
    rng: np.random.Generator, shares: NDArray[np.float64], schedule: Schedule
) -> NDArray[np.float64]:
    """Shares as the feed knows them: a few splits reach the price a session before the shares."""
    fed = shares.copy()
    splits = schedule.of(EventKind.FORWARD_SPLIT, EventKind.REVERSE_SPLIT)
    lagging = rng.choice(len(splits), round(len(splits) * _LAGGING_SPLIT_SHARE), replace=False)
    for event in (splits[number] for number in lagging):
        fed[event.session, event.company] = shares[event.session - 1, event.company]
    return fed


def _volumes(
    parameters: MarketParameters, close: NDArray[np.float64], caps: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Shares traded: some of the cap each session, and a little of what has none; at least one."""
    rng = parameters.stream(Stream.VOLUME)
    known = np.nan_to_num(caps)
    turnover = np.where(known > 0.0, known * _TURNOVER_SHARE, _OTHER_TURNOVER_USD)
    noise = np.exp(rng.normal(0.0, _TURNOVER_SPREAD, len(close)))
    return np.maximum(np.rint(turnover * noise / close), 1.0).astype(np.int64)
