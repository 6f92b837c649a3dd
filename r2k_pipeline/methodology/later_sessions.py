"""What later sessions say of the companies in doubt on a rank day.

1. A rank day's lists are not public for weeks, time in which an index provider verifies a
   count of shares. The sessions up to the preliminary day stand for that time.
2. The first of them on which nothing contradicts a company gives its shares, which are
   carried back to the rank day through splits. A cap that was itself carried forward from
   before proves nothing.
3. They are worth the close of the rank day. If that is itself in doubt, it is the previous
   close which that later session tells.

This is the one place that looks beyond a rank day to decide on it, and only for the
companies in doubt; nothing after the preliminary day is looked at. Who is in doubt is
`doubtful_candidates`'.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.split_units import cumulative_splits, with_splits_so_far
from r2k_pipeline.rulebook.reasons import ExclusionReason, RepairRule
from r2k_pipeline.rulebook.sessions import session_on_or_before, sessions_between

if TYPE_CHECKING:
    from datetime import date

    from r2k_pipeline.rulebook.schedule import Event

SESSIONS_WITHOUT_LIST = 10
"""How many sessions after the rank day are looked at where no preliminary day is known."""

LATER_READ = (
    "session", "security_id", "company_id", "close_usd", "previous_close_usd", "market_cap_usd",
    "line_shares", "addtv_usd", "repair_rule", "failed_rules",
)  # fmt: skip
"""The columns of contract `universe` that are read."""

_QUARANTINES = [rule.value for rule in RepairRule if rule.is_quarantine]
_CLOSE_DOUBTS = [RepairRule.CLOSE_MISSING.value, RepairRule.CLOSE_OUT_OF_LINE.value]
# Repairs by which a session has the shares of sessions before it.
_CARRIED = [
    RepairRule.CAP_SPIKE.value,
    RepairRule.SPLIT_WITHOUT_CLOSE.value,
    RepairRule.BLANK_CAP.value,
    RepairRule.CLASS_LEVEL_CAP.value,
]
_DAYS_A_SESSION = 3
_LINE = ["company_id", "security_id"]


def last_settling_session(event: Event) -> date:
    """The last session that may settle a doubt about an event's rank day.

    Example:
        >>> from r2k_pipeline.rulebook.schedule import event
        >>> for event_id in ("2022-06", "2000-06"):
        ...     print(event(event_id).rank_day, last_settling_session(event(event_id)))
        2022-05-06 2022-06-03
        2000-05-31 2000-06-14
    """
    if event.preliminary_day is not None:
        return session_on_or_before(event.preliminary_day)
    reach = timedelta(days=_DAYS_A_SESSION * SESSIONS_WITHOUT_LIST)
    return sessions_between(event.rank_day, event.rank_day + reach)[SESSIONS_WITHOUT_LIST]


def is_quarantined() -> pl.Expr:
    """Whether the values of a line of contract `universe` contradict themselves.

    Example:
        >>> lines = pl.DataFrame({"repair_rule": ["close_missing", "blank_cap", None]})
        >>> lines.select(is_quarantined()).to_series().to_list()
        [True, False, False]
    """
    return pl.col("repair_rule").is_in(_QUARANTINES).fill_null(value=False)


def has_doubted_close() -> pl.Expr:
    """Whether it is the close of a line of contract `universe` that cannot be used.

    Example:
        >>> lines = pl.DataFrame(
        ...     {"repair_rule": [None, "close_out_of_line"], "close_usd": [9.0, 9.0]})
        >>> lines.select(has_doubted_close()).to_series().to_list()
        [False, True]
    """
    told = pl.col("repair_rule").is_in(_CLOSE_DOUBTS).fill_null(value=False)
    return told | ~(pl.col("close_usd") > 0).fill_null(value=False)


def is_sound() -> pl.Expr:
    """Whether a line of contract `universe` has a close and a cap that nothing contradicts.

    Example:
        >>> lines = pl.DataFrame({
        ...     "close_usd": [9.0, 9.0], "market_cap_usd": [9e8, None],
        ...     "repair_rule": [None, None], "failed_rules": [None, "no_market_cap"],
        ... }, schema_overrides={"repair_rule": pl.String})
        >>> lines.select(is_sound()).to_series().to_list()
        [True, False]
    """
    has_values = (pl.col("market_cap_usd") > 0) & (pl.col("close_usd") > 0)
    # A repair of the company's cap may stand where the line's own contradiction stood.
    is_unrepaired = _fails(ExclusionReason.UNREPAIRED)
    return has_values.fill_null(value=False) & ~is_quarantined() & ~is_unrepaired


def _fails(reason: ExclusionReason) -> pl.Expr:
    return pl.col("failed_rules").str.contains(reason.value, literal=True).fill_null(value=False)


def settled_by_later_sessions(
    doubted: pl.DataFrame,
    lines: pl.DataFrame,
    actions: pl.DataFrame,
    *,
    rank_day: date,
    last: date,
) -> pl.DataFrame:
    """Settle doubts by the first later session on which nothing contradicts the company.

    Args:
        doubted: Contract `universe`, the lines in doubt on the rank day; `LATER_READ` names
            the columns.
        lines: The same columns of the same lines, any sessions; only those after the rank
            day and up to `last` are read.
        actions: Contract `corporate_actions` over the same sessions; splits are read.
        rank_day: The day.
        last: As `last_settling_session` gives it.

    Returns:
        One row per company that is settled, by `company_id`: `security_id` (the line that
        speaks for it: of those sound on that session one that may stand by itself, then
        the one that traded most), `settled_session`, and for the rank day `settled_usd`
        (the company's cap), `settled_close_usd`, `settled_shares` (of the line) and
        `settled_by`, which says in words what settled it.

    Notes:
        Look-ahead: uses sessions after the rank day, as the module says; no row after
        `last` changes anything. A split between the two sessions that
        `corporate_actions` does not know carries back wrongly.

    Example:
        HAL's shares jump before the rank day; three sessions later, after a split in two,
        the new level is believed.

        >>> from datetime import date
        >>> days = [date(2022, 5, 6), date(2022, 5, 11)]
        >>> lines = pl.DataFrame({
        ...     "session": days, "security_id": "S-HAL", "company_id": "C-HAL",
        ...     "close_usd": [20.0, 11.0], "previous_close_usd": [20.0, 10.5],
        ...     "market_cap_usd": [2.2e9, 2.2e9], "line_shares": [1.1e8, 2e8],
        ...     "addtv_usd": 1e6, "repair_rule": ["cap_without_history", "new_level_accepted"],
        ...     "failed_rules": ["unrepaired", None],
        ... })
        >>> actions = pl.DataFrame({
        ...     "session": days[1:], "security_id": "S-HAL", "action_type": "split",
        ...     "split_factor": [2.0],
        ... })
        >>> settled = settled_by_later_sessions(
        ...     lines[:1], lines, actions, rank_day=days[0], last=days[1])
        >>> settled.select("settled_usd", "settled_by").row(0)
        (2000000000.0, 'its 100000000 shares (new_level_accepted)')
    """
    is_later = (pl.col("session") > rank_day) & (pl.col("session") <= last)
    is_carried = pl.col("repair_rule").is_in(_CARRIED).fill_null(value=False)
    sound = lines.filter(is_later & is_sound() & ~is_carried).join(
        doubted.select("security_id"), on="security_id", how="semi"
    )
    splits = cumulative_splits(actions)
    of_day = with_splits_so_far(doubted.select(LATER_READ), splits, "splits").with_columns(
        is_close_doubted=has_doubted_close()
    )
    of_later = with_splits_so_far(sound.select(LATER_READ), splits, "splits")
    first = (
        of_later.with_columns(is_secondary=_fails(ExclusionReason.SECONDARY_CLASS))
        .sort(
            "company_id", "session", "is_secondary", "addtv_usd", "security_id",
            descending=[False, False, False, True, False], nulls_last=True,
        )
        .unique("company_id", keep="first", maintain_order=True)
    )  # fmt: skip
    return _carried_back(first.join(of_day, on=_LINE, suffix="_then")).sort("company_id")


def _carried_back(pairs: pl.DataFrame) -> pl.DataFrame:
    """The values of a later session in the shares of the rank day (suffix `_then`)."""
    factor = pl.col("splits") / pl.col("splits_then")
    told = pl.when(pl.col("previous_close_usd") > 0).then("previous_close_usd")
    shares = pl.col("market_cap_usd") / pl.col("close_usd") / factor
    in_words = (
        pl.format("its {} shares", shares.round().cast(pl.Int64)),
        pl.format(" ({})", "repair_rule"),
        pl.when("is_close_doubted").then(
            pl.format(" at ${}, the previous close told then", pl.col("settled_close_usd").round(4))
        ),
    )
    close = (
        pl.when("is_close_doubted")
        .then(pl.coalesce(told, "close_usd") * factor)
        .otherwise("close_usd_then")
    )
    return pairs.with_columns(settled_close_usd=close).select(
        *_LINE,
        "settled_close_usd",
        settled_session="session",
        settled_usd=shares * pl.col("settled_close_usd"),
        settled_shares=pl.col("line_shares") / factor,
        settled_by=pl.concat_str(in_words, ignore_nulls=True),
    )
