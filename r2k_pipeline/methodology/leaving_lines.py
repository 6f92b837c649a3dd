"""3c: until when a line is held, and at which price it leaves.

1. A line whose end was reported leaves before the open of that session at its last close.
   If it did not trade the session before, if the end was announced too late or if it is
   bankrupt, it is held through the session at its removal price and leaves after it.
2. A halted line is carried, looked at again, and at last removed as if worth nothing.
3. A line that falls silent without a word is carried for some sessions and then leaves at
   its last close.

A line that left does not return before the next event. What a removal price is stands in
`action_treatment`; lines that others pull along are `linked_lines`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.action_outcomes import with_all_terms
from r2k_pipeline.methodology.action_treatment import (
    APPLICATION_ORDER,
    NOMINAL_PRICE_USD,
    removal_price,
)
from r2k_pipeline.methodology.line_adjustments import terms_of
from r2k_pipeline.rulebook.action_types import ENDINGS, ActionOutcome, ActionType

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from typing import Any

    from r2k_pipeline.rulebook.rules import IndexRules

CARRIED_STATUSES = ("carried", "halted", "under_review")
"""Statuses of a close that is older than its session."""

_REMOVALS = {
    "security_id": pl.String,
    "ended": pl.Date,
    "removal_usd": pl.Float64,
    "is_held": pl.Boolean,
}


def held_lines(
    laid: pl.DataFrame,
    actions: pl.DataFrame,
    closes: pl.DataFrame,
    *,
    start: date,
    rules: IndexRules,
) -> pl.DataFrame:
    """Keep the sessions on which lines are held, and say where each close comes from.

    Args:
        laid: As `line_closes.with_closes` gives them, from some sessions before `start`.
        actions: Contract `corporate_actions` over the same sessions. Read: endings, halts.
        closes: `session`, `security_id`, `close_usd` of any lines; read for the acquirers
            of stock mergers.
        start: The first session on which these lines are members.
        rules: Read `max_carried_sessions`, `halt_review_sessions`,
            `halt_removal_sessions`.

    Returns:
        The rows from `start` on, sorted by `security_id`, `session`, with `status` (`ok`,
        `recovered`, `carried`, `halted`, `under_review`, or `synthetic` where the close is
        a removal price) and `close_age_sessions`. A line that did not close before its
        first row is held on none.

    Notes:
        No row uses a later session, except that the last row of a silent line is the last
        also if the line trades again later.

    Example:
        BOLT was halted on the second session and was bought for 5.02 on the third.

        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> days = [date(2024, 7, day) for day in (1, 2, 3, 5)]
        >>> laid = pl.DataFrame({
        ...     "security_id": "BOLT", "session": days, "ordinal": [0, 1, 2, 3],
        ...     "close_usd": 5.0, "close_session": days[0], "close_ordinal": 0,
        ...     "is_recovered": False,
        ... })
        >>> actions = pl.DataFrame({
        ...     "session": days[2:3], "security_id": ["BOLT"], "action_type": ["cash_merger"],
        ...     "amount_usd": [5.02],
        ... })
        >>> held = held_lines(
        ...     laid, actions, laid, start=days[0], rules=rules_in_force(days[0]))
        >>> for row in held.select("session", "close_usd", "status").rows():
        ...     print(*row)
        2024-07-01 5.0 ok
        2024-07-02 5.0 carried
        2024-07-03 5.02 synthetic

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` section 9.2 and appendix E.
    """
    told = with_all_terms(actions)
    rows = (
        laid.join(_removals(told, laid, closes), on="security_id", how="left")
        .pipe(_with_halts, told)
        .sort("security_id", "session")
        .with_columns(age=_age("close_ordinal"))
    )
    is_final = pl.col("is_held") & (pl.col("session") == pl.col("ended"))
    is_given_up = pl.col("is_halted") & (pl.col("age") == rules.halt_removal_sessions + 1)
    made = (
        pl.when(is_final)
        .then(pl.coalesce("removal_usd", "close_usd"))
        .when(is_given_up)
        .then(pl.lit(NOMINAL_PRICE_USD))
        .otherwise("close_usd")
    )
    return (
        rows.filter(pl.col("session") >= start)
        .with_columns(is_gone=_is_gone(rules).cum_max().over("security_id"))
        .filter(~pl.col("is_gone"))
        .with_columns(is_made=(is_final | is_given_up).fill_null(value=False))
        .with_columns(
            close_usd=made,
            close_session=pl.when("is_made").then("session").otherwise("close_session"),
            status=_status(rules),
            close_age_sessions=pl.when("is_made").then(0).otherwise("age"),
        )
        .drop("is_gone", "is_made", "is_halted", "age", "ended", "removal_usd", "is_held")
    )


def _is_gone(rules: IndexRules) -> pl.Expr:
    """Whether a line has left by a session, were it not for sessions in between."""
    patience = (
        pl.when("is_halted")
        .then(rules.halt_removal_sessions + 1)
        .otherwise(rules.max_carried_sessions)
    )
    ended = (
        pl.when("is_held")
        .then(pl.col("session") > pl.col("ended"))
        .otherwise(pl.col("session") >= pl.col("ended"))
    )
    # An end that is told on the last morning of patience counts; after nil a line is gone.
    is_told = pl.col("is_held") & ~pl.col("is_halted") & (pl.col("session") == pl.col("ended"))
    is_silent = pl.col("age") > patience + is_told.fill_null(value=False).cast(pl.Int32)
    return is_silent.fill_null(value=True) | ended.fill_null(value=False)


def _status(rules: IndexRules) -> pl.Expr:
    """Where the close of a line comes from."""
    is_old = pl.col("age") > 0
    return (
        pl.when("is_made")
        .then(pl.lit("synthetic"))
        .when(pl.col("is_halted") & (pl.col("age") > rules.halt_review_sessions))
        .then(pl.lit("under_review"))
        .when(is_old & pl.col("is_halted"))
        .then(pl.lit("halted"))
        .when(is_old)
        .then(pl.lit("carried"))
        .when("is_recovered")
        .then(pl.lit("recovered"))
        .otherwise(pl.lit("ok"))
    )


def _age(since: str) -> pl.Expr:
    return pl.col("ordinal").cast(pl.Int32) - pl.col(since).cast(pl.Int32)


def _with_halts(rows: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Whether trading in a line was halted since its last close."""
    halts = actions.filter(pl.col("action_type") == ActionType.HALT.value).select(
        "session", "security_id", halted_session="session"
    )
    halted = pl.col("halted_session") >= pl.col("close_session")
    return (
        rows.sort("session", maintain_order=True)
        .join_asof(
            halts.sort("session"), on="session", by="security_id", strategy="backward",
            check_sortedness=False,
        )
        .with_columns(is_halted=halted.fill_null(value=False))
        .drop("halted_session")
    )  # fmt: skip


def _removals(actions: pl.DataFrame, laid: pl.DataFrame, closes: pl.DataFrame) -> pl.DataFrame:
    """The first reported end of each line: the session, the price if any, and if it is held."""
    order = pl.col("action_type").replace_strict(APPLICATION_ORDER, return_dtype=pl.Int64)
    is_other = pl.col("counterparty_security_id") != pl.col("security_id")
    first = (
        actions.filter(pl.col("action_type").is_in(ENDINGS) & is_other.fill_null(value=True))
        .join(laid.select("security_id").unique(), on="security_id", how="semi")
        .sort("session", order)
        .unique("security_id", keep="first", maintain_order=True)
    )
    valued = with_acquirer_closes(with_last_trades(first, laid), closes)
    return pl.DataFrame(
        [removal(row) for row in valued.iter_rows(named=True)], schema=_REMOVALS, orient="row"
    )


def with_last_trades(actions: pl.DataFrame, laid: pl.DataFrame) -> pl.DataFrame:
    """Say whether each action's line traded on the session before.

    Args:
        actions: Rows with `session` and `security_id`.
        laid: Rows with `security_id`, `session`, `ordinal` and `close_session`.

    Returns:
        The actions with `traded_before`; false where that session is not laid.

    Example:
        >>> from datetime import date
        >>> days = [date(2024, 7, 1), date(2024, 7, 2)]
        >>> laid = pl.DataFrame({"security_id": "BOLT", "session": days, "ordinal": [0, 1],
        ...                      "close_session": days[:1] * 2})
        >>> actions = pl.DataFrame({"session": days[1:], "security_id": ["BOLT"]})
        >>> with_last_trades(actions, laid)["traded_before"].to_list()
        [True]
    """
    days = laid.select("session").unique().sort("session")
    traded = (
        laid.filter(pl.col("close_session") == pl.col("session"))
        .select("security_id", day="session", traded_before=pl.lit(value=True))
    )  # fmt: skip
    return (
        actions.sort("session", maintain_order=True)
        .join_asof(
            days.select("session", day="session"), on="session", strategy="backward",
            allow_exact_matches=False,
        )
        .join(traded, on=["security_id", "day"], how="left", maintain_order="left")
        .with_columns(pl.col("traded_before").fill_null(value=False))
        .drop("day")
    )  # fmt: skip


def with_acquirer_closes(actions: pl.DataFrame, closes: pl.DataFrame) -> pl.DataFrame:
    """Add the last close of each action's other line by its session.

    Args:
        actions: Rows with `session` and `counterparty_security_id`.
        closes: `session`, `security_id`, `close_usd`.

    Returns:
        The actions with `counterparty_close_usd`; null where there is none.

    Example:
        >>> from datetime import date
        >>> day = date(2024, 7, 1)
        >>> closes = pl.DataFrame({"session": [day], "security_id": ["BIG"], "close_usd": [12.0]})
        >>> actions = pl.DataFrame({"session": [day], "counterparty_security_id": ["BIG"]})
        >>> with_acquirer_closes(actions, closes)["counterparty_close_usd"].item()
        12.0
    """
    of_others = (
        closes.filter(pl.col("close_usd") > 0)
        .join(
            actions.select(security_id="counterparty_security_id").unique(),
            on="security_id",
            how="semi",
        )
        .select(
            "session",
            counterparty_security_id="security_id",
            counterparty_close_usd="close_usd",
        )
        .sort("session")
    )
    return actions.sort("session", maintain_order=True).join_asof(
        of_others, on="session", by="counterparty_security_id", strategy="backward",
        check_sortedness=False,
    )  # fmt: skip


def removal(action: Mapping[str, Any]) -> Mapping[str, Any]:
    """Say how one line leaves.

    Args:
        action: A row of contract `corporate_actions` with `traded_before` and
            `counterparty_close_usd`.

    Returns:
        `security_id`, `ended` (the action's session), `removal_usd` (null: its own close)
        and `is_held` (through that session).

    Example:
        >>> from datetime import date
        >>> removal({
        ...     "security_id": "BOLT", "session": date(2024, 7, 1), "action_type": "bankruptcy",
        ...     "split_factor": None, "amount_usd": None, "ratio": None, "outcome": None,
        ...     "traded_before": True, "counterparty_close_usd": None})["removal_usd"]
        0.0001
    """
    is_delayed = action["outcome"] == ActionOutcome.DELAYED
    price = removal_price(
        terms_of(action),
        is_delayed=is_delayed,
        traded_before=action["traded_before"],
        counterparty_close_usd=action["counterparty_close_usd"],
    )
    return {
        "security_id": action["security_id"],
        "ended": action["session"],
        "removal_usd": price,
        "is_held": is_delayed or price is not None,
    }
