"""Why a company is where it is: the why-card of one symbol at one event.

Puts together what the tables hold about one company on the rank day: its lines,
each rule with the actual value and the threshold, rank, band, decision, and the
size at which the decision would have been another. The what-if itself is
`counterfactual`; the rules are the rulebook's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.queries.addressing import nothing_there
from r2k_pipeline.queries.counterfactual import Field, Placement, Switch
from r2k_pipeline.queries.doubts import doubt_of
from r2k_pipeline.queries.eligibility_card import RuleCheck, rule_checks
from r2k_pipeline.queries.lines import find_line
from r2k_pipeline.queries.reconstitution import breakpoints_of
from r2k_pipeline.queries.wording import segment_label, signed_percent, usd
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import event

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from r2k_pipeline.rulebook.rules import IndexRules
    from r2k_pipeline.rulebook.schedule import Event
    from r2k_pipeline.storage.store import Store

LINE_COLUMNS = (
    "symbol",
    "security_id",
    "exchange",
    "line_type",
    "close_usd",
    "volume_shares",
    "market_cap_usd",
    "is_eligible",
    "exclusion_reason",
)


@dataclass(frozen=True, kw_only=True)
class WhyCard:
    """Everything that decided one company's place at one event.

    Args:
        event: The event with its dates.
        symbol: The line that was asked for, as it was named on the rank day.
        company_id: The company.
        name: The line's name on the rank day, if the source gave one.
        lines: The company's lines on the rank day.
        rules: Each rule of eligibility asked of the line, in order.
        ranked: The company's row of `ranking` on the rank day, if it is ranked.
        boundaries: Contract `breakpoints` of the event.
        previous_segment: Its segment before the event; None is outside.
        segment: Its segment after the event; None is outside.
        decision: A value of `rulebook.reasons.MembershipDecision`, or `excluded`.
        reason: The decision in a sentence.
        counterfactuals: What would have changed the decision, in sentences.
    """

    event: Event
    symbol: str
    company_id: str
    name: str | None
    lines: pl.DataFrame
    rules: tuple[RuleCheck, ...]
    ranked: Mapping[str, object] | None
    boundaries: pl.DataFrame
    previous_segment: str | None
    segment: str | None
    decision: str
    reason: str
    counterfactuals: tuple[str, ...]


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
            the rank day; names close matches.
        MissingPartitionError: The rank day has no universe.
    """
    found = event(event_id)
    boundaries = breakpoints_of(store, event_id, known_at=known_at)
    universe = store.lake.scan("universe", start=found.rank_day, end=found.rank_day).collect()
    if universe.is_empty():
        days = store.lake.sessions("universe")
        raise nothing_there("universe", asked=[found.rank_day], available=days)
    line = find_line(store, universe, symbol, rank_day=found.rank_day)
    company_id = str(line["company_id"])
    decided = store.published.read(
        "reconstitution", event_id=event_id, known_at=known_at, where={"company_id": company_id}
    )
    ranking = store.lake.scan("ranking", start=found.rank_day, end=found.rank_day).collect()
    return card(
        found,
        line=line,
        lines=universe.filter(pl.col("company_id") == company_id),
        ranking=ranking,
        boundaries=boundaries,
        decided=decided,
        doubt=doubt_of(store, event_id, company_id),
    )


