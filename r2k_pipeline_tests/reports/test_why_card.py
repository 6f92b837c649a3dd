"""The why-card of every kind of company, word for word.

The golden text stands in `golden/why_cards.txt`, a card after the other, and was read by
eye: each says what the scenario of `why_card_cast` made of its company. After a change of
wording write it anew with `render_all` and read it again.
"""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from r2k_pipeline.queries.explain import WhyCard, counterfactuals
from r2k_pipeline.queries.why_cards import CardInputs, why_cards
from r2k_pipeline.reports.why_card import why_document, why_frame, why_parts
from r2k_pipeline_tests.queries.why_card_cast import CAST, card_inputs

GOLDEN = Path(__file__).parents[1] / "golden" / "why_cards.txt"
RULE = "=" * 96


@pytest.fixture(scope="module")
def inputs() -> CardInputs:
    return card_inputs()


@pytest.fixture(scope="module")
def cards(inputs: CardInputs) -> dict[str, WhyCard]:
    """The cards of the cast, by symbol."""
    ids = {symbol: f"C-{symbol[:3] if symbol[:3] in ('DUO', 'SEC') else symbol}" for symbol in CAST}
    made = why_cards(inputs, company_ids=list(ids.values()))
    told = {row["company_id"]: json.loads(row["card"]) for row in made.iter_rows(named=True)}
    return {
        symbol: WhyCard(
            event=inputs.event,
            symbol=symbol,
            card=told[company],
            counterfactuals=tuple(counterfactuals(told[company])),
        )
        for symbol, company in ids.items()
    }


def rendered(card: WhyCard) -> str:
    """The card as a terminal of 96 columns shows it."""
    console = Console(file=StringIO(), width=96, color_system=None, legacy_windows=False)
    for part in why_parts(card):
        console.print(part)
    shown = console.file.getvalue()  # type: ignore[attr-defined] # the StringIO above
    return "\n".join(line.rstrip() for line in str(shown).splitlines())


def render_all(cards: dict[str, WhyCard]) -> str:
    """All cards, as the golden file holds them."""
    return "\n".join(f"{RULE}\n{rendered(card)}" for card in cards.values()) + "\n"


def golden(symbol: str) -> str:
    cards = GOLDEN.read_text(encoding="utf-8").split(f"{RULE}\n")[1:]
    (found,) = [card for card in cards if card.startswith(f"{symbol} at ")]
    return found.rstrip("\n")


@pytest.mark.parametrize("symbol", CAST)
def test_a_card_reads_as_it_was_read_by_eye(cards: dict[str, WhyCard], symbol: str) -> None:
    assert rendered(cards[symbol]) == golden(symbol)


def test_the_golden_file_holds_the_cast_and_nobody_else(cards: dict[str, WhyCard]) -> None:
    assert GOLDEN.read_text(encoding="utf-8") == render_all(cards)


@pytest.mark.parametrize("symbol", CAST)
def test_rows_and_object_tell_the_same(cards: dict[str, WhyCard], symbol: str) -> None:
    card = cards[symbol]
    told = json.loads(why_document(card))
    rows = {(row[0], row[1]): row for row in why_frame(card).rows()}
    assert rows["decision", "decision"][2] == told["decision"]
    assert rows["decision", "decision"][-1] == told["reason"]
    edges = [row for row in why_frame(card).rows() if row[0] == "edge"]
    assert [row[1] for row in edges] == [f"#{edge['edge']}" for edge in told["edges"]]
    asked = [line for line in told["lines"] if line["symbol"] == symbol]
    verdicts = [row[4] for row in why_frame(card).rows() if row[0] == "rule"]
    assert verdicts == [check["verdict"] for line in asked for check in line["rules"]]
    assert told["counterfactuals"] == list(card.counterfactuals)
