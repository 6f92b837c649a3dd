"""The why-card asked of a store: which company a symbol means, and what its card says.

How every kind of card reads is `reports/test_why_card`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import polars as pl
import pytest

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import polars_schema, require_shape
from r2k_pipeline.errors import BadInputError
from r2k_pipeline.methodology.departures import without_departed
from r2k_pipeline.queries.explain import WhyCard, card_inputs, counterfactuals, explain
from r2k_pipeline.queries.reconstitution import decisions_of
from r2k_pipeline.queries.why_cards import why_cards
from r2k_pipeline.rulebook.schedule import event

if TYPE_CHECKING:
    from r2k_pipeline.storage.store import Store


def failed_rules(card: WhyCard) -> list[str]:
    line = card.line()
    assert line is not None
    assert isinstance(line["rules"], list)
    return [check["rule"] for check in line["rules"] if check["verdict"] == "fail"]


def test_every_ranked_company_passes_every_rule_on_its_card(history: Store) -> None:
    for symbol in ("HOST", "C0500", "C2000", "RISE"):
        card = explain(history, symbol, "2022-06")
        assert failed_rules(card) == []
        assert card.card["rank"] is not None
        assert card.card["exclusion_reason"] is None


@pytest.mark.parametrize(
    ("symbol", "rule"),
    [
        ("PNNY", "price_below_minimum"),
        ("SPCX", "line_type"),
        ("FRGN", "foreign"),
        ("TINY", "cap_below_minimum"),
    ],
)
def test_an_excluded_symbol_says_which_rule_it_fails(
    history: Store, symbol: str, rule: str
) -> None:
    card = explain(history, symbol, "2022-06")
    assert card.card["decision"] == "excluded"
    assert card.card["rank"] is None
    assert failed_rules(card) == [rule]
    assert str(card.card["reason"]).startswith("Excluded on the rank day: ")
    assert card.counterfactuals[0].startswith("Had it been eligible")


def test_the_card_carries_the_verdicts_of_the_universe(history: Store) -> None:
    card = explain(history, "SPCX", "2022-06")
    day = card.event.rank_day
    universe = history.lake.scan("universe", start=day, end=day).collect()
    row = universe.filter(pl.col("symbol") == "SPCX").row(0, named=True)
    line = card.line()
    assert line is not None
    told = [line["exclusion_reason"], line["failed_rules"], line["unknown_rules"]]
    assert told == [row["exclusion_reason"], row["failed_rules"], row["unknown_rules"]]
    assert isinstance(line["rules"], list)
    unknown = [check["rule"] for check in line["rules"] if check["verdict"] == "unknown"]
    assert " ".join(unknown) == row["unknown_rules"]
    assert "Blank-cheque" in str(card.card["reason"])


def test_a_move_shows_both_segments_and_the_size_that_would_have_prevented_it(
    history: Store,
) -> None:
    card = explain(history, "RISE", "2022-06")
    told = card.card
    assert (told["previous_segment"], told["segment"]) == ("small", "large")
    assert told["decision"] == "moves_up"
    edge = next(edge for edge in card.rows("edges") if edge["edge"] == "1000")
    assert (edge["was_above"], edge["is_above"], edge["is_by_band"]) == (False, True, False)
    (sentence,) = card.counterfactuals
    assert sentence.startswith("With a cap below ")
    assert "small (R2000) instead of large (R1000)" in sentence


def test_the_edges_are_those_that_were_published(history: Store) -> None:
    published = history.published.read("breakpoints", event_id="2022-06")
    edges = {edge["edge"]: edge for edge in explain(history, "RISE", "2022-06").rows("edges")}
    for row in published.iter_rows(named=True):
        edge = edges[row["edge"]]
        assert edge["boundary_rank"] == row["boundary_rank"]
        for name in ("breakpoint_usd", "lower_bound_share", "upper_bound_share"):
            if row[name] is None:
                assert edge[name] is None
            else:
                assert edge[name] == pytest.approx(row[name], rel=1e-9)


def test_a_renamed_line_is_found_under_its_later_name(history: Store) -> None:
    later = explain(history, "NEWN", "2021-06")
    assert later.symbol == "OLDN"
    assert later.card["company_id"] == explain(history, "NEWN", "2022-06").card["company_id"]


def test_two_classes_are_one_company(history: Store) -> None:
    first, second = (explain(history, symbol, "2022-06") for symbol in ("DUOA", "DUOB"))
    assert first.card == second.card
    assert sorted(str(line["symbol"]) for line in first.rows("lines")) == ["DUOA", "DUOB"]
    asked = [card.line() for card in (first, second)]
    assert [line and line["symbol"] for line in asked] == ["DUOA", "DUOB"]


def test_a_member_that_is_listed_no_longer_is_explained_all_the_same(history: Store) -> None:
    card = explain(history, "GONE", "2022-06")
    assert card.card["decision"] == "leaves"
    assert (card.card["previous_segment"], card.card["segment"]) == ("large", None)
    assert (card.rows("lines"), card.rows("edges"), card.line()) == ([], [], None)
    assert card.counterfactuals == (
        "Without a market capitalisation on the rank day it cannot be placed.",
    )


def test_no_other_size_keeps_a_company_whose_last_line_ended_before_the_lists_were_final(
    history: Store,
) -> None:
    june = event("2022-06")
    inputs = card_inputs(
        history,
        june,
        universe=history.lake.scan("universe", start=june.rank_day, end=june.rank_day).collect(),
        decided=decisions_of(history, june.event_id),
        doubts=pl.DataFrame(schema={"company_id": pl.String, "sentence": pl.String}),
    )
    rises = str(explain(history, "RISE", "2022-06").card["company_id"])
    ended = pl.DataFrame({"company_id": [rises], "ended_session": [date(2022, 5, 20)]})
    gone = replace(inputs, decided=without_departed(inputs.decided, ended))
    before, card = (
        why_cards(given, company_ids=[rises]).row(0, named=True) for given in (inputs, gone)
    )
    assert before["falls_below_segment"] == "small"
    assert (card["decision"], card["segment"], card["would_be_segment"]) == ("leaves", None, None)
    assert list(counterfactuals(card)) == ["No other size would have changed the decision."]


def test_an_unknown_symbol_suggests_near_ones(history: Store) -> None:
    with pytest.raises(BadInputError, match="did you mean RISE"):
        explain(history, "RISEE", "2022-06")


def test_a_symbol_of_another_time_says_when_it_was_listed(history: Store) -> None:
    with pytest.raises(BadInputError, match="NEWB was not listed on the rank day 2021-05-07"):
        explain(history, "NEWB", "2021-06")


def test_the_cards_in_bulk_are_the_cards_one_by_one(history: Store) -> None:
    june = event("2022-06")
    cards = why_cards(
        card_inputs(
            history,
            june,
            universe=history.lake.scan(
                "universe", start=june.rank_day, end=june.rank_day
            ).collect(),
            decided=decisions_of(history, "2022-06"),
            doubts=pl.DataFrame(schema={"company_id": pl.String, "sentence": pl.String}),
        )
    )
    assert require_shape(contract("why_cards"), cards).schema == polars_schema(
        contract("why_cards")
    )
    told = {row["company_id"]: row for row in cards.iter_rows(named=True)}
    for symbol in ("RISE", "C1100", "SPCX", "GONE", "DUOA"):
        card = explain(history, symbol, "2022-06").card
        row = told[str(card["company_id"])]
        assert json.loads(row["card"]) == card
        flat = {name: value for name, value in row.items() if name not in ("card", "session")}
        assert {name: card[name] for name in flat} == flat
    listed = history.lake.scan("universe", start=june.rank_day, end=june.rank_day).collect()
    assert set(listed["company_id"]) <= set(cards["company_id"])
