"""4b: what changes in the value of each line between a close and the next open, and why.

1. Lines held on the eve are compared with those held on the session, at the adjusted
   closes: shares, prices by special dividends and the like, who joined, who left.
2. Each change has one cause: an action of the line where there is one, else the event,
   else an addition, a deletion or an update of shares.
3. What is left unexplained below rounding is no change.

Splits change shares and prices alike and so never appear. How changes of lines add up to
the ledger of an index is `divisors`; what an action does to a line is `action_treatment`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from r2k_pipeline.methodology.action_outcomes import with_all_terms
from r2k_pipeline.methodology.action_treatment import (
    APPLICATION_ORDER,
    Adjustment,
    treatment_of,
)
from r2k_pipeline.methodology.line_adjustments import line_adjustments
from r2k_pipeline.methodology.market_values import exact_sum
from r2k_pipeline.rulebook.action_types import (
    ENDINGS,
    ActionOutcome,
    ActionType,
    LedgerCause,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

HELD, STAYS, LEAVES, ENTERS = "held", "stays", "leaves", "enters"
"""Whom a change concerns: an index that held the line on the eve; one that holds it before and
after; one that held it and does so no longer; one that holds it only now."""

# Values that differ by less than this have only passed through a split and back.
_NOISE = 1e-9
_KEY = ["session", "security_id"]
_CHANGES = {
    "session": pl.Date,
    "security_id": pl.String,
    "indexes_before": pl.String,
    "indexes": pl.String,
    "scope": pl.String,
    "cause": pl.String,
    "change_usd": pl.Float64,
    "label": pl.String,
}
_LEAVING = [*ENDINGS, ActionType.TENDER_OFFER.value]
_LINKING = [ActionType.STOCK_MERGER.value, ActionType.TENDER_OFFER.value]
_OPTIONAL = {"joined_by": pl.String, "status": pl.String}
# What of the eve is looked at besides values and indexes, and how it is called.
_BEFORE = {
    "symbol_before": "symbol",
    "joined_before": "joined_by",
    "status_before": "status",
    "close_before_usd": "close_usd",
    "shares_before": "index_shares",
}


def line_changes(lines: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Compare the lines of each session with those of the session before.

    Args:
        lines: Contract `constituents` over consecutive sessions. Read: `session`,
            `security_id`, `symbol`, `indexes`, `event_id`, `close_usd`,
            `previous_close_usd`, `index_shares`, `market_value_usd`, `joined_by`,
            `status` (the last two may be missing).
        actions: Contract `corporate_actions` over the same sessions.

    Returns:
        `session`, `security_id`, `indexes_before` (null: the line was no member),
        `indexes` (null: it is none), `scope` (whom it concerns: `held`, `stays`, `leaves`,
        `enters`), `cause` (a value of `LedgerCause`), `change_usd` (USD, at the adjusted
        closes) and `label` (kind and symbol of the action; null where a whole event, a
        review or a reset of weights is behind it). The first session has none.

    Notes:
        No row uses a later session.

    Example:
        A special dividend of 2 on 100 shares of ACE; BOLT is gone without a word.

        >>> from datetime import date
        >>> days = [date(2024, 7, 1), date(2024, 7, 2)]
        >>> lines = pl.DataFrame({
        ...     "session": [days[0], days[0], days[1]], "security_id": ["ACE", "BOLT", "ACE"],
        ...     "symbol": ["ACE", "BOLT", "ACE"], "indexes": "r2000", "event_id": "2024-06",
        ...     "close_usd": [20.0, 10.0, 18.5], "previous_close_usd": [19.0, 10.0, 18.0],
        ...     "index_shares": 100.0, "market_value_usd": [2000.0, 1000.0, 1850.0],
        ... })
        >>> actions = pl.DataFrame({
        ...     "session": days[1:], "security_id": ["ACE"], "action_type": ["special_dividend"],
        ...     "amount_usd": [2.0]})
        >>> for row in line_changes(lines, actions).select("cause", "change_usd", "label").rows():
        ...     print(*row)
        deletion -1000.0 silence BOLT
        special_dividend -200.0 special_dividend ACE
    """
    told = with_all_terms(actions)
    adjustments = line_adjustments(told, lines.select(*_KEY, "close_usd"))
    linking = told.filter(pl.col("action_type").is_in(_LINKING))["security_id"]
    both = _side_by_side(lines, pl.concat([adjustments["security_id"], linking]).unique())
    moved = _by_actions(both, adjustments)
    explained = moved.group_by(_KEY, maintain_order=True).agg(
        exact_sum("change_usd").alias("explained_usd")
    )
    left = both.join(explained, on=_KEY, how="left").with_columns(
        adjusted_usd=pl.col("before_usd") + pl.col("explained_usd").fill_null(0.0)
    )
    parts = [
        moved,
        _leaving(left, told),
        _entering(left),
        _moving(left),
        _remaining(left, told),
    ]
    return pl.concat(part.select(_CHANGES.keys()) for part in parts).sort(
        "session", "cause", "security_id", "scope"
    )


