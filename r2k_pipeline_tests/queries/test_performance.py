"""Returns and risk, by hand."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from r2k_pipeline.queries.performance import calendar_years, performance_table, risk


def series(*rows: tuple[date, float, float]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["session", "price_level", "total_return_level"], orient="row")


YEARS = series(
    (date(2021, 12, 31), 1000.0, 1000.0),
    (date(2022, 3, 31), 900.0, 910.0),
    (date(2022, 12, 30), 800.0, 820.0),
    (date(2023, 6, 29), 950.0, 990.0),
    (date(2023, 6, 30), 960.0, 1000.0),
)


def test_periods_are_measured_from_the_close_before_they_begin() -> None:
    found = {row["period"]: row for row in performance_table(YEARS).iter_rows(named=True)}
    assert found["1 day"]["price_return"] == pytest.approx(960 / 950 - 1)
    assert found["year to date"]["since"] == date(2022, 12, 30)
    assert found["year to date"]["price_return"] == pytest.approx(0.2)
    assert found["since inception"]["total_return"] == pytest.approx(0.0)


def test_a_period_without_a_close_near_its_beginning_is_left_empty() -> None:
    found = {row["period"]: row for row in performance_table(YEARS).iter_rows(named=True)}
    assert found["10 years"]["since"] is None
    assert found["month to date"]["price_return"] is None


def test_years_chain_and_parts_are_marked() -> None:
    found = calendar_years(YEARS)
    assert found["year"].to_list() == [2021, 2022, 2023]
    assert found["price_return"].to_list() == pytest.approx([0.0, -0.2, 0.2])
    assert found["is_whole"].to_list() == [False, True, False]


def test_the_deepest_drawdown_names_its_peak_and_trough() -> None:
    found = risk(YEARS)
    assert found.max_drawdown == pytest.approx(-0.18)
    assert (found.drawdown_from, found.drawdown_to) == (date(2021, 12, 31), date(2022, 12, 30))


def test_an_index_with_twice_the_moves_of_its_parent_has_beta_two() -> None:
    days = [date(2024, 1, day) for day in (2, 3, 4, 5, 8)]
    moves = [0.0, 0.01, -0.02, 0.03, 0.01]

    def levels(factor: float) -> pl.DataFrame:
        level, rows = 100.0, []
        for day, move in zip(days, moves, strict=True):
            level *= 1 + factor * move
            rows.append((day, level, level))
        return series(*rows)

    found = risk(levels(2.0), levels(1.0))
    assert found.beta == pytest.approx(2.0)
    # The daily difference is the parent's own move, so its deviation is the parent's.
    assert found.tracking_error == pytest.approx(risk(levels(1.0)).volatility)


def test_one_session_has_no_risk_figures() -> None:
    found = risk(YEARS.head(1), YEARS.head(1))
    assert (found.volatility, found.beta, found.tracking_error) == (None, None, None)
    assert found.max_drawdown == 0
