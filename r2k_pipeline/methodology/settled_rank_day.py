"""A rank day as its event sees it: the doubts that are settled, and everybody ranked again.

1. The line that speaks for a settled company gets the cap and the close that it is
   taken with, beside those that were received, and the rule and evidence of a repair.
2. The rules that read them are asked again: it may be too small or too cheap.
3. If it passes, the day is ranked again, as any day is (`ranking`).

The tables `universe` and `ranking` stay as each session's own close gave them. Which
doubts are settled, and by what, is `doubtful_candidates`' to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.doubtful_candidates import CandidateState
from r2k_pipeline.methodology.eligibility import ELIGIBILITY_RULES
from r2k_pipeline.methodology.later_sessions import has_doubted_close
from r2k_pipeline.methodology.ranking import rank_companies
from r2k_pipeline.rulebook.reasons import ExclusionReason, RepairRule

if TYPE_CHECKING:
    from r2k_pipeline.rulebook.rules import IndexRules

# What a line in doubt may fail besides for its values, in the order of the table.
_ASKED_AGAIN = tuple(
    rule
    for rule in ELIGIBILITY_RULES
    if rule.name in {ExclusionReason.PRICE_BELOW_MINIMUM, ExclusionReason.CAP_BELOW_MINIMUM}
)
_RULES = {
    CandidateState.SETTLED_LATER.value: RepairRule.SETTLED_LATER.value,
    CandidateState.SIZE_ASSUMED.value: RepairRule.SIZE_ASSUMED.value,
}


@dataclass(frozen=True, kw_only=True)
class RankDay:
    """What an event is decided on.

    Attributes:
        universe: Contract `universe` of the rank day, settled lines with their values.
        ranking: Contract `ranking` of the rank day, with the companies settled.
        doubts: What `doubtful_candidates` returns.
    """

    universe: pl.DataFrame
    ranking: pl.DataFrame
    doubts: pl.DataFrame


def settled_rank_day(
    universe: pl.DataFrame, ranking: pl.DataFrame, doubts: pl.DataFrame, *, rules: IndexRules
) -> RankDay:
    """Put the companies whose doubt is settled into a rank day.

    Args:
        universe: Contract `universe` of the rank day.
        ranking: Contract `ranking` of the rank day.
        doubts: What `doubtful_candidates` returns for it.
        rules: The rules in force on it.

    Returns:
        The day. Universe and ranking are the very same if nothing is settled; if a
        settled line fails a rule, it stays out and says which.

    Notes:
        Of a company of several lines one speaks. Look-ahead: that of `doubts`.

    Example:
        HAL has a cap again on a later session, and becomes the second of two.

        >>> from datetime import date
        >>> from r2k_pipeline.contracts.load import contract
        >>> from r2k_pipeline.contracts.polars_shape import polars_schema
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> day, rules = date(2022, 5, 6), rules_in_force(date(2022, 5, 6))
        >>> lines = [
        ...     {"session": day, "security_id": f"S-{name}", "company_id": f"C-{name}",
        ...      "symbol": name, "close_usd": 20.0, "market_cap_usd": cap,
        ...      "is_eligible": cap is not None, "failed_rules": failed}
        ...     for name, cap, failed in (("BIG", 9e9, None), ("HAL", None, "no_market_cap"))
        ... ]
        >>> universe = pl.DataFrame(lines, schema=polars_schema(contract("universe")))
        >>> doubts = pl.DataFrame({
        ...     "security_id": ["S-HAL"], "state": ["settled_later"], "taken_usd": [2e9],
        ...     "taken_close_usd": [20.0], "taken_shares": [1e8],
        ...     "sentence": ["HAL (no_market_cap): settled on 2022-05-11"],
        ... })
        >>> settled = settled_rank_day(
        ...     universe, rank_companies(universe, rules=rules), doubts, rules=rules)
        >>> settled.ranking.select("symbol", "rank", "total_market_cap_usd").rows()
        [('BIG', 1, 9000000000.0), ('HAL', 2, 2000000000.0)]
    """
    taken = doubts.filter(pl.col("taken_usd").is_not_null())
    if taken.is_empty():
        return RankDay(universe=universe, ranking=ranking, doubts=doubts)
    settled = _settled(universe, taken, rules)
    return RankDay(universe=settled, ranking=rank_companies(settled, rules=rules), doubts=doubts)


def _settled(universe: pl.DataFrame, taken: pl.DataFrame, rules: IndexRules) -> pl.DataFrame:
    """The lines of the day, in their order, with the values that some are taken with."""
    values = taken.select(
        "security_id", "taken_usd", "taken_close_usd", "taken_shares", "sentence",
        rule=pl.col("state").replace_strict(_RULES, return_dtype=pl.String),
    )  # fmt: skip
    joined = universe.join(
        values, on="security_id", how="left", maintain_order="left"
    ).with_columns(is_taken=pl.col("taken_usd").is_not_null())
    received_cap = pl.when(pl.col("market_cap_usd") > 0).then("market_cap_usd")
    valued = joined.with_columns(
        _if_taken("taken_close_usd", "close_usd"),
        _if_taken("taken_usd", "market_cap_usd"),
        _if_taken("taken_shares", "line_shares"),
        _if_taken("rule", "repair_rule"),
        _if_taken("sentence", "repair_evidence"),
        _if_taken(pl.col("taken_usd") / pl.col("taken_close_usd"), "total_shares"),
        _if_taken(pl.coalesce("raw_market_cap_usd", received_cap), "raw_market_cap_usd"),
        _if_taken(pl.when(has_doubted_close()).then("close_usd"), "raw_close_usd"),
    )
    return _judged_again(valued, rules).select(universe.columns)


def _judged_again(lines: pl.DataFrame, rules: IndexRules) -> pl.DataFrame:
    """Taken lines with the verdicts of the rules that read what they are taken with."""
    failures = [
        pl.when(~rule.is_passed(rules)).then(pl.lit(str(rule.name))) for rule in _ASKED_AGAIN
    ]
    failed = pl.concat_str(failures, separator=" ", ignore_nulls=True)
    is_answered = pl.element().is_in([str(rule.name) for rule in _ASKED_AGAIN])
    unknown = pl.col("unknown_rules").str.split(" ").list.eval(pl.element().filter(~is_answered))
    return lines.with_columns(
        _if_taken(pl.when(failed != "").then(failed), "failed_rules"),
        _if_taken(pl.coalesce(*failures), "exclusion_reason"),
        _if_taken(pl.when(unknown.list.len() > 0).then(unknown.list.join(" ")), "unknown_rules"),
        _if_taken(failed == "", "is_eligible"),
    )


def _if_taken(value: pl.Expr | str, column: str) -> pl.Expr:
    return pl.when("is_taken").then(value).otherwise(column).alias(column)
