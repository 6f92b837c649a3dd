"""4a: actions of a range -> what each does to the shares and the adjusted close of its line.

1. Actions of one line and session apply in the order of `action_treatment.TREATMENTS`: a
   split before a spin-off, that before a special dividend, and a merger last. Each is
   valued with the close that the ones before left.
2. On a day without a price the last close counts, in the terms that all actions since made
   of it.
3. Closes of different sessions are brought to one count by the *units* of a line.

Holds what concerns one line that stays. Who leaves is `leaving_lines`, what concerns two
lines `linked_lines`.
"""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import polars as pl

from r2k_pipeline.methodology.action_outcomes import with_all_terms
from r2k_pipeline.methodology.action_treatment import (
    APPLICATION_ORDER,
    Adjustment,
    PriceEffect,
    SharesEffect,
    Terms,
    adjustment,
    treatment_of,
)
from r2k_pipeline.rulebook.action_types import ActionOutcome, ActionType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_ADJUSTMENTS = {
    "session": pl.Date,
    "security_id": pl.String,
    "action_type": pl.String,
    "cause": pl.String,
    "deduction_usd": pl.Float64,
    "price_divisor": pl.Float64,
    "share_factor": pl.Float64,
}
_UNITS = {
    "session": pl.Date,
    "security_id": pl.String,
    "unit_deduction_usd": pl.Float64,
    "unit_divisor": pl.Float64,
    "unit_share_factor": pl.Float64,
}
# A tender offer needs the float; `linked_lines` has it.
_MOVING = [
    kind.value
    for kind in ActionType
    if treatment_of(kind).price is not PriceEffect.UNCHANGED
    or treatment_of(kind).shares in {SharesEffect.TIMES_FACTOR, SharesEffect.TIMES_RATIO}
]


def terms_of(action: Mapping[str, Any]) -> Terms:
    """Read the terms of one row of contract `corporate_actions`.

    Example:
        >>> terms_of({"action_type": "cash_merger", "split_factor": None, "amount_usd": 5.02,
        ...           "ratio": None, "outcome": None}).amount_usd
        5.02
    """
    return Terms(
        kind=ActionType(action["action_type"]),
        split_factor=action["split_factor"],
        amount_usd=action["amount_usd"],
        ratio=action["ratio"],
        is_ordinary=action["outcome"] == ActionOutcome.AS_ORDINARY,
    )


def line_adjustments(actions: pl.DataFrame, closes: pl.DataFrame) -> pl.DataFrame:
    """Work out what actions do to the shares and adjusted closes of their lines.

    Args:
        actions: Contract `corporate_actions`, any sessions; terms that are null may be
            missing columns. Actions of unknown lines are left out.
        closes: `session`, `security_id`, `close_usd` (USD, unadjusted) of the same lines,
            from before the first action on; a missing row is a session without a price.

    Returns:
        One row per action that does something, in the order in which they apply:
        `session`, `security_id`, `action_type`, `cause` (null where the divisor does not
        move), and the three numbers of `action_treatment.Adjustment`.

    Notes:
        A line that never closed before is taken at its word: nothing can be compared to
        a close. No row uses a close of its own session or later.

    Example:
        A split in two and a special dividend of 3 on one day: 40 becomes 20, less 3.

        >>> from datetime import date
        >>> days = [date(2024, 7, 1), date(2024, 7, 2)]
        >>> actions = pl.DataFrame({
        ...     "session": days[1], "security_id": "S-HAL",
        ...     "action_type": ["special_dividend", "split"], "split_factor": [None, 2.0],
        ...     "amount_usd": [3.0, None],
        ... })
        >>> closes = pl.DataFrame({
        ...     "session": days[:1], "security_id": ["S-HAL"], "close_usd": [40.0]})
        >>> line_adjustments(actions, closes).select(
        ...     "action_type", "deduction_usd", "price_divisor", "share_factor").rows()
        [('split', 0.0, 2.0, 2.0), ('special_dividend', 3.0, 1.0, 1.0)]
    """
    moving = with_all_terms(actions).filter(
        pl.col("action_type").is_in(_MOVING)
        & (pl.col("outcome").fill_null("") != ActionOutcome.UNKNOWN_LINE.value)
    )
    if moving.is_empty():
        return pl.DataFrame(schema=_ADJUSTMENTS)
    before = closes.filter(pl.col("close_usd") > 0).select(
        "security_id", "session", "close_usd", close_session="session"
    )
    rows = (
        moving.with_columns(
            order=pl.col("action_type").replace_strict(APPLICATION_ORDER, return_dtype=pl.Int64)
        )
        .sort("session")
        .join_asof(
            before.sort("session"), on="session", by="security_id", strategy="backward",
            allow_exact_matches=False, check_sortedness=False,
        )
        .sort("security_id", "session", "order")
        .iter_rows(named=True)
    )  # fmt: skip
    found = [
        row
        for _, of_line in groupby(rows, key=itemgetter("security_id"))
        for row in _adjusted(of_line)
    ]
    return pl.DataFrame(found, schema=_ADJUSTMENTS, orient="row").sort(
        "session", "security_id", maintain_order=True
    )


