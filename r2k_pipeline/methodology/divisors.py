"""4b: the factors that keep a level continuous, as events in a ledger.

A session's divisor is the base divisor times every factor up to it; nothing
else changes a divisor. A factor is market value after over market value before,
both at the close before the session, so it follows from two neighbouring
sessions alone. One row stands for one cause on one session of one index; what the causes
are is `line_changes`.

Dividends stand in the same ledger: they leave the divisor alone (factor 1) and
carry the growth that a reinvestor enjoys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import MissingDivisorError
from r2k_pipeline.methodology.edges import in_index
from r2k_pipeline.methodology.index_lines import is_grouped, lines_of
from r2k_pipeline.methodology.line_changes import ENTERS, HELD, LEAVES, STAYS, line_changes
from r2k_pipeline.methodology.line_dividends import line_dividends, special_withholding
from r2k_pipeline.methodology.market_values import (
    exact_sum,
    in_one_where_emptied,
    market_values,
)
from r2k_pipeline.rulebook.action_types import CAUSE_ORDER, LedgerCause

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from r2k_pipeline.rulebook.index_definition import IndexDefinition

LEDGER_LINE_COLUMNS = (
    "session", "security_id", "symbol", "country", "indexes", "event_id", "joined_by",
    "parent_security_id", "close_usd", "previous_close_usd", "index_shares", "float_factor",
    "market_value_usd", "status",
)  # fmt: skip
"""What of contract `constituents` the ledger is written from."""

_LEDGER = (
    "index_id", "session", "cause", "event_id", "action_ids", "market_value_before_usd",
    "market_value_after_usd", "factor", "divisor_before", "divisor_after", "gross_return_factor",
    "net_return_factor",
)  # fmt: skip
# What is less than this part of the market value is rounding, such as of a child at its price.
_NOTHING = 1e-13
# Whom a tax concerns: an index that holds the line on the ex-date.
_TAXED = "taxed"
# A text names so many actions; the others are counted.
_NAMED_ACTIONS = 10


def divisor_events(
    lines: pl.DataFrame,
    actions: pl.DataFrame,
    *,
    sessions: Sequence[date],
    family: Mapping[str, IndexDefinition],
    base_session: date,
    factors: pl.DataFrame,
    earlier: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Enter every change of composition and every dividend into the ledger.

    Args:
        lines: Contract `constituents` over `sessions` and the session before the
            first of them, if the index existed then.
        actions: Contract `corporate_actions` over the same sessions.
        sessions: The consecutive sessions whose ledger rows are wanted.
        family: The indexes.
        base_session: The session at whose close every index has its base value. An
            index that has its first member later begins then.
        factors: Contract `weight_factors` from the last reset by the first of
            `lines` on; may be empty if no index of the family has factors.
        earlier: Contract `divisors` before `sessions`; None if they begin with the base
            session. Only the last divisor of each index is read.

    Returns:
        Contract `divisors`, sorted by `index_id`, `session` and the order of
        `LedgerCause`. `factor` multiplies the divisor at the session's open. A session on
        which nothing changed has no row.

    Raises:
        MissingDivisorError: An index has rows and no divisor before them.

    Notes:
        Splits change shares and prices alike and so never appear. A special dividend or
        return of capital moves the divisor, so that the price index does not fall with
        it; both total returns have it by that, the net one less the tax on a special
        dividend of what the ex-date opens with. An ordinary dividend is reinvested at the
        close of its ex-date across the whole index. Taxes are those of the line's country
        without a treaty. No row uses a later session.

    Example:
        BOLT leaves overnight at the value of its last close: 2,000 of 3,000 remain.

        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.family import family
        >>> days = [date(2024, 7, 1), date(2024, 7, 2)]
        >>> lines = pl.DataFrame({
        ...     "session": [days[0], days[0], days[1]], "security_id": ["ACE", "BOLT", "ACE"],
        ...     "symbol": ["ACE", "BOLT", "ACE"], "indexes": ["r2000"] * 3,
        ...     "event_id": ["2024-06"] * 3, "index_shares": [100.0] * 3,
        ...     "close_usd": [20.0, 10.0, 21.0], "previous_close_usd": [19.0, 10.0, 20.0],
        ...     "market_value_usd": [2000.0, 1000.0, 2100.0],
        ... })
        >>> actions = pl.DataFrame(schema={
        ...     "session": pl.Date, "security_id": pl.String, "action_type": pl.String,
        ...     "amount_usd": pl.Float64,
        ... })
        >>> divisor_events(
        ...     lines, actions, sessions=days, family={"r2000": family()["r2000"]},
        ...     base_session=days[0], factors=pl.DataFrame(),
        ... ).select("cause", "action_ids", "market_value_before_usd", "divisor_after").rows()[1]
        ('deletion', 'silence BOLT', 3000.0, 2.0)

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` sections 9.1 and appendix A; of special
        dividends `rulebook.rules.SOURCES["index_guide_comparison_2026"]`.
    """
    values = _with_eves(market_values(lines, family=family, factors=factors), lines, base_session)
    together = _Moves.of(lines, actions)
    rows: list[pl.DataFrame] = []
    for index in family.values():
        moves = together
        if not is_grouped(index):
            moves = _Moves.of(lines_of(lines, index, factors), actions)
        resets = factors["session"].unique().to_list() if index.has_factors else []
        rows += _index_ledger(index.index_id, values, moves, resets=resets)
    wanted = pl.col("session").is_in(list(sessions)) & (pl.col("session") >= base_session)
    ledger = pl.concat(rows).filter(wanted).sort("index_id", "session", _place())
    return _with_divisors(ledger, family, earlier).select(_LEDGER)


