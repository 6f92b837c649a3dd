"""The ledger and the levels it yields, against hand-made numbers and a plain oracle.

Invariants: a level repeats over an exchange of members at unchanged closes; a
split changes nothing; scaling every price scales every value and no level;
permuted rows change nothing; total return is never below price return; the
ledger built in pieces equals the ledger built at once; the level equals that of
an exact calculator that knows only the definition.
"""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from r2k_pipeline.errors import MissingDivisorError
from r2k_pipeline.methodology.divisors import divisor_events
from r2k_pipeline.methodology.levels import index_levels
from r2k_pipeline.rulebook.family import family

SMALL = {"r2000": family()["r2000"]}
NO_FACTORS = pl.DataFrame()
DAYS = [date(2024, 7, 1) + timedelta(days=n) for n in range(6)]
ACTIONS = {
    "session": pl.Date,
    "security_id": pl.String,
    "action_type": pl.String,
    "amount_usd": pl.Float64,
}
NO_ACTIONS = pl.DataFrame(schema=ACTIONS)


def held(
    day: int, line: str, close: float, before: float, shares: float, event: str = "2024-06"
) -> dict[str, object]:
    """A member line on the `day`-th session."""
    return {
        "session": DAYS[day],
        "security_id": line,
        "symbol": line,
        "indexes": "r3000e r3000 r2000",
        "event_id": event,
        "close_usd": close,
        "previous_close_usd": before,
        "index_shares": shares,
        "market_value_usd": close * shares,
        "close_session": DAYS[day],
        "status": "ok",
    }


def ledger_of(
    lines: pl.DataFrame,
    actions: pl.DataFrame = NO_ACTIONS,
    days: list[date] = DAYS,
    earlier: pl.DataFrame | None = None,
) -> pl.DataFrame:
    return divisor_events(
        lines, actions, sessions=days, family=SMALL, base_session=DAYS[0], factors=NO_FACTORS,
        earlier=earlier,
    )  # fmt: skip


def levels_of(lines: pl.DataFrame, actions: pl.DataFrame = NO_ACTIONS) -> pl.DataFrame:
    return index_levels(lines, ledger_of(lines, actions), family=SMALL, factors=NO_FACTORS)


# BOLT is replaced by CORE at the close of the second day; ACE splits two for one on the third.
BY_HAND = pl.DataFrame(
    [
        held(0, "ACE", 20.0, 19.0, 50.0),
        held(0, "BOLT", 10.0, 10.0, 100.0),
        held(1, "ACE", 22.0, 20.0, 50.0),
        held(1, "BOLT", 9.0, 10.0, 100.0),
        held(2, "ACE", 11.5, 11.0, 100.0, "2024-12"),
        held(2, "CORE", 41.0, 40.0, 30.0, "2024-12"),
    ]
)


def test_levels_by_hand() -> None:
    # Day 0: 2,000 of value are 1,000 points, so the divisor is 2.
    # Day 1: 1,100 + 900 = 2,000: the level repeats.
    # Overnight ACE 1,100 + CORE 1,200 = 2,300 stand for 2,000: the divisor becomes 2.3.
    # Day 2: 1,150 + 1,230 = 2,380; 2,380 / 2.3 = 1034.782608...
    levels = levels_of(BY_HAND)
    assert levels["price_level"].to_list() == pytest.approx([1000.0, 1000.0, 2380 / 2.3])
    assert levels["divisor"].to_list() == pytest.approx([2.0, 2.0, 2.3])
    assert levels["members"].to_list() == [2, 2, 2]


def test_the_ledger_says_what_happened() -> None:
    ledger = ledger_of(BY_HAND)
    assert ledger.select("session", "cause").rows() == [
        (DAYS[0], "base"),
        (DAYS[2], "reconstitution"),
    ]
    change = ledger.row(1, named=True)
    assert change["market_value_before_usd"] == 2000.0
    assert change["market_value_after_usd"] == 2300.0


def test_between_events_a_leaver_is_a_deletion_and_a_joiner_an_addition() -> None:
    lines = BY_HAND.with_columns(event_id=pl.lit("2024-06"))
    leaves = lines.filter(pl.col("security_id") != "CORE")
    joins = pl.concat([lines, pl.DataFrame([held(2, "BOLT", 9.0, 9.0, 100.0)])])
    assert ledger_of(leaves)["cause"].to_list() == ["base", "deletion"]
    assert ledger_of(joins)["cause"].to_list() == ["base", "addition"]


