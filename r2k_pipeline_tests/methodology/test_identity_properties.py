"""What holds of identity over every history.

Invariants: ids do not depend on the order of rows; extending history changes
nothing that was said of a span when it began, also where symbols fall silent, are
renamed, come back and are used again; every listing falls into exactly one span;
no line bears two symbols on one session.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from r2k_pipeline.methodology.identity import link_securities
from r2k_pipeline.methodology.security_events import security_events
from r2k_pipeline_tests.listing_rows import FIRST, frame, listing, market

DAYS = 52
Chapter = tuple[str, int, int, str | None, float, bool, int | None]
chapters = st.tuples(
    st.sampled_from(["TA", "TB", "TC", "TD", "TDW"]),
    st.sampled_from([0, 0, 0, 1, 3, 7, 33]),  # sessions missing before it
    st.integers(1, 6),
    st.sampled_from(
        ["Aaron Inc. Common Stock", "Aaron Inc. Class B", "Baron Acquisition II", "Caron", None]
    ),
    st.sampled_from([10.0, 10.87, 31.4]),
    st.booleans(),  # whether the vendor knows the close of the chapter before
    st.sampled_from([None, 2021, 2024]),
)


def lived(lives: list[list[Chapter]]) -> pl.DataFrame:
    """Companies that live through chapters, each under any symbol, among a steady market."""
    rows = []
    for number, life in enumerate(lives):
        day, before = number, 0.0
        for symbol, missing, length, name, close, is_known, year in life:
            day += missing
            for offset in range(length):
                previous = close if offset else before * is_known
                rows.append(
                    listing(
                        day + offset,
                        symbol,
                        name,
                        close_usd=close,
                        previous_close_usd=previous,
                        market_cap_usd=close * (number + 1) * 10_000_019,
                        ipo_year=year,
                    )
                )
            day, before = day + length, close
    kept = [row for row in rows if row["session"] < FIRST + timedelta(days=DAYS)]
    history = frame([*kept, *market(DAYS - 1, lines=30)])
    return history.unique(["session", "symbol"], keep="first", maintain_order=True)


histories = st.lists(st.lists(chapters, min_size=1, max_size=6), min_size=1, max_size=4).map(lived)
SETTLED = [
    "security_id", "company_id", "symbol", "first_session", "previous_symbol", "evidence",
    "confidence",
]  # fmt: skip


@given(histories, st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_ids_do_not_depend_on_the_order_of_rows(history: pl.DataFrame, seed: int) -> None:
    shuffled = history.sample(fraction=1.0, shuffle=True, seed=seed)
    assert link_securities(shuffled).equals(link_securities(history))


@given(histories, st.integers(1, DAYS - 1))
@settings(max_examples=60, deadline=None)
def test_extending_history_changes_nothing_that_was_said(
    history: pl.DataFrame, known_days: int
) -> None:
    last = FIRST + timedelta(days=known_days)
    known = history.filter(pl.col("session") < last)
    before, after = link_securities(known), link_securities(history)
    begun = after.filter(pl.col("first_session") < last)
    assert before.select(SETTLED).sort(SETTLED).equals(begun.select(SETTLED).sort(SETTLED))
    events = security_events(history, after).filter(pl.col("known_session") < last)
    assert security_events(known, before).equals(events)


@given(histories)
@settings(max_examples=25, deadline=None)
def test_every_listing_falls_into_one_span_and_no_line_bears_two_symbols(
    history: pl.DataFrame,
) -> None:
    covering = history.join(link_securities(history), on="symbol").filter(
        pl.col("session").is_between("first_session", "last_session")
    )
    assert covering.height == history.height
    assert covering.select("session", "security_id").is_unique().all()