def divisor_by_session(
    ledger: pl.DataFrame, sessions: pl.DataFrame, *, family: Mapping[str, IndexDefinition]
) -> pl.DataFrame:
    """Multiply the ledger out: the divisor and the reinvestment factors of each session.

    Args:
        ledger: Contract `divisors` from the base session on.
        sessions: `index_id`, `session` rows for which divisors are wanted.
        family: The indexes; read for their base values (index points).

    Returns:
        `index_id`, `session`, `divisor` (USD per index point), `gross_growth` and
        `net_growth` (products of reinvestment factors since the base), sorted by
        `index_id`, `session`. Null before the base session.

    Notes:
        The product runs in the order of sessions and, within one, of `LedgerCause`, so
        the result is the same to the last bit however the ledger was built, and the same
        as `divisor_after`.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.family import family
        >>> days = [date(2024, 7, 1), date(2024, 7, 2), date(2024, 7, 3)]
        >>> ledger = pl.DataFrame({
        ...     "index_id": ["r2000"] * 2, "session": days[:2], "cause": ["base", "deletion"],
        ...     "market_value_after_usd": [3000.0, 2000.0], "factor": [1.0, 0.5],
        ...     "gross_return_factor": [1.0] * 2, "net_return_factor": [1.0] * 2,
        ... })
        >>> sessions = pl.DataFrame({"index_id": ["r2000"] * 3, "session": days})
        >>> divisor_by_session(ledger, sessions, family=family())["divisor"].to_list()
        [3.0, 1.5, 1.5]
    """
    base_value = {index_id: definition.base_value for index_id, definition in family.items()}
    is_base = pl.col("cause") == "base"
    first = pl.col("market_value_after_usd") / pl.col("index_id").replace_strict(
        base_value, return_dtype=pl.Float64
    )
    # An index without members for a while begins again at its base value.
    spell = ["index_id", is_base.cum_sum().over("index_id")]
    steps = (
        ledger.sort("index_id", "session", _place())
        .with_columns(step=pl.when(is_base).then(first).otherwise(pl.col("factor")))
        .with_columns(
            divisor=pl.col("step").cum_prod().over(spell),
            gross_growth=pl.col("gross_return_factor").cum_prod().over(spell),
            net_growth=pl.col("net_return_factor").cum_prod().over(spell),
        )
        .group_by("index_id", "session", maintain_order=True)
        .agg(pl.col("divisor", "gross_growth", "net_growth").last())
    )
    return (
        sessions.select("index_id", "session")
        .sort("session")
        .join_asof(
            steps.sort("session"), on="session", by="index_id", strategy="backward",
            check_sortedness=False,
        )
        .sort("index_id", "session")
    )  # fmt: skip