def test_an_index_without_members_begins_when_it_has_some() -> None:
    # Until the third session nobody is micro; CORE's close of 1,230 is then worth 1,000 points.
    lines = BY_HAND.with_columns(
        indexes=pl.when(pl.col("security_id") == "CORE")
        .then(pl.lit("r3000e rmicro"))
        .otherwise("indexes")
    )
    both = {index_id: family()[index_id] for index_id in ("r2000", "rmicro")}
    ledger = divisor_events(
        lines, NO_ACTIONS, sessions=DAYS, family=both, base_session=DAYS[0], factors=NO_FACTORS
    )
    micro = ledger.filter(pl.col("index_id") == "rmicro")
    assert micro.select("session", "cause").rows() == [(DAYS[2], "base")]
    found = index_levels(lines, ledger, family=both, factors=NO_FACTORS)
    levels = found.filter(pl.col("index_id") == "rmicro")
    assert levels.select("session", "price_level").rows() == [(DAYS[2], 1000.0)]


def test_a_line_that_changes_its_indexes_leaves_one_and_enters_the_other() -> None:
    lines = pl.DataFrame(
        [
            held(0, "ACE", 20.0, 20.0, 50.0), held(0, "BOLT", 10.0, 10.0, 100.0),
            held(1, "ACE", 20.0, 20.0, 50.0, "2024-12"),
            held(1, "BOLT", 10.0, 10.0, 100.0, "2024-12"),
            held(0, "CORE", 5.0, 5.0, 100.0), held(1, "CORE", 5.0, 5.0, 100.0, "2024-12"),
        ]
    ).with_columns(
        indexes=pl.when((pl.col("security_id") == "BOLT") & (pl.col("session") == DAYS[1]))
        .then(pl.lit("r3000e r1000"))
        .when(pl.col("security_id") == "CORE")
        .then(pl.lit("r3000e r1000"))
        .otherwise("indexes")
    )  # fmt: skip
    both = {index_id: family()[index_id] for index_id in ("r1000", "r2000", "r3000e")}
    ledger = divisor_events(
        lines, NO_ACTIONS, sessions=DAYS, family=both, base_session=DAYS[0], factors=NO_FACTORS
    )
    changes = ledger.filter(pl.col("cause") != "base")
    assert changes.select("index_id", "cause", "factor").rows() == [
        ("r1000", "reconstitution", 3.0),
        ("r2000", "reconstitution", 0.5),
    ]


def test_a_dividend_is_reinvested_across_the_index() -> None:
    # ACE pays 2.00 on day 1: 100 on a value of 2,000 at that close, 5 per cent; net 3.5.
    paid = pl.DataFrame(
        [
            {
                "session": DAYS[1],
                "security_id": "ACE",
                "action_type": "cash_dividend",
                "amount_usd": 2.0,
            }
        ],
        schema=ACTIONS,
    )
    levels = levels_of(BY_HAND, paid)
    assert levels["price_level"][1] == pytest.approx(1000.0)
    assert levels["total_return_level"][1] == pytest.approx(1050.0)
    assert levels["net_total_return_level"][1] == pytest.approx(1035.0)
    assert levels["total_return_level"][2] == pytest.approx(1.05 * 2380 / 2.3)


def test_a_session_before_the_base_has_no_level() -> None:
    later = ledger_of(BY_HAND).with_columns(pl.col("session") + timedelta(days=1))
    with pytest.raises(MissingDivisorError, match="2024-07-01"):
        index_levels(BY_HAND, later, family=SMALL, factors=NO_FACTORS)


def test_a_session_of_carried_closes_says_so() -> None:
    carried = BY_HAND.with_columns(
        status=pl.when(pl.col("session") == DAYS[1]).then(pl.lit("carried")).otherwise("status"),
        close_session=pl.when(pl.col("session") == DAYS[1])
        .then(pl.lit(DAYS[0]))
        .otherwise("close_session"),
    )
    row = levels_of(carried).row(1, named=True)
    assert (row["status"], row["since"]) == ("CARRIED", DAYS[0])
    assert row["reason"] == "2 of 2 members carry an older close"


