"""4b: the factors that keep a level continuous, as events in a ledger.

A session's divisor is the base divisor times every factor up to it; nothing
else changes a divisor. A factor is market value after over market value before,
both at the close before the session, so it follows from two neighbouring
sessions alone and any stretch of the ledger can be rebuilt by itself.

Dividends stand in the same ledger: they leave the divisor alone (factor 1) and
carry the growth that a reinvestor enjoys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.edges import in_index
from r2k_pipeline.methodology.index_lines import is_grouped, lines_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from r2k_pipeline.rulebook.index_definition import IndexDefinition

_DIVIDENDS = ("cash_dividend", "special_dividend")
# US tax on dividends to holders without a treaty, as net-return indexes apply it.
_WITHHOLDING = 0.30
# Shares that differ by less than this have only passed through a split and back.
_SHARES_NOISE = 1e-9
_LEDGER = (
    "index_id", "session", "cause", "event_id", "market_value_before_usd",
    "market_value_after_usd", "factor", "gross_return_factor", "net_return_factor",
)  # fmt: skip


def divisor_events(
    lines: pl.DataFrame,
    actions: pl.DataFrame,
    *,
    sessions: Sequence[date],
    family: Mapping[str, IndexDefinition],
    base_session: date,
    factors: pl.DataFrame,
) -> pl.DataFrame:
    """Enter every change of composition and every dividend into the ledger.

    Args:
        lines: Contract `constituents` over `sessions` and the session before the
            first of them, if the index existed then.
        actions: Contract `corporate_actions` over `sessions`; dividends are read.
        sessions: The consecutive sessions whose ledger rows are wanted.
        family: The indexes.
        base_session: The session at whose close every index has its base value. An
            index that has its first member later begins then.
        factors: Contract `weight_factors` from the last reset by the first of
            `lines` on; may be empty if no index of the family has factors.

    Returns:
        Contract `divisors`, sorted by `index_id`, `session`, `cause`. `factor`
        multiplies the divisor at the session's open. A session on which nothing
        changed has no row.

    Notes:
        Splits change shares and prices alike and so never appear. A dividend is
        reinvested at the close of its ex-date across the whole index; net of
        30 % where the holder's country has no treaty. Indexes that weigh by
        float-adjusted market value are summed together, by the few distinct texts
        of `indexes`.

    Example:
        BOLT leaves overnight at the value of its last close: 2,000 of 3,000 remain.

        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.family import family
        >>> days = [date(2024, 7, 1), date(2024, 7, 2)]
        >>> lines = pl.DataFrame({
        ...     "session": [days[0], days[0], days[1]], "security_id": ["ACE", "BOLT", "ACE"],
        ...     "indexes": ["r2000"] * 3, "event_id": ["2024-06"] * 3,
        ...     "index_shares": [100.0] * 3, "previous_close_usd": [19.0, 10.0, 20.0],
        ...     "market_value_usd": [2000.0, 1000.0, 2100.0],
        ... })
        >>> actions = pl.DataFrame(schema={
        ...     "session": pl.Date, "security_id": pl.String, "action_type": pl.String,
        ...     "amount_usd": pl.Float64,
        ... })
        >>> divisor_events(
        ...     lines, actions, sessions=days, family={"r2000": family()["r2000"]},
        ...     base_session=days[0], factors=pl.DataFrame(),
        ... ).select("session", "cause", "market_value_before_usd", "factor").rows()[1]
        (datetime.date(2024, 7, 2), 'deletion', 3000.0, 0.6666666666666666)

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` sections 9.1 and appendix A; methodology
        of total return: `rulebook.rules.SOURCES["methodology_2026"]`.
    """
    numbered = _Numbered.of(lines, actions)
    together = numbered.changes(numbered.lines)
    rows: list[pl.DataFrame] = []
    for index in family.values():
        if is_grouped(index):
            changes = together
        else:
            changes = numbered.changes(lines_of(numbered.lines, index, factors))
        resets = factors["session"].unique().to_list() if index.has_factors else []
        rows += _index_ledger(index.index_id, changes, base_session, resets=resets)
    wanted = pl.col("session").is_in(list(sessions))
    return pl.concat(rows).filter(wanted).select(_LEDGER).sort("index_id", "session", "cause")


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
        The product runs in the order of sessions and causes, so the result is
        the same to the last bit however the ledger was built.

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
        ledger.sort("index_id", "session", "cause")
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


@dataclass(frozen=True, kw_only=True)
class _Numbered:
    """Lines whose session and security are one number, so that neighbours are found fast.

    The number of a line grows by `step` from one session to the next. Securities are
    numbered by id, so an order by number does not depend on the order of rows.
    """

    lines: pl.DataFrame
    paid: pl.DataFrame
    sessions: pl.Series
    step: int

    @classmethod
    def of(cls, lines: pl.DataFrame, actions: pl.DataFrame) -> _Numbered:
        """Number the lines and the dividends paid on them."""
        sessions, securities = (
            lines[name].unique().sort().to_frame().with_row_index(number)
            for name, number in (("session", "day"), ("security_id", "line"))
        )
        step = securities.height
        number = (pl.col("day").cast(pl.Int64) * step + pl.col("line")).alias("number")
        paid = actions.filter(pl.col("action_type").is_in(_DIVIDENDS))
        return cls(
            lines=lines.join(sessions, on="session")
            .join(securities, on="security_id")
            .with_columns(number)
            .drop("day", "line"),
            paid=paid.join(sessions, on="session")
            .join(securities, on="security_id")
            .group_by(number)
            .agg(pl.col("amount_usd").sum()),
            sessions=sessions["session"],
            step=step,
        )

    def changes(self, lines: pl.DataFrame) -> pl.DataFrame:
        """What each session changes against the one before, summed over lines that fare alike.

        One row per session, indexes before (null: the line was in none), indexes now
        (null: it left) and events.
        """
        held = lines.select(
            pl.col("number") + self.step,
            indexes_before="indexes",
            event_before="event_id",
            value_before_usd="market_value_usd",
        ).filter(pl.col("number") < len(self.sessions) * self.step)
        today = (
            lines.select(
                "number", "indexes", "event_id", "index_shares", "market_value_usd",
                value_after_usd=pl.col("previous_close_usd") * pl.col("index_shares"),
            )
            .join(self.paid, on="number", how="left")
            .with_columns(dividends_usd=pl.col("amount_usd") * pl.col("index_shares"))
        )  # fmt: skip
        change = (pl.col("value_after_usd") / pl.col("value_before_usd") - 1).abs()
        fate = ["day", "indexes_before", "indexes", "event_before", "event_id"]
        money = ("value_before_usd", "value_after_usd", "market_value_usd", "dividends_usd")
        summed = (
            today.join(held, on="number", how="full", coalesce=True)
            .sort("number")
            .with_columns(day=pl.col("number") // self.step)
            .group_by(fate, maintain_order=True)
            .agg(pl.col(money).sum(), is_rescaled=(change > _SHARES_NOISE).any())
        )
        return summed.with_columns(session=self.sessions.gather(summed["day"]))


def _index_ledger(
    index_id: str, changes: pl.DataFrame, base_session: date, *, resets: Sequence[date]
) -> tuple[pl.DataFrame, ...]:
    """The base row, the changes of composition and the dividends of one index."""
    was, now = in_index(index_id, "indexes_before"), in_index(index_id)
    sessions = (
        changes.filter(pl.col("session") >= base_session)
        .group_by("session", maintain_order=True)
        .agg(
            before_usd=pl.col("value_before_usd").filter(was).sum(),
            after_usd=pl.col("value_after_usd").filter(now).sum(),
            close_usd=pl.col("market_value_usd").filter(now).sum(),
            dividends_usd=pl.col("dividends_usd").filter(now).sum(),
            enters=(now & ~was).any(),
            leaves=(was & ~now).any(),
            is_rescaled=(was & now & pl.col("is_rescaled")).any(),
            has_members=now.any(),
            had_members=was.any(),
            is_first=pl.col("indexes_before").is_null().all(),
            event_id=pl.col("event_id").filter(now).first(),
            event_before=pl.col("event_before").filter(was).first(),
        )
        .filter("has_members")
        .with_columns(index_id=pl.lit(index_id), is_reset=pl.col("session").is_in(list(resets)))
    )
    is_base = (
        pl.when("is_first")
        .then(pl.col("session") == base_session)
        .otherwise(~pl.col("had_members"))
    )
    begun = sessions.with_columns(is_base=is_base)
    return (
        _base_rows(begun.filter("is_base")),
        _composition_rows(begun.filter(~pl.col("is_base"))),
        _dividend_rows(begun.filter(~pl.col("is_base"))),
    )


def _base_rows(sessions: pl.DataFrame) -> pl.DataFrame:
    """The market value at the base session's close, from which the first divisor follows."""
    return sessions.select(
        "index_id", "session", pl.lit("base").alias("cause"), "event_id",
        pl.lit(None, pl.Float64).alias("market_value_before_usd"),
        pl.col("close_usd").alias("market_value_after_usd"),
        *(pl.lit(1.0).alias(name) for name in _LEDGER[-3:]),
    )  # fmt: skip


def _composition_rows(sessions: pl.DataFrame) -> pl.DataFrame:
    """One row per session on which lines entered or left, or shares or weights changed."""
    cause = (
        pl.when(pl.col("event_id") != pl.col("event_before"))
        .then(pl.lit("reconstitution"))
        .when("enters")
        .then(pl.lit("addition"))
        .when("leaves")
        .then(pl.lit("deletion"))
        .when("is_reset")
        .then(pl.lit("reweight"))
        .otherwise(pl.lit("share_update"))
    )
    return sessions.filter(pl.any_horizontal("enters", "leaves", "is_rescaled")).select(
        "index_id", "session", cause.alias("cause"), "event_id",
        pl.col("before_usd").alias("market_value_before_usd"),
        pl.col("after_usd").alias("market_value_after_usd"),
        (pl.col("after_usd") / pl.col("before_usd")).alias("factor"),
        *(pl.lit(1.0).alias(name) for name in _LEDGER[-2:]),
    )  # fmt: skip


def _dividend_rows(sessions: pl.DataFrame) -> pl.DataFrame:
    """One row per ex-date: the dividends of all members over their value at its close."""
    gross = pl.col("dividends_usd") / pl.col("close_usd")
    return sessions.filter(pl.col("dividends_usd") > 0).select(
        "index_id", "session", pl.lit("dividend").alias("cause"), "event_id",
        pl.col("close_usd").alias("market_value_before_usd"),
        pl.col("close_usd").alias("market_value_after_usd"), pl.lit(1.0).alias("factor"),
        (1 + gross).alias("gross_return_factor"),
        (1 + gross * (1 - _WITHHOLDING)).alias("net_return_factor"),
    )  # fmt: skip
