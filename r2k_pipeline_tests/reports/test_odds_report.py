"""The page of migration odds: with a history and without, and inert whatever the feed says."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import polars as pl
import pytest

from r2k_pipeline.queries.proforma import Proforma, proforma
from r2k_pipeline.reports.event_terminal import odds_parts
from r2k_pipeline.reports.odds_report import odds_page
from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.store import open_store
from r2k_pipeline_tests.small_history import write_small_history

if TYPE_CHECKING:
    from collections.abc import Iterator

RELIABILITY = pl.DataFrame(
    {
        "boundary_rank": [1000, 1000, 3000],
        "companies": [40, 60, 20],
        "mean_probability": [0.1, 0.9, 0.5],
        "crossed_share": [0.15, 0.85, 0.5],
    },
    schema_overrides={"boundary_rank": pl.Int32},
)
BRIER = pl.DataFrame(
    {
        "boundary_rank": [1000],
        "is_upward": [True],
        "companies": [100],
        "crossed_share": [0.57],
        "brier": [0.098765432],
        "brier_as_it_is": [0.15],
        "brier_base_rate": [0.25],
    },
    schema_overrides={"boundary_rank": pl.Int32},
)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proforma]:
    settings = Settings(home=tmp_path_factory.mktemp("odds"))
    write_small_history(settings)
    with open_store(settings) as store:
        yield proforma(store, date(2022, 6, 30))


def judged(asked: Proforma) -> Proforma:
    return replace(asked, odds=replace(asked.odds, reliability=RELIABILITY, brier=BRIER))


def test_without_a_history_the_page_says_so_and_lists_who_is_open(asked: Proforma) -> None:
    html = odds_page(asked)
    assert "No history to judge by." in html
    assert "<svg" not in html
    assert "Open at rank 1000" in html
    assert "rank day of 2023-06" in html


def test_with_a_history_it_draws_reliability_and_tells_the_scores(asked: Proforma) -> None:
    html = odds_page(judged(asked))
    assert html.count("<svg") == 1
    assert "rank 1000" in html
    assert "rank 3000" in html
    assert "0.0988" in html
    assert "<script" not in html


def test_hostile_names_are_inert(asked: Proforma) -> None:
    words = "<img src=x onerror=alert(1)>"
    odds = asked.odds
    hostile = replace(odds, companies=odds.companies.with_columns(name=pl.lit(words)))
    html = odds_page(replace(asked, odds=hostile))
    assert "<img" not in html
    assert "&lt;img" in html


def test_the_terminal_says_when_and_from_what_the_odds_are(asked: Proforma) -> None:
    first = next(iter(odds_parts(asked.odds)))
    assert "The rank day of 2023-06 is 2023-04-28" in str(first)
    assert "no history to fit the odds to" in str(first)
    passed = replace(asked.odds, horizon_sessions=None)
    (only,) = odds_parts(passed)
    assert "it is decided" in str(only)
    parts = list(odds_parts(judged(asked).odds))
    assert len(parts) >= 3
