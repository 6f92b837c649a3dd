"""Why a company is where it is: the why-card of one symbol at one event.

Reads what the tables hold about one company at one event, has its card made as all cards
are (`why_cards`), and puts the what-if into sentences. How a card looks is `reports`'.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import BadInputError
from r2k_pipeline.queries.addressing import nothing_there
from r2k_pipeline.queries.between_events import changes_between, joined_between
from r2k_pipeline.queries.doubts import lake_reader, rank_day_of, told_doubts
from r2k_pipeline.queries.lines import find_line, spellings
from r2k_pipeline.queries.reconstitution import decisions_of
from r2k_pipeline.queries.why_cards import CardInputs, why_cards
from r2k_pipeline.queries.wording import segment_label, signed_percent, usd
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import all_events, event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from r2k_pipeline.rulebook.schedule import Event
    from r2k_pipeline.storage.store import Store


@dataclass(frozen=True, kw_only=True)
class WhyCard:
    """Everything that decided one company's place at one event.

    Args:
        event: The event with its dates.
        symbol: The line that was asked for, as it was named on the rank day; the
            company's last one, if it was not listed then.
        card: The company's card: the columns of contract `why_cards`, and the lists
            `lines` (each with its `rules`), `edges` and `between`.
        counterfactuals: What would have changed the decision, in sentences.
    """

    event: Event
    symbol: str
    card: Mapping[str, object]
    counterfactuals: tuple[str, ...]

    def rows(self, of: str) -> Sequence[Mapping[str, object]]:
        """One of the card's lists: `lines`, `edges` or `between`."""
        found = self.card[of]
        return found if isinstance(found, list) else []

    def line(self) -> Mapping[str, object] | None:
        """The line that was asked for; None if the company was not listed on the rank day."""
        lines = self.rows("lines")
        return next((line for line in lines if line["symbol"] == self.symbol), None)


def explain(
    store: Store, symbol: str, event_id: str, *, known_at: datetime | None = None
) -> WhyCard:
    """Explain the place of one symbol's company at one event.

    Args:
        store: The open store.
        symbol: A ticker as it was on the rank day, or as it is in `securities`.
        event_id: The event's key, for example `2022-06`.
        known_at: Read decisions as published at that moment (UTC); None is now.

    Raises:
        UnknownEventError: The schedule has no such event.
        BadInputError: The event is not built, or no such symbol was listed on
            the rank day or was a member before; names close matches.
        MissingPartitionError: The rank day has no universe.
    """
    found = event(event_id)
    decided = decisions_of(store, event_id, known_at=known_at)
    day = rank_day_of(store, found, read=lake_reader(store))
    universe = day.universe
    if universe.is_empty():
        days = store.lake.sessions("universe")
        raise nothing_there("universe", asked=[found.rank_day], available=days)
    company_id, named = _company(store, symbol, universe, decided, found)
    doubts = told_doubts(day.doubts)
    inputs = card_inputs(
        store, found, universe=universe, decided=decided, doubts=doubts, known_at=known_at
    )
    row = why_cards(inputs, company_ids=[company_id]).row(0, named=True)
    card = json.loads(row["card"])
    return WhyCard(
        event=found, symbol=named, card=card, counterfactuals=tuple(counterfactuals(card))
    )


def card_inputs(
    store: Store,
    event: Event,
    *,
    universe: pl.DataFrame,
    decided: pl.DataFrame,
    doubts: pl.DataFrame,
    known_at: datetime | None = None,
) -> CardInputs:
    """Read the rest of what the cards of an event are made of.

    Args:
        store: The open store.
        event: The event.
        universe: Contract `universe` of its rank day, doubts settled.
        decided: Contract `reconstitution` of the event.
        doubts: As `CardInputs` has them.
        known_at: Read the event before as published at that moment; None is now.
    """
    placed, added = _edges_before(store, event, known_at=known_at)
    told = changes_between(store, event)
    return CardInputs(
        event=event,
        rules=rules_in_force(event.rank_day),
        family=store.family,
        universe=universe,
        decided=decided,
        before=pl.concat([placed, added]).unique("company_id", keep="first"),
        between=pl.concat([told, joined_between(decided, placed, told)]),
        doubts=doubts,
    )


def _edges_before(
    store: Store, event: Event, *, known_at: datetime | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Above which edges companies were by the event before, and by reviews since."""
    events = all_events()
    position = events.index(event)
    before = {"event_id": events[position - 1].event_id if position else ""}
    placed, added = (
        store.published.read(table, known_at=known_at, where=before)
        .drop_nulls("segment")
        .select("company_id", "edges_above")
        for table in ("reconstitution", "maintenance")
    )
    return placed, added


def _company(
    store: Store, symbol: str, universe: pl.DataFrame, decided: pl.DataFrame, event: Event
) -> tuple[str, str]:
    """The company that a symbol means, and its line's name on the rank day.

    A member that was listed no longer on the rank day is found by its last symbol.
    """
    try:
        line = find_line(store, universe, symbol, rank_day=event.rank_day)
    except BadInputError:
        gone = decided.filter(pl.col("rank").is_null())
        left = gone.filter(pl.col("symbol").is_in(spellings(symbol)))
        if left.is_empty():
            raise
        return str(left["company_id"][0]), str(left["symbol"][0])
    return str(line["company_id"]), str(line["symbol"])


def counterfactuals(card: Mapping[str, object]) -> Iterator[str]:
    """Phrase what would have changed a decision.

    Args:
        card: A row of contract `why_cards`, as a mapping.

    Example:
        >>> list(counterfactuals({
        ...     "total_market_cap_usd": 4e8, "rank": None, "would_rank": 2500,
        ...     "would_be_segment": "small", "decision": "excluded",
        ... }))
        ['Had it been eligible, its cap of $400.0 m would have ranked 2,500: small (R2000).']
    """
    cap = card["total_market_cap_usd"]
    if not isinstance(cap, float) or cap <= 0:
        yield "Without a market capitalisation on the rank day it cannot be placed."
        return
    if card["rank"] is None:
        would = card["would_be_segment"]
        yield (
            f"Had it been eligible, its cap of {usd(cap)} would have ranked "
            f"{card['would_rank']:,}: {segment_label(None if would is None else str(would))}."
        )
        return
    found = [_switch(card, cap, "rises_above"), _switch(card, cap, "falls_below")]
    told = [sentence for sentence in found if sentence is not None]
    yield from told or ["No other size would have changed the decision."]


def _switch(card: Mapping[str, object], cap: float, side: str) -> str | None:
    """One of the two sizes at which the segment would have been another."""
    at, rank, own = card[f"{side}_usd"], card[f"{side}_rank"], card["rank"]
    if not isinstance(at, float) or not isinstance(rank, int) or not isinstance(own, int):
        return None
    before, after = (
        segment_label(None if name is None else str(name))
        for name in (card["segment"], card[f"{side}_segment"])
    )
    word = "above" if side == "rises_above" else "below"
    places = f"{abs(own - rank):,} places {'up' if rank <= own else 'down'}"
    return (
        f"With a cap {word} {usd(at)} ({signed_percent(at / cap - 1)}; rank {rank:,}, {places}), "
        f"all others as they were, it would have been {after} instead of {before}."
    )