def card(
    event: Event,
    *,
    line: Mapping[str, object],
    lines: pl.DataFrame,
    ranking: pl.DataFrame,
    boundaries: pl.DataFrame,
    decided: pl.DataFrame,
    doubt: str | None = None,
) -> WhyCard:
    """Put the card together from frames.

    Args:
        event: The event with its dates.
        line: The `universe` row of the line asked for, on the rank day.
        lines: The `universe` rows of its company, on the rank day.
        ranking: Contract `ranking` on the rank day, every company.
        boundaries: Contract `breakpoints` of the event.
        decided: The company's row of `reconstitution`; empty if there is none.
        doubt: What the feed contradicts about it (`doubts.doubt_of`), if anything.
    """
    company_id = str(line["company_id"])
    rules = rules_in_force(event.rank_day)
    checks = rule_checks(line, rules=rules)
    own = ranking.filter(pl.col("company_id") == company_id)
    ranked = own.row(0, named=True) if own.height else None
    decision = decided.row(0, named=True) if decided.height else None
    previous = decision["previous_segment"] if decision else None
    segment = decision["segment"] if decision else None
    failed = next((check for check in checks if not check.is_passed), None)
    return WhyCard(
        event=event,
        symbol=str(line["symbol"]),
        company_id=company_id,
        name=None if line["name"] is None else str(line["name"]),
        lines=lines.select(LINE_COLUMNS),
        rules=checks,
        ranked=ranked,
        boundaries=boundaries,
        previous_segment=previous,
        segment=segment,
        decision=str(decision["decision"]) if decision else _undecided(ranked),
        reason=_reason(decision, doubt) or _no_decision(failed, ranked),
        counterfactuals=_counterfactuals(
            line,
            field_of(ranking.filter(pl.col("company_id") != company_id), boundaries, rules=rules),
            ranked=ranked,
            previous=previous,
        ),
    )


def _undecided(ranked: Mapping[str, object] | None) -> str:
    return "excluded" if ranked is None else "stays_out"


def _reason(decision: Mapping[str, object] | None, doubt: str | None) -> str:
    """The decision's sentence, and what was in doubt; empty if there is neither."""
    said = [str(decision["reason"])] if decision else []
    return " ".join([*said, doubt] if doubt else said)


def _no_decision(failed: RuleCheck | None, ranked: Mapping[str, object] | None) -> str:
    if ranked is not None:
        return f"It ranks {ranked['rank']}, below the last rank of the family, and was no member."
    if failed is not None:
        return f"Excluded on the rank day: {failed.sentence}"
    return "It is not in the ranking of the rank day, though every rule passes for this line."


def _counterfactuals(
    line: Mapping[str, object],
    field: Field,
    *,
    ranked: Mapping[str, object] | None,
    previous: str | None,
) -> tuple[str, ...]:
    """Phrase what would have changed the decision."""
    cap = ranked["total_market_cap_usd"] if ranked else line["market_cap_usd"]
    if not isinstance(cap, float) or cap <= 0:
        return ("Without a market capitalisation on the rank day it cannot be placed.",)
    if ranked is None:
        place = field.place(cap, previous_segment=previous)
        return (
            (
                f"Had it been eligible, its cap of {usd(cap)} would have ranked {place.rank}: "
                f"{segment_label(place.segment)}."
            ),
        )
    here = field.place(cap, previous_segment=previous)
    switches = field.switches(cap, previous_segment=previous)
    return tuple(_switch_sentence(switch, cap, here) for switch in switches) or (
        "No other size would have changed the decision.",
    )


def field_of(others: pl.DataFrame, boundaries: pl.DataFrame, *, rules: IndexRules) -> Field:
    """Set up the what-if from the other companies and the band in force.

    Args:
        others: Contract `ranking` without the company that is asked about.
        boundaries: Contract `breakpoints` of one event.
        rules: The rules in force on its rank day; gives the boundary ranks.
    """
    band = boundaries.drop_nulls(["lower_bound_share", "upper_bound_share"])
    width = (band["upper_bound_share"] - band["lower_bound_share"]).max() if band.height else 0.0
    return Field(
        others.get_column("total_market_cap_usd").to_list(),
        boundary_ranks=(rules.large_cap_count, rules.total_count, rules.extended_count),
        band_half_width=float(width) / 2 if isinstance(width, float) else 0.0,
    )


def _switch_sentence(switch: Switch, cap_usd: float, here: Placement) -> str:
    side = "above" if switch.is_above else "below"
    distance = signed_percent(switch.cap_usd / cap_usd - 1)
    return (
        f"It would have changed at a cap {side} {usd(switch.cap_usd)} ({distance} from its own, "
        f"all others as they were): {segment_label(switch.segment)} "
        f"instead of {segment_label(here.segment)}."
    )
