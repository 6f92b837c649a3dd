"""Equal and capped weights, and the factors that bring them about.

Invariants:
- capped weights sum to one, none is above the cap, and where large companies are limited
  together those above the bound of being large weigh at most the limit;
- a larger weight never ends below a smaller one, equal ones end equal;
- weights below every cap stay as they are, to the last bit;
- capping again changes nothing;
- equal weights are the same for every company of a sector and for every sector;
- an index is worth the same with its factors as without, at each reset.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import require_shape
from r2k_pipeline.errors import BadInputError
from r2k_pipeline.methodology.divisors import divisor_events
from r2k_pipeline.methodology.index_lines import lines_of
from r2k_pipeline.methodology.levels import index_levels
from r2k_pipeline.methodology.weighting import (
    capped_weights,
    last_reset,
    reset_sessions,
    weight_factors,
)
from r2k_pipeline.queries.verification import index_values
from r2k_pipeline.rulebook.family_file import parse_family
from r2k_pipeline.rulebook.index_definition import CapScheme

FAMILY = parse_family(
    """
indexes:
  plain: {name: P, ranks: [1, 4000]}
  eq: {name: E, ranks: [1, 4000], weighting: equal}
  capped: {name: C, ranks: [1, 4000], cap: {company: 0.5}}
  full: {name: F, ranks: [1, 4000], weighting: full_market_cap}