def _place() -> pl.Expr:
    """The place of a cause among those of one session."""
    return pl.col("cause").replace_strict(CAUSE_ORDER, return_dtype=pl.Int64)


def _with_eves(values: pl.DataFrame, lines: pl.DataFrame, base_session: date) -> pl.DataFrame:
    """Each index's market value with that of the session before, and whether it begins."""
    days = lines.group_by("session").agg(pl.col("event_id").drop_nulls().first()).sort("session")
    days = days.with_columns(eve=pl.col("session").shift())
    before = values.select("index_id", eve="session", before_usd="market_value_usd")
    is_first = pl.col("eve").is_null()
    return (
        values.join(days, on="session")
        .join(before, on=["index_id", "eve"], how="left")
        .with_columns(
            is_base=pl.when(is_first)
            .then(pl.col("session") == base_session)
            .otherwise(pl.col("before_usd").is_null())
        )
    )


@dataclass(frozen=True, kw_only=True)
class _Moves:
    """What moves the value of lines: changes between closes, and dividends."""

    changes: pl.DataFrame
    dividends: pl.DataFrame

    @classmethod
    def of(cls, lines: pl.DataFrame, actions: pl.DataFrame) -> _Moves:
        """Read them off lines and actions."""
        changes = line_changes(lines, actions).with_columns(withheld_usd=pl.lit(0.0))
        taxed = special_withholding(lines, actions).with_columns(
            scope=pl.lit(_TAXED), change_usd=pl.lit(0.0),
            cause=pl.lit(LedgerCause.SPECIAL_DIVIDEND.value),
        )  # fmt: skip
        return cls(
            changes=pl.concat([changes, taxed], how="diagonal"),
            dividends=line_dividends(lines, actions),
        )


def _index_ledger(
    index_id: str, values: pl.DataFrame, moves: _Moves, *, resets: Sequence[date]
) -> tuple[pl.DataFrame, ...]:
    """The base row, the changes and the dividends of one index."""
    own = values.filter(pl.col("index_id") == index_id)
    begun = own.filter(~pl.col("is_base") & pl.col("before_usd").is_not_null())
    return (
        _base_rows(own.filter("is_base")),
        _change_rows(begun, _own_changes(moves.changes, index_id, resets)),
        _dividend_rows(begun, moves.dividends.filter(in_index(index_id))),
    )


def _own_changes(changes: pl.DataFrame, index_id: str, resets: Sequence[date]) -> pl.DataFrame:
    """The changes that concern one index, added up by session and cause."""
    was, now = in_index(index_id, "indexes_before"), in_index(index_id)
    concerns = {HELD: was, STAYS: was & now, LEAVES: was & ~now, ENTERS: now & ~was, _TAXED: now}
    is_own = pl.any_horizontal(
        (pl.col("scope") == scope) & whom for scope, whom in concerns.items()
    )
    is_reweight = pl.col("session").is_in(list(resets)) & (
        pl.col("cause") == LedgerCause.SHARE_UPDATE.value
    )
    return (
        changes.filter(is_own)
        .with_columns(
            cause=pl.when(is_reweight).then(pl.lit(LedgerCause.REWEIGHT.value)).otherwise("cause")
        )
        .group_by("session", "cause")
        .agg(
            exact_sum("change_usd"),
            exact_sum("withheld_usd"),
            labels=pl.col("label").drop_nulls().unique().sort(),
        )
    )


def _base_rows(sessions: pl.DataFrame) -> pl.DataFrame:
    """The market value at the base session's close, from which the first divisor follows."""
    return sessions.select(
        "index_id", "session", pl.lit(LedgerCause.BASE.value).alias("cause"), "event_id",
        pl.lit(None, pl.String).alias("action_ids"),
        pl.lit(None, pl.Float64).alias("market_value_before_usd"),
        pl.col("market_value_usd").alias("market_value_after_usd"),
        *(
            pl.lit(1.0).alias(name)
            for name in ("factor", "gross_return_factor", "net_return_factor")
        ),
    )  # fmt: skip


