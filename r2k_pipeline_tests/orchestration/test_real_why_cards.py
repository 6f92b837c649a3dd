"""The why-cards of a dozen real companies in June 2022, from the listings beside the checkout.

What happened to them is public knowledge; no figure of a vendor is written down here. Read
by eye when written: each card gives the rule or the side of the edge that decided. How every
kind of card reads word for word is `reports/test_why_card`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl
import pytest

from r2k_pipeline.queries.explain import WhyCard, explain

if TYPE_CHECKING:
    from r2k_pipeline.storage.store import Store

pytestmark = pytest.mark.slow

EVENT = "2022-06"

# Symbol, what it stands for, decision, segment before, segment after.
DECIDED = (
    ("AAPL", "a member by rank", "stays_by_rank", "large", "large"),
    ("MUR", "small, ranked large and held by the band", "stays_by_band", "small", "small"),
    ("FLS", "large, ranked small and held by the band", "stays_by_band", "large", "large"),
    ("AR", "promoted beyond the band", "moves_up", "small", "large"),
    ("FL", "demoted beyond the band", "moves_down", "large", "small"),
    ("GOOG", "a company of two classes", "stays_by_rank", "large", "large"),
    ("BIO/B", "a class that trades too little to stand apart", "stays_by_rank", "large", "large"),
    ("RIVN", "an IPO, added in December 2021", "stays_by_rank", "large", "large"),
    ("CLVS", "a member below $1 whose mean was above it", "moves_down", "small", "micro"),
    ("IDEX", "a member below $1 whose mean was below it too", "leaves", "small", None),
    ("PSTH", "a blank-cheque company", "excluded", None, None),
    ("TSM", "a foreign company", "excluded", None, None),
    ("SNAP", "a company without public votes", "excluded", None, None),
    ("XLNX", "merged before the rank day", "leaves", "large", None),
    ("ZNGA", "merged between the rank day and the lock-down", "leaves", "large", None),
)  # fmt: skip
FAILED = {
    "BIO/B": ["secondary_class"],
    "IDEX": ["price_below_minimum"],
    "PSTH": ["line_type"],
    "TSM": ["foreign"],
    "SNAP": ["votes_below_minimum"],
}
SAID = {
    "MUR": "The band keeps it where its rank alone would not.",
    "FLS": "The band keeps it where its rank alone would not.",
    "AR": "Its rank moves it to a segment of larger companies.",
    "FL": "Its rank moves it to a segment of smaller companies.",
    "IDEX": "leaves: The close is below the minimum price.",
    "PSTH": "Excluded on the rank day: Blank-cheque companies are not eligible.",
    "TSM": "Excluded on the rank day: The company does not count as a United States company.",
    "SNAP": "Excluded on the rank day: Too few of the votes are in public hands.",
    "XLNX": "leaves: no line of the company is listed on rank day",
    "ZNGA": "leaves: its last line ended on 2022-05-23",
}


def checks(card: WhyCard, verdict: str) -> list[str]:
    """The rules of the line asked for that came out so."""
    line = card.line()
    rules = line["rules"] if line else []
    assert isinstance(rules, list)
    return [check["rule"] for check in rules if check["verdict"] == verdict]


def edge(card: WhyCard, key: str = "1000") -> dict[str, object]:
    (found,) = [dict(row) for row in card.rows("edges") if row["edge"] == key]
    return found


@pytest.mark.parametrize(
    ("symbol", "kind", "decision", "before", "after"), DECIDED, ids=[row[0] for row in DECIDED]
)
def test_a_real_company_is_where_its_card_says(
    real_junes: Store, symbol: str, kind: str, decision: str, before: str | None, after: str | None
) -> None:
    card = explain(real_junes, symbol, EVENT)
    told = (card.card["decision"], card.card["previous_segment"], card.card["segment"])
    assert told == (decision, before, after), kind
    assert checks(card, "fail") == FAILED.get(symbol, []), kind
    assert str(card.card["reason"]).startswith(SAID.get(symbol, "")), kind
    assert card.counterfactuals


def test_the_band_holds_one_from_below_and_one_from_above(real_junes: Store) -> None:
    held, kept = (edge(explain(real_junes, symbol, EVENT)) for symbol in ("MUR", "FLS"))
    assert (held["was_above"], held["is_above"], held["is_by_band"]) == (False, False, True)
    assert (kept["was_above"], kept["is_above"], kept["is_by_band"]) == (True, True, True)


def test_a_promoted_company_says_below_which_size_it_would_have_stayed(real_junes: Store) -> None:
    card = explain(real_junes, "AR", EVENT)
    own, at = card.card["total_market_cap_usd"], card.card["falls_below_usd"]
    assert isinstance(own, float)
    assert isinstance(at, float)
    published = real_junes.published.read("breakpoints", event_id=EVENT)
    large = published.filter(pl.col("edge") == "1000").row(0, named=True)
    # A small company rises only above the band, whose upper end is far above the breakpoint.
    assert large["breakpoint_usd"] < at < own
    assert "small (R2000) instead of large (R1000)" in card.counterfactuals[0]


def test_a_mean_of_the_days_before_lets_a_member_pass(real_junes: Store) -> None:
    card = explain(real_junes, "CLVS", EVENT)
    line = card.line()
    assert line is not None
    assert line["failed_rules"] == "price_below_minimum"
    assert isinstance(line["rules"], list)
    (price,) = [check for check in line["rules"] if check["rule"] == "price_below_minimum"]
    assert price["verdict"] == "pass"
    assert price["actual_value"] < price["threshold_value"]
    assert price["sentence"].startswith("A member passes: its mean close of the 30 days before")


def test_what_happened_between_the_events_is_told(real_junes: Store) -> None:
    told = {
        symbol: " ".join(
            str(row["sentence"]) for row in explain(real_junes, symbol, EVENT).rows("between")
        )
        for symbol in ("RIVN", "XLNX", "ZNGA")
    }
    assert "It was first listed, as RIVN." in told["RIVN"]
    assert "XLNX was listed no longer." in told["XLNX"]
    assert "ZNGA was listed no longer." in told["ZNGA"]


def test_the_cards_in_bulk_tell_the_same(real_junes: Store) -> None:
    day = explain(real_junes, "AAPL", EVENT).event.rank_day
    cards = real_junes.lake.scan("why_cards", start=day, end=day).collect()
    assert cards.height > 6000
    for symbol in ("MUR", "CLVS", "SNAP", "XLNX"):
        card = explain(real_junes, symbol, EVENT).card
        (row,) = cards.filter(pl.col("company_id") == card["company_id"])["card"].to_list()
        assert json.loads(row) == card


def test_every_excluded_company_fails_a_rule(real_junes: Store) -> None:
    day = explain(real_junes, "AAPL", EVENT).event.rank_day
    universe = real_junes.lake.scan("universe", start=day, end=day).collect()
    cards = real_junes.lake.scan("why_cards", start=day, end=day).collect()
    excluded = cards.filter(pl.col("decision") == "excluded")
    left_out = universe.filter(~pl.col("is_eligible"))["company_id"].unique()
    assert set(excluded["company_id"]) <= set(left_out)
    assert excluded["failed_rules"].null_count() == 0