""",
    file="f.yaml",
)
RESET = date(2022, 6, 27)
STYLE_CAPS = CapScheme(company=0.225, large=0.045, large_total=0.45)
TOLERANCE = 1e-9

NO_SCORES = pl.DataFrame()
NO_ACTIONS = pl.DataFrame(
    schema={
        "session": pl.Date, "security_id": pl.String, "action_type": pl.String,
        "amount_usd": pl.Float64,
    }
)  # fmt: skip

sizes = st.lists(st.integers(1, 10**6), min_size=1, max_size=60)
caps = st.sampled_from(
    [CapScheme(company=0.05), CapScheme(company=0.2), CapScheme(company=1.0), STYLE_CAPS]
)


def shares_of(values: list[int]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.array(values) / sum(values)


def is_feasible(count: int, cap: CapScheme) -> bool:
    """Whether so many companies can weigh so little; large ones are more than the bound."""
    if cap.large is None or cap.large_total is None:
        return count * cap.company >= 1
    return cap.large_total + (count - 10) * cap.large >= 1 + cap.large


@given(sizes, caps)
def test_capped_weights_sum_to_one_within_the_caps(values: list[int], cap: CapScheme) -> None:
    assume(is_feasible(len(values), cap))
    found = capped_weights(shares_of(values), cap)
    assert found.sum() == pytest.approx(1.0)
    assert found.max() <= cap.company + TOLERANCE
    if cap.large is not None and cap.large_total is not None:
        assert found[found > cap.large + TOLERANCE].sum() <= cap.large_total + TOLERANCE


@given(sizes, caps)
def test_a_larger_company_never_ends_below_a_smaller_one(values: list[int], cap: CapScheme) -> None:
    assume(is_feasible(len(values), cap))
    weights = shares_of(values)
    found = capped_weights(weights, cap)
    order = np.argsort(weights, kind="stable")
    assert (np.diff(found[order]) >= -TOLERANCE).all()
    for value in set(values):
        assert np.ptp(found[weights == value / sum(values)]) <= TOLERANCE


@given(sizes, caps)
def test_capping_again_changes_nothing(values: list[int], cap: CapScheme) -> None:
    assume(is_feasible(len(values), cap))
    found = capped_weights(shares_of(values), cap)
    assert capped_weights(found, cap).tolist() == pytest.approx(found.tolist(), abs=TOLERANCE)


def test_what_exceeds_nothing_stays_to_the_last_bit() -> None:
    weights = shares_of([7, 11, 13, 17, 19])
    assert capped_weights(weights, CapScheme(company=0.3)) is weights


def test_the_excess_goes_to_the_others_in_proportion() -> None:
    # 60 is cut to 40; its 20 are shared 3 to 1, which lifts 30 to 45, above the cap; cut again.
    found = capped_weights(np.array([0.6, 0.3, 0.1]), CapScheme(company=0.4))
    assert found.tolist() == pytest.approx([0.4, 0.4, 0.2])


def test_large_companies_together_by_hand() -> None:
    # Two companies of 30 % and twenty of 2 %. Each is cut to 22.5 %, and the others share the
    # 15 % to 2.75 % each. Together they are 45 %: exactly what they may be.
    found = capped_weights(np.array([0.3, 0.3] + [0.02] * 20), STYLE_CAPS)
    assert found.tolist() == pytest.approx([0.225, 0.225] + [0.0275] * 20)
    # With a third of 10 % and fifteen of 2 % they are 55.9 %, and are scaled to 45 % together.
    found = capped_weights(np.array([0.3, 0.3, 0.1] + [0.02] * 15), STYLE_CAPS)
    held = [0.225, 0.225, 0.1 * 0.55 / 0.4]
    assert found[:3].tolist() == pytest.approx([0.45 * w / sum(held) for w in held])
    assert found[3:].tolist() == pytest.approx([0.55 / 15] * 15)


def test_a_company_that_would_fall_to_the_bound_is_held_there() -> None:
    # 40, 5 and 5 %, then twenty-five of 2 %: after the cut to 22.5 % the others are scaled up
    # by 0.775 / 0.6; 6.46 % twice, 35.4 % in all: nothing to limit together.
    found = capped_weights(np.array([0.4, 0.05, 0.05] + [0.02] * 25), STYLE_CAPS)
    assert found[1] == pytest.approx(0.05 * 0.775 / 0.6)
    # Eleven of 5 % and forty-five of 1 %: 55 % are large, and none can stay large when they are
    # scaled to 45 % (4.09 % each), so all are held at 4.5 % and the rest shares 50.5 %.
    found = capped_weights(np.array([0.05] * 11 + [0.01] * 45), STYLE_CAPS)
    assert found[:11].tolist() == pytest.approx([0.045] * 11)
    assert found[11:].tolist() == pytest.approx([0.505 / 45] * 45)


def test_a_cap_that_cannot_hold_says_so() -> None:
    with pytest.raises(ValueError, match=r"3 companies of at most 30 % each cannot weigh 100 %"):
        capped_weights(np.array([0.5, 0.3, 0.2]), CapScheme(company=0.3))
    alone = lines([("A", "A", "Energy", 1.0, 1.0, 1.0)])
    with pytest.raises(BadInputError, match=r"capped on 2022-06-27: 1 companies"):
        weight_factors(alone, family=FAMILY, scores=NO_SCORES)


def lines(rows: list[tuple[str, str, str | None, float, float, float]]) -> pl.DataFrame:
    """Line, company, sector, previous close, shares and float of members at the reset."""
    columns = {
        "security_id": pl.String, "company_id": pl.String, "sector": pl.String,
        "previous_close_usd": pl.Float64, "index_shares": pl.Float64, "float_factor": pl.Float64,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=columns, orient="row").with_columns(
        session=pl.lit(RESET),
        indexes=pl.lit(" ".join(FAMILY)),
        event_id=pl.lit("2022-06"),
        status=pl.lit("ok"),
        close_session=pl.lit(RESET),
        close_usd="previous_close_usd",
        market_value_usd=pl.col("previous_close_usd") * pl.col("index_shares"),
    )


# Two sectors: Energy with A (two lines, 3 to 1) and B, and C without a sector.
BY_HAND = lines(
    [
        ("A1", "A", "Energy", 30.0, 10.0, 1.0),
        ("A2", "A", "Energy", 10.0, 10.0, 0.5),
        ("B", "B", "Energy", 5.0, 20.0, 1.0),
        ("C", "C", None, 1.0, 500.0, 0.8),
    ]
)


def test_equal_weight_by_hand() -> None:
    found = weight_factors(BY_HAND, family=FAMILY, scores=NO_SCORES).filter(
        pl.col("index_id") == "eq"
    )
    assert require_shape(contract("weight_factors"), found).height == 4
    # A and B share the half of Energy, A's lines share its quarter 3 to 1; C has the other half.
    weights = dict(found.select("security_id", "weight").iter_rows())
    assert weights == pytest.approx({"A1": 0.1875, "A2": 0.0625, "B": 0.25, "C": 0.5})
    # All are worth 1,000: A1 must be worth 187.50 and is worth 300.
    factors = dict(found.select("security_id", "factor").iter_rows())
    assert factors == pytest.approx({"A1": 0.625, "A2": 0.625, "B": 2.5, "C": 1.0})


def test_full_market_cap_leaves_the_float_out() -> None:
    full = lines_of(BY_HAND, FAMILY["full"], pl.DataFrame())
    assert full["index_shares"].to_list() == pytest.approx([10.0, 20.0, 20.0, 625.0])
    assert full["market_value_usd"].to_list() == pytest.approx([300.0, 200.0, 100.0, 625.0])


market = st.lists(
    st.tuples(
        st.sampled_from(["Energy", "Finance", None]),
        st.integers(1, 10**6).map(float),
        st.integers(1, 10**4).map(float),
    ),
    min_size=3,
    max_size=20,
)


@given(market)
def test_an_index_is_worth_the_same_with_its_factors(
    rows: list[tuple[str | None, float, float]],
) -> None:
    held = lines(
        [(f"S{n}", f"C{n}", sector, price, shares, 1.0)
         for n, (sector, price, shares) in enumerate(rows)]
    )  # fmt: skip
    factors = weight_factors(held, family=FAMILY, scores=NO_SCORES)
    for index_id in ("eq", "capped"):
        own = lines_of(held, FAMILY[index_id], factors)
        assert own["market_value_usd"].sum() == pytest.approx(held["market_value_usd"].sum())
        assert factors.filter(pl.col("index_id") == index_id)["weight"].sum() == pytest.approx(1.0)
    equal = factors.filter(pl.col("index_id") == "eq").join(held, on="security_id")
    by_sector = equal.group_by("sector").agg(
        pl.col("weight").sum(), lowest=pl.col("weight").min(), highest=pl.col("weight").max()
    )
    assert by_sector["weight"].to_list() == pytest.approx([1 / by_sector.height] * by_sector.height)
    assert by_sector["lowest"].to_list() == pytest.approx(by_sector["highest"].to_list())


def test_resets_are_events_and_quarterly_reviews() -> None:
    assert [str(day) for day in reset_sessions(date(2024, 1, 1), date(2024, 12, 31))] == [
        "2024-03-18", "2024-07-01", "2024-09-23", "2024-12-23",
    ]  # fmt: skip
    # While shares were updated each month, weights were reset each quarter all the same.
    assert len(reset_sessions(date(2010, 1, 1), date(2010, 12, 31))) == 4
    assert last_reset(date(1980, 1, 1)) is None


def drifting() -> tuple[pl.DataFrame, list[date]]:
    """Two companies over a reset: A doubles before it; N joins the session after it."""
    days = [RESET - timedelta(days=3), RESET, RESET + timedelta(days=1)]
    closes: dict[str, list[float | None]] = {
        "A": [10.0, 20.0, 20.0],
        "B": [10.0, 10.0, 11.0],
        "N": [None, None, 50.0],
    }
    rows = [
        {
            "session": days[n], "security_id": line, "symbol": line, "company_id": line,
            "sector": "Energy",
            "indexes": "eq", "event_id": "2022-06", "index_shares": 100.0, "float_factor": 1.0,
            "previous_close_usd": prices[max(n - 1, 0)] or close, "close_usd": close,
            "market_value_usd": close * 100.0, "close_session": days[n], "status": "ok",
        }
        for line, prices in closes.items()
        for n, close in enumerate(prices)
        if close is not None
    ]  # fmt: skip
    return pl.DataFrame(rows).with_columns(parent_security_id=pl.lit(None, pl.String)), days


def test_a_reset_is_level_neutral_and_who_joins_later_waits_for_the_next() -> None:
    held, days = drifting()
    eq = {"eq": FAMILY["eq"]}
    factors = pl.concat(
        [weight_factors(held.filter(session=d), family=eq, scores=NO_SCORES) for d in days[:2]]
    )
    ledger = divisor_events(
        held, NO_ACTIONS, sessions=days, family=eq, base_session=days[0], factors=factors
    )
    levels = index_levels(held, ledger, family=eq, factors=factors)
    # Day 1: A doubles, half the weight: +50 %. The reset at its open counts yesterday's close,
    # at which both weigh a half already, so nothing changes hands. Day 2: B gains a tenth; its
    # weight is a third by now. N has no factor and does not count.
    assert levels["price_level"].to_list() == pytest.approx([1000.0, 1500.0, 1550.0])
    assert levels["members"].to_list() == [2, 2, 2]
    assert ledger["cause"].to_list() == ["base"]
    values = index_values(held.lazy(), factors, family=eq)
    assert values.sort("session")["market_value_usd"].to_list() == pytest.approx(
        levels["market_value_usd"].to_list()
    )


def test_a_reset_after_a_drift_is_an_entry_of_the_ledger() -> None:
    held, days = drifting()
    eq = {"eq": FAMILY["eq"]}
    both = held.filter(pl.col("security_id") != "N")
    factors = pl.concat(
        [
            weight_factors(both.filter(session=day), family=eq, scores=NO_SCORES)
            for day in (days[0], days[2])
        ]
    )
    ledger = divisor_events(
        both, NO_ACTIONS, sessions=days, family=eq, base_session=days[0], factors=factors
    )
    assert ledger.select("session", "cause").rows() == [(days[0], "base"), (days[2], "reweight")]
    levels = index_levels(both, ledger, family=eq, factors=factors)
    # Reset to halves at the open of day 2, B's tenth is half of a tenth: 1,500 x 1.05.
    assert levels["price_level"].to_list() == pytest.approx([1000.0, 1500.0, 1575.0])
