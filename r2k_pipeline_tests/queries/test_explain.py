"""The why-card: rules, rank, decision and what would have changed it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from r2k_pipeline.errors import BadInputError
from r2k_pipeline.queries.explain import WhyCard, explain

if TYPE_CHECKING:
    from r2k_pipeline.storage.store import Store


def failed_rules(card: WhyCard) -> list[str]:
    return [check.rule for check in card.rules if not check.is_passed]


def test_every_ranked_company_passes_every_rule_on_its_card(history: Store) -> None:
    for symbol in ("HOST", "C0500", "C2000", "RISE"):
        card = explain(history, symbol, "2022-06")
        assert failed_rules(card) == []
        assert card.ranked is not None


@pytest.mark.parametrize(
    ("symbol", "rule"),
    [
        ("PNNY", "close"),
        ("SPCX", "type of line"),
        ("FRGN", "home country"),
        ("TINY", "total market cap"),
    ],
)
def test_an_excluded_symbol_says_which_rule_it_fails(
    history: Store, symbol: str, rule: str
) -> None:
    card = explain(history, symbol, "2022-06")
    assert card.decision == "excluded"
    assert card.ranked is None
    assert failed_rules(card) == [rule]
    assert card.reason.startswith("Excluded on the rank day: ")
    assert card.counterfactuals[0].startswith("Had it been eligible")


def test_the_card_agrees_with_the_universe_on_what_excludes(history: Store) -> None:
    card = explain(history, "SPCX", "2022-06")
    universe = history.lake.scan(
        "universe", start=card.event.rank_day, end=card.event.rank_day
    ).filter(pl.col("symbol") == "SPCX")
    assert universe.collect()["exclusion_reason"].item() == "spac"
    assert "Blank-cheque" in card.reason


def test_a_move_shows_both_segments_and_the_size_that_would_have_prevented_it(
    history: Store,
) -> None:
    card = explain(history, "RISE", "2022-06")
    assert (card.previous_segment, card.segment, card.decision) == ("small", "large", "moves_up")
    band = card.boundaries.filter(pl.col("boundary_rank") == 1000).row(0, named=True)
    assert band["is_banded"]
    (sentence,) = card.counterfactuals
    assert "below" in sentence
    assert "small (R2000) instead of large (R1000)" in sentence


def test_a_renamed_line_is_found_under_its_later_name(history: Store) -> None:
    later = explain(history, "NEWN", "2021-06")
    assert later.symbol == "OLDN"
    assert later.company_id == explain(history, "NEWN", "2022-06").company_id


def test_two_classes_are_one_company(history: Store) -> None:
    first, second = (explain(history, symbol, "2022-06") for symbol in ("DUOA", "DUOB"))
    assert first.company_id == second.company_id
    assert sorted(first.lines["symbol"]) == ["DUOA", "DUOB"]
    assert first.ranked == second.ranked


def test_an_unknown_symbol_suggests_near_ones(history: Store) -> None:
    with pytest.raises(BadInputError, match="did you mean RISE"):
        explain(history, "RISEE", "2022-06")


def test_a_symbol_of_another_time_says_when_it_was_listed(history: Store) -> None:
    with pytest.raises(BadInputError, match="NEWB was not listed on the rank day 2021-05-07"):
        explain(history, "NEWB", "2021-06")