def _adjusted(actions: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The adjustments of one line, in order."""
    done: list[tuple[Any, Adjustment]] = []
    for action in actions:
        terms, cum_close = terms_of(action), action["close_usd"]
        if cum_close is not None:
            # What happened since the last close made another price of it.
            for session, earlier in done:
                if session > action["close_session"]:
                    cum_close = earlier.adjusted_close(cum_close)
        found = adjustment(terms, cum_close_usd=cum_close)
        if found == Adjustment():
            continue
        done.append((action["session"], found))
        cause = treatment_of(terms.kind).cause
        yield {
            "session": action["session"],
            "security_id": action["security_id"],
            "action_type": terms.kind.value,
            "cause": None if cause is None else cause.value,
            "deduction_usd": found.deduction_usd,
            "price_divisor": found.price_divisor,
            "share_factor": found.share_factor,
        }


def line_units(adjustments: pl.DataFrame) -> pl.DataFrame:
    """Multiply the adjustments of each line out, from the first on.

    Args:
        adjustments: As `line_adjustments` gives them.

    Returns:
        One row per line and session with an adjustment: `unit_deduction_usd` and
        `unit_divisor`, by which a close in the terms before the first adjustment becomes
        one of this session, and `unit_share_factor`, the same of shares; sorted by
        `session`.

    Example:
        >>> from datetime import date
        >>> days = [date(2024, 7, 1), date(2024, 7, 9)]
        >>> adjustments = pl.DataFrame({
        ...     "session": days, "security_id": "S-HAL", "deduction_usd": [0.0, 3.0],
        ...     "price_divisor": [2.0, 1.0], "share_factor": [2.0, 1.0],
        ... })
        >>> line_units(adjustments).row(1)[2:]
        (6.0, 2.0, 2.0)
    """
    # What is taken off after a split is worth more in the terms before it.
    in_first_terms = pl.col("deduction_usd") * pl.col("unit_divisor").shift(fill_value=1.0).over(
        "security_id"
    )
    return (
        adjustments.sort("session", maintain_order=True)
        .with_columns(unit_divisor=pl.col("price_divisor").cum_prod().over("security_id"))
        .with_columns(
            unit_deduction_usd=in_first_terms.cum_sum().over("security_id"),
            unit_share_factor=pl.col("share_factor").cum_prod().over("security_id"),
        )
        .group_by("session", "security_id", maintain_order=True)
        .agg(pl.col("unit_deduction_usd", "unit_divisor", "unit_share_factor").last())
        .select(_UNITS.keys())
    )


def with_units(rows: pl.DataFrame, units: pl.DataFrame) -> pl.DataFrame:
    """Add the units in force on each row's session; 0, 1 and 1 before the first adjustment.

    Args:
        rows: Any rows with `session` and `security_id`.
        units: As `line_units` gives them.

    Returns:
        The rows, sorted by `session`.

    Example:
        >>> from datetime import date
        >>> days = [date(2024, 7, 1), date(2024, 7, 9)]
        >>> units = pl.DataFrame({
        ...     "session": days[1:], "security_id": ["S-HAL"], "unit_deduction_usd": [0.0],
        ...     "unit_divisor": [2.0], "unit_share_factor": [2.0],
        ... })
        >>> with_units(pl.DataFrame({"session": days, "security_id": "S-HAL"}), units)[
        ...     "unit_divisor"].to_list()
        [1.0, 2.0]
    """
    return (
        rows.sort("session", maintain_order=True)
        .join_asof(
            units, on="session", by="security_id", strategy="backward", check_sortedness=False
        )
        .with_columns(
            pl.col("unit_deduction_usd").fill_null(0.0),
            pl.col("unit_divisor", "unit_share_factor").fill_null(1.0),
        )
    )


def in_terms_of(close: str, then: str, now: str) -> pl.Expr:
    """A close of one session in the terms of another, both of the same line.

    Args:
        close: The column of the close, USD.
        then: Prefix of the unit columns of the close's session, such as `then_`.
        now: Prefix of those of the session wanted.

    Notes:
        Where nothing happened in between, the close is the same to the last bit.

    Example:
        >>> rows = pl.DataFrame({
        ...     "close_usd": [40.0], "then_unit_deduction_usd": [0.0], "then_unit_divisor": [1.0],
        ...     "unit_deduction_usd": [6.0], "unit_divisor": [2.0],
        ... })
        >>> rows.select(in_terms_of("close_usd", "then_", "")).item()
        17.0
    """
    taken_then, taken_now = (pl.col(f"{side}unit_deduction_usd") for side in (then, now))
    divided_then, divided_now = (pl.col(f"{side}unit_divisor") for side in (then, now))
    is_same = (taken_then == taken_now) & (divided_then == divided_now)
    moved = (pl.col(close) * divided_then + taken_then - taken_now) / divided_now
    return pl.when(is_same).then(pl.col(close)).otherwise(moved)
