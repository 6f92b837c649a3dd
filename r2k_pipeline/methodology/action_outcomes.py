"""4a: what becomes of a reported action before it is applied: whose it is, and when it counts.

1. The line that bears the symbol, and the line that bears the other symbol. An action of a
   symbol that no line bears is kept, marked, and has no effect.
2. One announced on its session or later counts later, or changes what was published: its
   row in `action_treatment` says which. Delays end after `LONGEST_DELAY_SESSIONS`.
3. From the fourth in a row on a special dividend is an ordinary one.

Which actions there are is `corporate_actions`; what they do is `action_treatment`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.action_treatment import TREATMENTS, IfLate
from r2k_pipeline.rulebook.action_types import ActionOutcome, ActionType
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.sessions import next_session, sessions_between

if TYPE_CHECKING:
    from datetime import date

LONGEST_DELAY_SESSIONS = 5
"""Who hears of an action later than this restates, whatever the action."""

UNKNOWN_LINE = "unknown:"
"""What the `security_id` of an action without a line begins with; the symbol follows."""

# Two special dividends further apart than a year and a little are no row.
_ROW_BREAKS_AFTER_DAYS = 400
_DELAYED = tuple(row.kind.value for row in TREATMENTS if row.if_late is IfLate.DELAYED)
_TERMS = {
    "split_factor": pl.Float64,
    "amount_usd": pl.Float64,
    "ratio": pl.Float64,
    "counterparty_symbol": pl.String,
    "counterparty_security_id": pl.String,
    "announced_session": pl.Date,
    "outcome": pl.String,
}


def with_all_terms(actions: pl.DataFrame) -> pl.DataFrame:
    """Give actions every column of terms; null where nothing is said.

    Example:
        >>> with_all_terms(pl.DataFrame({"action_type": ["halt"]})).row(0, named=True)["ratio"]
    """
    unsaid = {name: kind for name, kind in _TERMS.items() if name not in actions.columns}
    return actions.with_columns(pl.lit(None, kind).alias(name) for name, kind in unsaid.items())


def with_lines(actions: pl.DataFrame, securities: pl.DataFrame) -> pl.DataFrame:
    """Find the lines whose symbols actions name.

    Args:
        actions: Contract `reported_actions`; terms may be missing.
        securities: Contract `securities`. Read: `symbol`, `security_id`, `first_session`.

    Returns:
        The actions with `security_id`, `counterparty_security_id` and `outcome`.

    Notes:
        An ending is told of the day after the last, so the last line that bore the symbol
        by then is meant, whether it is still listed or not.

    Example:
        >>> from datetime import date
        >>> day = date(2022, 6, 1)
        >>> actions = pl.DataFrame({
        ...     "session": [day, day], "symbol": ["HAL", "WHO"], "action_type": "halt"})
        >>> securities = pl.DataFrame({
        ...     "symbol": ["HAL"], "security_id": ["S-HAL"], "first_session": [day]})
        >>> with_lines(actions, securities).select("security_id", "outcome").rows()
        [('S-HAL', None), ('unknown:WHO', 'unknown_line')]
    """
    told = with_all_terms(actions).drop("counterparty_security_id", "outcome")
    found = _borne(told, securities, by="symbol", line="security_id")
    both = _borne(found, securities, by="counterparty_symbol", line="counterparty_security_id")
    is_unknown = pl.col("security_id").is_null()
    return both.with_columns(
        outcome=pl.when(is_unknown).then(pl.lit(ActionOutcome.UNKNOWN_LINE.value)),
        security_id=pl.coalesce("security_id", pl.format(f"{UNKNOWN_LINE}{{}}", "symbol")),
    )


def _borne(actions: pl.DataFrame, securities: pl.DataFrame, *, by: str, line: str) -> pl.DataFrame:
    """The line that last began to bear a symbol by the action's session; null if none did."""
    spans = securities.select(
        pl.col("symbol").alias(by), pl.col("security_id").alias(line), span="first_session"
    ).sort("span")
    joined = actions.sort("session", maintain_order=True).join_asof(
        spans, left_on="session", right_on="span", by=by, strategy="backward",
        check_sortedness=False,
    )  # fmt: skip
    return joined.drop("span")