def _change_rows(sessions: pl.DataFrame, changes: pl.DataFrame) -> pl.DataFrame:
    """One row a cause; a session's causes follow one another from the eve's close on."""
    done = pl.col("change_usd").cum_sum().over("session") - pl.col("change_usd")
    before, change = pl.col("before_usd") + done, pl.col("change_usd")
    after = pl.col("market_value_after_usd")
    return (
        in_one_where_emptied(sessions.join(changes, on="session").sort("session", _place()))
        .with_columns(market_value_before_usd=before)
        .with_columns(
            market_value_after_usd=pl.when(
                change.abs() > _NOTHING * pl.col("market_value_before_usd")
            )
            .then(pl.col("market_value_before_usd") + change)
            .otherwise("market_value_before_usd")
        )
        .with_columns(open_usd=after.last().over("session"))
        .select(
            "index_id", "session", "cause", "event_id", _named("labels"),
            "market_value_before_usd", "market_value_after_usd",
            (after / pl.col("market_value_before_usd")).alias("factor"),
            pl.lit(1.0).alias("gross_return_factor"),
            (pl.col("open_usd") / (pl.col("open_usd") + pl.col("withheld_usd"))).alias(
                "net_return_factor"
            ),
        )
    )  # fmt: skip


def _dividend_rows(sessions: pl.DataFrame, dividends: pl.DataFrame) -> pl.DataFrame:
    """One row per ex-date: the dividends of all members over their value at its close."""
    paid = dividends.group_by("session").agg(
        exact_sum("dividend_usd"),
        exact_sum("withheld_usd"),
        labels=pl.col("label").unique().sort(),
    )
    gross = pl.col("dividend_usd") / pl.col("market_value_usd")
    net = (pl.col("dividend_usd") - pl.col("withheld_usd")) / pl.col("market_value_usd")
    return sessions.join(paid, on="session").select(
        "index_id", "session", pl.lit(LedgerCause.DIVIDEND.value).alias("cause"), "event_id",
        _named("labels"), pl.col("market_value_usd").alias("market_value_before_usd"),
        pl.col("market_value_usd").alias("market_value_after_usd"), pl.lit(1.0).alias("factor"),
        (1 + gross).alias("gross_return_factor"), (1 + net).alias("net_return_factor"),
    )  # fmt: skip


def _named(labels: str) -> pl.Expr:
    """The first actions of a row by name, and how many others there are."""
    listed = pl.col(labels)
    others = listed.list.len().cast(pl.Int64) - _NAMED_ACTIONS
    named = listed.list.head(_NAMED_ACTIONS).list.join(", ")
    return (
        pl.when(others > 0)
        .then(pl.format("{} and {} more", named, others))
        .when(listed.list.len() > 0)
        .then(named)
        .alias("action_ids")
    )


def _with_divisors(
    ledger: pl.DataFrame, family: Mapping[str, IndexDefinition], earlier: pl.DataFrame | None
) -> pl.DataFrame:
    """The divisor before and after each row, one after the other."""
    divisors = _last_divisors(ledger, earlier)
    before: list[float | None] = []
    after: list[float] = []
    for index_id, session, cause, value, factor in ledger.select(
        "index_id", "session", "cause", "market_value_after_usd", "factor"
    ).iter_rows():
        if cause == LedgerCause.BASE:
            before.append(None)
            divisors[index_id] = value / family[index_id].base_value
        elif index_id in divisors:
            before.append(divisors[index_id])
            divisors[index_id] *= factor
        else:
            raise MissingDivisorError(
                f"no divisor of {index_id} before {session}",
                state="no row of the ledger was written",
                remedy="materialize `divisors` from the base session on",
            )
        after.append(divisors[index_id])
    return ledger.with_columns(
        divisor_before=pl.Series(before, dtype=pl.Float64),
        divisor_after=pl.Series(after, dtype=pl.Float64),
    )


def _last_divisors(ledger: pl.DataFrame, earlier: pl.DataFrame | None) -> dict[str, float]:
    """The divisor of each index before its first row."""
    if earlier is None or ledger.is_empty():
        return {}
    known = (
        earlier.filter(pl.col("session") < ledger["session"].min())
        .sort("session", _place())
        .unique("index_id", keep="last", maintain_order=True)
    )
    return dict(known.select("index_id", "divisor_after").iter_rows())
