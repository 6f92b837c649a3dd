"""Stage 5: index levels -> signals, each a value and a position, one file a family.

1. One family file turns the levels of one index into session, signal, value and
   position; a position is decided at a session's close from levels up to it.
2. `all_signals` runs every definition over every index and says on which session
   the position can be traded.

To add a signal, write its function in its family's file (or a new file), and add
its definition to `SIGNALS`. Keep out reading and writing tables, costs and fills.
"""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.signals.breakout import donchian_breakout
from r2k_pipeline.methodology.signals.crossover import ema_crossover, sma_crossover
from r2k_pipeline.methodology.signals.definition import SignalDefinition
from r2k_pipeline.methodology.signals.mean_reversion import z_score_reversion
from r2k_pipeline.methodology.signals.momentum import momentum
from r2k_pipeline.rulebook.sessions import next_session

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

__all__ = ["SIGNALS", "SignalDefinition", "all_signals", "warmup_sessions"]

_SCHEMA = {
    "index_id": pl.String,
    "session": pl.Date,
    "signal": pl.String,
    "value": pl.Float64,
    "position": pl.Float64,
    "tradable_session": pl.Date,
}

_DEFINITIONS = (
    SignalDefinition(
        name="sma_50_200",
        family="crossover",
        sentence="Long while the 50-session average is above the 200-session one, else short.",
        lookback_sessions=199,
        reads_whole_history=False,
        source="Brock, Lakonishok and LeBaron 1992; the pair 50 and 200 is market custom",
        compute=partial(sma_crossover, short_sessions=50, long_sessions=200),
    ),
    SignalDefinition(
        name="ema_12_26",
        family="crossover",
        sentence="Long while the exponential average of span 12 is above that of 26, else short.",
        lookback_sessions=25,
        reads_whole_history=True,
        source="Appel 2005, as a ratio instead of a difference",
        compute=partial(ema_crossover, short_span=12, long_span=26),
    ),
    SignalDefinition(
        name="momentum_12_1",
        family="momentum",
        sentence="Long after a rise from 252 to 21 sessions back, short after a fall.",
        lookback_sessions=252,
        reads_whole_history=False,
        source="Moskowitz, Ooi and Pedersen 2012; the gap after Jegadeesh and Titman 1993",
        compute=partial(momentum, signal="momentum_12_1", from_sessions=252, to_sessions=21),
    ),
    SignalDefinition(
        name="mean_reversion_20",
        family="mean_reversion",
        sentence="Against a close two deviations from its 20-session average, until it is back.",
        lookback_sessions=19,
        reads_whole_history=True,
        source="Bollinger 2001 for the bands; Gatev, Goetzmann and Rouwenhorst 2006 for the exit",
        compute=partial(z_score_reversion, window_sessions=20, entry_deviations=2.0),
    ),
    SignalDefinition(
        name="donchian_20_10",
        family="breakout",
        sentence="With a close beyond the 20-session channel, until one beyond the opposite of 10.",
        lookback_sessions=20,
        reads_whole_history=True,
        source="Faith 2007, System 1, on closes",
        compute=partial(donchian_breakout, entry_sessions=20, exit_sessions=10),
    ),
)

SIGNALS: Mapping[str, SignalDefinition] = MappingProxyType({d.name: d for d in _DEFINITIONS})
"""Every signal by its name."""


def warmup_sessions() -> int:
    """Return the longest lookback: after so many sessions every signal has a value.

    This is the least history to read. Signals that hold a position until an event
    (`SignalDefinition.reads_whole_history`) may depend on older levels; give
    `all_signals` the whole series, so that the same session has the same position
    whichever range is built.

    Example:
        >>> warmup_sessions()
        252
    """
    return max(definition.lookback_sessions for definition in SIGNALS.values())


def all_signals(
    levels: pl.DataFrame, *, start: date | None = None, end: date | None = None
) -> pl.DataFrame:
    """Compute every signal for every index.

    Args:
        levels: Contract `levels`; read `index_id`, `session` and `price_level` (index
            points). Any order. Give each index from its first session on.
        start: The first session to return; all from the beginning, if None.
        end: The last session to return; all to the end, if None.

    Returns:
        Contract `signals`, one row an index, session and signal, sorted by them.
        `value` is null and `position` 0 while a signal has too little history.
        `tradable_session` is the session after `session`: a position decided at a
        close cannot be traded at that close.

    Raises:
        BadInputError: A session repeats or a level is null, not finite or not above 0.
        NotASessionError: A session is beyond the exchange calendar.

    Notes:
        Sessions are counted by rows, so a missing session shortens every window by
        one; that levels are complete is for the checks of `levels`. Only levels up
        to a session's close enter its row. An empty frame gives an empty frame.

    Example:
        >>> from datetime import date
        >>> levels = pl.DataFrame(
        ...     {
        ...         "index_id": ["r2000", "r2000"],
        ...         "session": [date(2022, 6, 23), date(2022, 6, 24)],
        ...         "price_level": [1000.0, 1010.0],
        ...     }
        ... )
        >>> all_signals(levels, start=date(2022, 6, 24)).select(
        ...     "signal", "position", "tradable_session"
        ... )
        shape: (5, 3)
        ┌───────────────────┬──────────┬──────────────────┐
        │ signal            ┆ position ┆ tradable_session │
        │ ---               ┆ ---      ┆ ---              │
        │ str               ┆ f64      ┆ date             │
        ╞═══════════════════╪══════════╪══════════════════╡
        │ donchian_20_10    ┆ 0.0      ┆ 2022-06-27       │
        │ ema_12_26         ┆ 0.0      ┆ 2022-06-27       │
        │ mean_reversion_20 ┆ 0.0      ┆ 2022-06-27       │
        │ momentum_12_1     ┆ 0.0      ┆ 2022-06-27       │
        │ sma_50_200        ┆ 0.0      ┆ 2022-06-27       │
        └───────────────────┴──────────┴──────────────────┘
    """
    read = levels.select("index_id", "session", "price_level").sort("index_id", "session")
    answers = [
        definition.compute(of_index).with_columns(pl.lit(index_id).alias("index_id"))
        for (index_id,), of_index in read.partition_by(
            "index_id", as_dict=True, maintain_order=True
        ).items()
        for definition in SIGNALS.values()
    ]
    if not answers:
        return pl.DataFrame(schema=_SCHEMA)
    wanted = pl.concat(answers).filter(
        pl.lit(True) if start is None else pl.col("session") >= start,
        pl.lit(True) if end is None else pl.col("session") <= end,
    )
    return (
        wanted.join(_tradable_sessions(wanted), on="session", how="left")
        .select(_SCHEMA.keys())
        .sort("index_id", "session", "signal")
    )


def _tradable_sessions(wanted: pl.DataFrame) -> pl.DataFrame:
    """The session after each session."""
    sessions = wanted["session"].unique().to_list()
    return pl.DataFrame(
        {"session": sessions, "tradable_session": [next_session(day) for day in sessions]},
        schema={"session": pl.Date, "tradable_session": pl.Date},
    )