def with_late_sessions(actions: pl.DataFrame) -> pl.DataFrame:
    """Say when actions count that were announced on their session or later.

    Args:
        actions: Rows with `session`, `announced_session`, `action_type`, `outcome` and
            `evidence`.

    Returns:
        The actions; of a late one `session`, `outcome` and `evidence` say what becomes of
        it. A line that leaves late is held through the session of the announcement;
        changed shares count from the next one on.

    Example:
        A merger of Wednesday that was told on Thursday, and a split told as late.

        >>> from datetime import date
        >>> actions = pl.DataFrame({
        ...     "session": date(2022, 6, 1), "action_type": ["cash_merger", "split"],
        ...     "announced_session": date(2022, 6, 2), "outcome": None, "evidence": "told",
        ... }, schema_overrides={"outcome": pl.String})
        >>> late = with_late_sessions(actions)
        >>> for row in late.select("session", "outcome", "evidence").rows():
        ...     print(*row)
        2022-06-02 delayed told; of 2022-06-01, announced on 2022-06-02
        2022-06-01 restated told; of 2022-06-01, announced on 2022-06-02
    """
    is_late = (pl.col("announced_session") >= pl.col("session")) & pl.col("outcome").is_null()
    late = actions.filter(is_late)
    if late.is_empty():
        return actions
    counts = [
        _counts_from(kind, session, announced)
        for kind, session, announced in late.select(
            "action_type", "session", "announced_session"
        ).iter_rows()
    ]
    said = pl.format("{}; of {}, announced on {}", "evidence", "session", "announced_session")
    moved = late.with_columns(
        evidence=said,
        outcome=pl.Series([outcome.value for _, outcome in counts], dtype=pl.String),
        session=pl.Series([session for session, _ in counts], dtype=pl.Date),
    )
    return pl.concat([actions.filter(~is_late.fill_null(value=False)), moved])


def _counts_from(kind: str, session: date, announced: date) -> tuple[date, ActionOutcome]:
    delay = len(sessions_between(session, announced)) - 1
    if kind not in _DELAYED or delay > LONGEST_DELAY_SESSIONS:
        return session, ActionOutcome.RESTATED
    changes_shares = kind == ActionType.SHARE_CHANGE
    return next_session(announced) if changes_shares else announced, ActionOutcome.DELAYED


def with_habitual_specials(actions: pl.DataFrame) -> pl.DataFrame:
    """Mark the special dividends that are one of a habit.

    Args:
        actions: Rows with `security_id`, `session`, `action_type` and `outcome`; all
            special dividends of the lines, however long ago.

    Returns:
        The actions; a special dividend that follows as many in a row as the rules allow
        has the outcome `as_ordinary`.

    Example:
        >>> from datetime import date
        >>> actions = pl.DataFrame({
        ...     "security_id": "S-HAL", "action_type": "special_dividend", "outcome": None,
        ...     "session": [date(year, 6, 1) for year in range(2019, 2024)],
        ... }, schema_overrides={"outcome": pl.String})
        >>> with_habitual_specials(actions)["outcome"].to_list()
        [None, None, None, 'as_ordinary', 'as_ordinary']

    References:
        `rulebook.rules.SOURCES["index_guide_comparison_2026"]`.
    """
    is_special = pl.col("action_type") == ActionType.SPECIAL_DIVIDEND.value
    specials = actions.filter(is_special)
    if specials.is_empty():
        return actions
    gap = pl.col("session").diff().over("security_id", order_by="session").dt.total_days()
    begins = (gap > _ROW_BREAKS_AFTER_DAYS).fill_null(value=True)
    row = begins.cast(pl.Int32).cum_sum().over("security_id", order_by="session")
    before = pl.int_range(pl.len()).over("security_id", "row", order_by="session")
    days = specials["session"].unique().sort()
    allowed = pl.DataFrame(
        {"session": days, "allowed": [_allowed_specials(day) for day in days]},
        schema={"session": pl.Date, "allowed": pl.Int64},
    )
    is_habit = (pl.col("before") >= pl.col("allowed")) & (
        pl.col("outcome").fill_null("") != ActionOutcome.UNKNOWN_LINE.value
    )
    marked = (
        specials.with_columns(row=row)
        .with_columns(before=before)
        .join(allowed, on="session")
        .with_columns(
            outcome=pl.when(is_habit)
            .then(pl.lit(ActionOutcome.AS_ORDINARY.value))
            .otherwise("outcome")
        )
        .select(actions.columns)
    )
    return pl.concat([actions.filter(~is_special), marked])


def _allowed_specials(day: date) -> int:
    return rules_in_force(day).special_dividends_in_a_row