prices = st.integers(100, 9999).map(lambda cents: cents / 100)
#: Per session: the members' closes, shares of the line, and a split of it, if any.
histories = st.lists(
    st.dictionaries(
        st.sampled_from(["A", "B", "C", "D", "E"]),
        st.tuples(prices, st.sampled_from([None, None, None, 2, 3])),
        min_size=1,
    ),
    min_size=2,
    max_size=len(DAYS),
)


def told(history: list[dict[str, tuple[float, int | None]]]) -> pl.DataFrame:
    """Constituents of a history; who has no close before enters at the day's own close."""
    rows, shares = [], dict.fromkeys("ABCDE", 100.0)
    last: dict[str, float] = {}
    for day, quotes in enumerate(history):
        for line, (close, split) in sorted(quotes.items()):
            factor = float(split or 1) if line in last else 1.0
            shares[line] *= factor
            before = last.get(line, close * factor) / factor
            rows.append(held(day, line, close, before, shares[line]))
            last[line] = close
    return pl.DataFrame(rows)


def exact_levels(lines: pl.DataFrame) -> list[Fraction]:
    """The definition in exact numbers: chain the return of what is held over each session."""
    level, levels = Fraction(1000), []
    for number, day in enumerate(lines["session"].unique().sort()):
        rows = lines.filter(pl.col("session") == day).iter_rows(named=True)
        now = before = Fraction(0)
        for row in rows:
            shares = Fraction(row["index_shares"])
            now += Fraction(row["close_usd"]) * shares
            before += Fraction(row["previous_close_usd"]) * shares
        level *= 1 if number == 0 else now / before
        levels.append(level)
    return levels


@given(histories)
def test_levels_agree_with_exact_arithmetic(
    history: list[dict[str, tuple[float, int | None]]],
) -> None:
    lines = told(history)
    exact = [float(level) for level in exact_levels(lines)]
    assert levels_of(lines)["price_level"].to_list() == pytest.approx(exact, rel=1e-10)


@given(histories, st.integers(0, 2**32))
def test_the_order_of_rows_changes_nothing(
    history: list[dict[str, tuple[float, int | None]]], seed: int
) -> None:
    lines = told(history)
    shuffled = lines.sample(fraction=1.0, shuffle=True, seed=seed)
    assert levels_of(shuffled).equals(levels_of(lines))


@given(histories)
def test_scaling_every_price_scales_values_and_no_level(
    history: list[dict[str, tuple[float, int | None]]],
) -> None:
    lines = told(history)
    money = ("close_usd", "previous_close_usd", "market_value_usd")
    doubled = lines.with_columns(pl.col(money) * 2.0)
    assert levels_of(doubled)["price_level"].equals(levels_of(lines)["price_level"])


@given(histories, st.integers(1, len(DAYS) - 1))
def test_a_ledger_built_in_pieces_equals_one_built_at_once(
    history: list[dict[str, tuple[float, int | None]]], cut: int
) -> None:
    lines = told(history)
    early = ledger_of(lines.filter(pl.col("session") < DAYS[cut]), days=DAYS[:cut])
    late = ledger_of(
        lines.filter(pl.col("session") >= DAYS[cut - 1]), days=DAYS[cut:], earlier=early
    )
    assert pl.concat([early, late]).equals(ledger_of(lines))


@given(histories, st.lists(st.tuples(st.integers(1, 5), st.sampled_from("ABCDE"), prices)))
def test_total_return_is_never_below_price_return(
    history: list[dict[str, tuple[float, int | None]]],
    dividends: list[tuple[int, str, float]],
) -> None:
    paid = pl.DataFrame(
        [
            {
                "session": DAYS[day],
                "security_id": line,
                "action_type": "cash_dividend",
                "amount_usd": amount,
            }
            for day, line, amount in dividends
        ],
        schema=ACTIONS,
    )
    levels = levels_of(told(history), paid)
    assert (levels["net_total_return_level"] >= levels["price_level"]).all()
    assert (levels["total_return_level"] >= levels["net_total_return_level"]).all()