def _side_by_side(lines: pl.DataFrame, acting: pl.Series) -> pl.DataFrame:
    """Lines that are worth something else than on the eve, or act, with both sides."""
    unsaid = {name: kind for name, kind in _OPTIONAL.items() if name not in lines.columns}
    rows = lines.with_columns(pl.lit(None, kind).alias(name) for name, kind in unsaid.items())
    days = rows.group_by("session").agg(pl.col("event_id").drop_nulls().first()).sort("session")
    days = days.with_row_index("day").with_columns(
        pl.col("day").cast(pl.Int64),
        eve=pl.col("session").shift(),
        is_event=(pl.col("event_id") != pl.col("event_id").shift()).fill_null(value=False),
    )
    ids = rows["security_id"].unique().sort().to_frame().with_row_index("line")
    # One number a line and session, growing by the number of lines a session: neighbours are
    # found fast.
    step = max(ids.height, 1)
    numbered = (
        rows.join(days.select("session", "day"), on="session")
        .join(ids, on="security_id")
        .with_columns(number=pl.col("day") * step + pl.col("line"))
    )
    held = numbered.filter(pl.col("day") < days.height - 1).with_columns(pl.col("number") + step)
    now = numbered.filter(pl.col("day") > 0)
    return (
        _changed(held, now, acting)
        .join(held.select("number", **_BEFORE), on="number", how="left")
        .join(now.select("number", "symbol", "joined_by"), on="number", how="left")
        .with_columns(day=pl.col("number") // step, line=(pl.col("number") % step).cast(pl.UInt32))
        .join(days.select("day", "session", "eve", "is_event"), on="day")
        .join(ids, on="line")
        .with_columns(symbol=pl.coalesce("symbol_before", "symbol"))
    )


def _changed(held: pl.DataFrame, now: pl.DataFrame, acting: pl.Series) -> pl.DataFrame:
    """Values and indexes of the lines of both sides that are to be looked at."""
    before, after = pl.col("before_usd"), pl.col("after_usd")
    both = now.select(
        "number",
        "indexes",
        "security_id",
        after_usd=pl.col("previous_close_usd") * pl.col("index_shares"),
    ).join(
        held.select("number", indexes_before="indexes", before_usd="market_value_usd"),
        on="number",
        how="full",
        coalesce=True,
    )
    is_same = (pl.col("indexes") == pl.col("indexes_before")) & (
        (after - before).abs() <= _NOISE * before.abs()
    )
    looked_at = ~is_same.fill_null(value=False) | pl.col("security_id").is_in(acting.implode())
    return both.filter(looked_at).drop("security_id")


def _by_actions(both: pl.DataFrame, adjustments: pl.DataFrame) -> pl.DataFrame:
    """What actions with a cause did to lines that were held on the eve and still are."""
    rows = adjustments.join(
        both.filter(pl.col("before_usd").is_not_null() & pl.col("after_usd").is_not_null()),
        on=_KEY,
        how="inner",
        maintain_order="left",
    )
    groups = rows.partition_by(_KEY, maintain_order=True)
    found = [row for group in groups for row in _steps(group)]
    return pl.DataFrame(found, schema=_CHANGES, orient="row")


def _steps(group: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """One line on one session, action after action."""
    first = group.row(0, named=True)
    close, shares = first["close_before_usd"], first["shares_before"]
    for step in group.iter_rows(named=True):
        does = Adjustment(
            deduction_usd=step["deduction_usd"],
            price_divisor=step["price_divisor"],
            share_factor=step["share_factor"],
        )
        before = close * shares
        close, shares = does.adjusted_close(close), shares * does.share_factor
        if step["cause"] is not None:
            yield {name: step[name] for name in _CHANGES if name in step} | {
                "scope": HELD,
                "change_usd": close * shares - before,
                "label": f"{step['action_type']} {step['symbol']}",
            }


def _leaving(both: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Lines that are no members any more."""
    gone = both.filter(pl.col("after_usd").is_null())
    ended = actions.filter(pl.col("action_type").is_in(_LEAVING)).select(
        "security_id", "action_type", ended="session"
    )
    # A line that was held at its removal price left after the session of its action.
    told = (
        gone.select(*_KEY, "eve")
        .join(ended, on="security_id")
        .filter((pl.col("ended") == pl.col("session")) | (pl.col("ended") == pl.col("eve")))
        # Of two of one session the one that ended it (`leaving_lines`); an offer may not have.
        .sort(*_KEY, "ended", _place_of_ending(), descending=[False, False, True, False])
        .unique(_KEY, keep="first", maintain_order=True)
        .select(*_KEY, "action_type")
    )
    is_given_up = pl.col("status_before") == "synthetic"
    kind = pl.coalesce("action_type", pl.when(is_given_up).then(pl.lit(ActionType.HALT.value)))
    causes = {row.value: treatment_of(row).cause for row in ActionType}
    by_action = pl.col("kind").replace_strict(
        {name: cause.value for name, cause in causes.items() if cause is not None},
        default=None,
        return_dtype=pl.String,
    )
    silence = pl.coalesce("joined_before", pl.lit("silence"))
    return (
        gone.join(told, on=_KEY, how="left")
        .with_columns(kind=kind)
        .with_columns(
            scope=pl.lit(LEAVES),
            change_usd=-pl.col("before_usd"),
            cause=pl.coalesce(by_action, _otherwise(LedgerCause.DELETION)),
            label=pl.when(pl.col("kind").is_not_null() | ~pl.col("is_event")).then(
                pl.format("{} {}", pl.coalesce("kind", silence), "symbol")
            ),
        )
    )


def _place_of_ending() -> pl.Expr:
    places = {**APPLICATION_ORDER, ActionType.TENDER_OFFER.value: len(APPLICATION_ORDER)}
    return pl.col("action_type").replace_strict(places, return_dtype=pl.Int64)


def _entering(both: pl.DataFrame) -> pl.DataFrame:
    """Lines that were no members before."""
    kinds = {
        ActionType.SPIN_OFF.value: LedgerCause.SPIN_OFF.value,
        ActionType.NEW_CLASS.value: LedgerCause.NEW_CLASS.value,
        ActionType.STOCK_MERGER.value: LedgerCause.MERGER.value,
    }
    by_action = pl.col("joined_by").replace_strict(kinds, default=None, return_dtype=pl.String)
    return both.filter(pl.col("before_usd").is_null()).with_columns(
        scope=pl.lit(ENTERS),
        change_usd=pl.col("after_usd"),
        cause=pl.coalesce(by_action, _otherwise(LedgerCause.ADDITION)),
        label=pl.when(pl.col("joined_by").is_not_null()).then(
            pl.format("{} {}", "joined_by", "symbol")
        ),
    )


def _moving(both: pl.DataFrame) -> pl.DataFrame:
    """Lines that go from some indexes to others, out of the one and into the other."""
    moving = both.filter(pl.col("indexes") != pl.col("indexes_before"))
    return pl.concat(
        [
            moving.with_columns(
                scope=pl.lit(LEAVES),
                change_usd=-pl.col("adjusted_usd"),
                cause=_otherwise(LedgerCause.DELETION),
                label=pl.lit(None, pl.String),
            ),
            moving.with_columns(
                scope=pl.lit(ENTERS),
                change_usd=pl.col("after_usd"),
                cause=_otherwise(LedgerCause.ADDITION),
                label=pl.lit(None, pl.String),
            ),
        ]
    )


def _remaining(both: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Lines whose shares changed for another reason than an action of their own."""
    rest = pl.col("after_usd") - pl.col("adjusted_usd")
    changed = both.with_columns(change_usd=rest).filter(
        pl.col("change_usd").abs() > _NOISE * pl.col("adjusted_usd").abs()
    )
    cause = (
        pl.when("is_event")
        .then(pl.lit(LedgerCause.RECONSTITUTION.value))
        .otherwise(pl.coalesce("linked", pl.lit(LedgerCause.SHARE_UPDATE.value)))
    )
    return changed.join(_links(both, actions), on=_KEY, how="left").with_columns(
        scope=pl.lit(STAYS),
        cause=cause,
        label=pl.when(~pl.col("is_event")).then("label"),
    )


def _links(both: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Sessions on which an acquirer grows or a tendered line shrinks: as the target leaves."""
    named = actions if "symbol" in actions.columns else actions.with_columns(symbol="security_id")
    linking = named.filter(pl.col("action_type").is_in(_LINKING)).select(
        "action_type",
        told="session",
        target="security_id",
        security_id=pl.coalesce("counterparty_security_id", "security_id"),
        label=pl.format("{} {}", "action_type", "symbol"),
        is_late=(pl.col("outcome") == ActionOutcome.DELAYED.value).fill_null(value=False),
    )
    days = both.select("session", "eve").unique()
    possible = pl.concat(
        [
            linking.join(days, left_on="told", right_on="session", coalesce=False),
            linking.join(days, left_on="told", right_on="eve", coalesce=False),
        ]
    )
    targets = both.filter(pl.col("before_usd").is_not_null()).select(
        "session", target="security_id", target_is_gone=pl.col("after_usd").is_null()
    )
    is_tender = pl.col("action_type") == ActionType.TENDER_OFFER.value
    is_due = pl.col("told") == pl.when("is_late").then("eve").otherwise("session")
    # A member's merger counts as it leaves; what is no member cannot be waited for.
    counts = pl.when(is_tender).then(is_due).otherwise(pl.coalesce("target_is_gone", is_due))
    cause = (
        pl.when(is_tender)
        .then(pl.lit(LedgerCause.SHARE_CHANGE.value))
        .otherwise(pl.lit(LedgerCause.MERGER.value))
    )
    return (
        possible.join(targets, on=["session", "target"], how="left")
        .filter(counts)
        .with_columns(linked=cause)
        .sort(*_KEY, "label")
        .group_by(_KEY, maintain_order=True)
        .agg(pl.col("linked").first(), pl.col("label").str.join(", "))
    )


def _otherwise(cause: LedgerCause) -> pl.Expr:
    """The event on its first session; between events the cause given."""
    return (
        pl.when("is_event")
        .then(pl.lit(LedgerCause.RECONSTITUTION.value))
        .otherwise(pl.lit(cause.value))
    )
