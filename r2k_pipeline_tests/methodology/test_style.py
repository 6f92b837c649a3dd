"""Growth and value: the curve, the scores, and what they divide.

Golden answers: section 9.1 of the specification states that with capitalisation spread
evenly the curve leaves 34 % divided (27 % had it the power 3, 45 % were it a line), what
lies beyond the quartile points, and the parts that forecasts of few analysts count.

Invariants: probabilities lie in 0 to 1 and never fall as scores rise; scaling or
reordering companies changes nothing; the value and the growth part make the whole.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import empty_frame, require_shape
from r2k_pipeline.errors import BadInputError
from r2k_pipeline.methodology.index_lines import lines_of
from r2k_pipeline.methodology.style import style_scores, value_probability
from r2k_pipeline.methodology.weighting import weight_factors
from r2k_pipeline.rulebook.family_file import parse_family
from r2k_pipeline.rulebook.schedule import event
from r2k_pipeline.sources.fundamentals_file import read_fundamentals

if TYPE_CHECKING:
    from collections.abc import Sequence

EVENT = event("2022-06")
NONE_BEFORE = empty_frame(contract("style_scores"))
VARIABLES = {
    "company_id": pl.String, "book_to_price": pl.Float64, "growth_forecast": pl.Float64,
    "sales_growth": pl.Float64, "analysts": pl.Int32,
}  # fmt: skip


def members(rows: Sequence[tuple[str, str, str | None]]) -> pl.DataFrame:
    """Company, segment and sector of members, a billion each."""
    return pl.DataFrame(
        rows, schema=["company_id", "segment", "sector"], orient="row"
    ).with_columns(total_market_cap_usd=1e9)


def scored(
    decisions: pl.DataFrame,
    known: Sequence[tuple[str, float | None, float | None, float | None, int | None]],
    previous: pl.DataFrame = NONE_BEFORE,
    *,
    is_full: bool = True,
) -> dict[str, dict[str, object]]:
    fundamentals = pl.DataFrame(known, schema=VARIABLES, orient="row")
    found = style_scores(decisions, fundamentals, previous, event=EVENT, is_full=is_full)
    shaped = require_shape(contract("style_scores"), found)
    return {str(row["company_id"]): row for row in shaped.iter_rows(named=True)}


def test_capitalisation_spread_evenly_leaves_a_third_divided() -> None:
    scores = (np.arange(20_000) + 0.5) / 20_000
    found = value_probability(scores, np.ones(20_000))
    # 0.5 u^2 < 0.05 below u = 0.316: of each middle quarter 68.4 % stays divided.
    assert ((found > 0) & (found < 1)).mean() == pytest.approx(0.342, abs=0.001)
    assert found.mean() == pytest.approx(0.5, abs=0.001)
    assert found[10_000] == pytest.approx(0.5, abs=0.001)
    assert (found[:5_000] == 0).all()
    assert (found[15_000:] == 1).all()
    # Half-way from the lower quartile to the median: 0.5 x 0.5^2.
    assert found[7_500] == pytest.approx(0.125, abs=0.001)


def test_quartiles_are_of_capitalisation_not_of_companies() -> None:
    # The first company is worth as much as all the others: it is the lower half by itself.
    found = value_probability(np.array([0.1, 0.5, 0.6, 0.7]), np.array([3.0, 1.0, 1.0, 1.0]))
    # Both its points are 0.1, the upper one is 0.6: 1 - 0.5 x (0.1 / 0.5)^2 is 98 %, so all.
    assert found.tolist() == [0.5, 1.0, 1.0, 1.0]


scores_and_caps = st.lists(
    st.tuples(st.integers(0, 100).map(lambda n: n / 100), st.integers(1, 1000).map(float)),
    min_size=1,
    max_size=40,
)


@given(scores_and_caps, st.integers(0, 2**32))
def test_the_curve_rises_and_is_blind_to_order_and_scale(
    rows: list[tuple[float, float]], seed: int
) -> None:
    scores, caps = (np.array(part) for part in zip(*rows, strict=True))
    found = value_probability(scores, caps)
    assert ((found == 0) | (found == 1) | ((found >= 0.05) & (found <= 0.95))).all()
    order = np.argsort(scores, kind="stable")
    assert (np.diff(found[order]) >= -1e-12).all()
    mixed = np.random.default_rng(seed).permutation(len(rows))
    again = value_probability(scores[mixed], caps[mixed] * 8.0)
    assert again.tolist() == pytest.approx(found[mixed].tolist())


def test_scores_by_hand() -> None:
    # Percentiles of four are 1/8, 3/8, 5/8 and 7/8. A: cheapest, slowest; D the other way.
    decided = members([(name, "small", "Energy") for name in "ABCD"])
    found = scored(
        decided,
        [
            ("A", 0.9, 0.01, 0.01, 9), ("B", 0.6, 0.02, 0.02, 9),
            ("C", 0.3, 0.03, 0.03, 9), ("D", 0.1, 0.04, 0.04, 9),
        ],
    )  # fmt: skip
    assert {name: row["composite_score"] for name, row in found.items()} == pytest.approx(
        {"A": 7 / 8, "B": 5 / 8, "C": 3 / 8, "D": 1 / 8}
    )
    assert {name: row["value_probability"] for name, row in found.items()} == {
        "A": 1.0, "B": 1.0, "C": 0.5, "D": 0.0,
    }  # fmt: skip


def test_what_is_missing_stands_on_the_sector_if_five_have_it() -> None:
    rows = [(f"E{n}", "small", "Energy") for n in range(6)] + [("F0", "small", "Finance")]
    known = [(f"E{n}", n / 10, 0.1 * n, 0.1 * n, 9) for n in range(5)]
    # E5 has a negative book value and no growth; F0 is alone in its sector and has no book.
    found = scored(
        members(rows), [*known, ("E5", -1.0, None, None, None), ("F0", None, 9.0, 9.0, 9)]
    )
    assert found["E5"]["estimated"] == "book_to_price growth_forecast sales_growth"
    # Book-to-price is known of five, growth of six: F0 grows fastest, 11/12. The five of
    # Energy average 1/2 by book, and (1 + 3 + 5 + 7 + 9) / 12 / 5 by growth.
    growth = 25 / 60
    assert found["E5"]["composite_score"] == pytest.approx(0.5 * 0.5 + 0.5 * (1 - growth))
    assert found["F0"]["composite_score"] == pytest.approx(0.5 * 0.5 + 0.5 * (1 - 11 / 12))


@pytest.mark.parametrize(("analysts", "own"), [(1, 1 / 3), (2, 2 / 3), (3, 1.0), (None, 1.0)])
def test_a_forecast_of_few_analysts_counts_in_part(analysts: int | None, own: float) -> None:
    names = [f"E{n}" for n in range(5)]
    known = [(name, 0.5, 0.1 * n, 0.1, 9 if n else analysts) for n, name in enumerate(names)]
    found = scored(members([(name, "small", "Energy") for name in names]), known)
    # E0 forecasts least, percentile 0.1; the group averages 0.5. The other two are all alike.
    forecast = own * 0.1 + (1 - own) * 0.5
    assert found["E0"]["composite_score"] == pytest.approx(0.25 + 0.25 * (1 - forecast) + 0.125)


def test_a_score_that_moved_little_stays_unless_the_segment_changed() -> None:
    before = pl.DataFrame(
        [("2021-06", "A", "small", 0.80, 1.0, False, None),
         ("2021-06", "B", "large", 0.60, 1.0, False, None),
         ("2021-06", "C", "small", 0.70, 1.0, False, None)],
        schema=NONE_BEFORE.schema,
        orient="row",
    )  # fmt: skip
    decided = members([(name, "small", "Energy") for name in "ABCD"])
    known = [
        ("A", 0.9, 0.01, 0.01, 9), ("B", 0.6, 0.02, 0.02, 9),
        ("C", 0.3, 0.03, 0.03, 9), ("D", 0.1, 0.04, 0.04, 9),
    ]  # fmt: skip
    found = scored(decided, known, before)
    # A moved by 0.075 and stays; B was in another segment; C moved by 0.325; D is new.
    assert [found[name]["composite_score"] for name in "ABCD"] == pytest.approx(
        [0.80, 0.625, 0.375, 0.125]
    )
    assert [found[name]["is_kept"] for name in "ABCD"] == [True, False, False, False]
    december = scored(decided, known, before, is_full=False)
    assert [december[name]["is_kept"] for name in "ABCD"] == [True, False, True, False]
    assert december["C"]["value_probability"] == 1.0


def test_segments_are_scored_apart() -> None:
    rows = [("A", "large", "E"), ("B", "large", "E"), ("C", "small", "E"), ("D", "small", "E")]
    known = [(name, float(n), None, None, None) for n, (name, *_) in enumerate(rows)]
    found = scored(members(rows), known)
    assert [found[name]["composite_score"] for name in "ABCD"] == pytest.approx(
        [0.375, 0.625, 0.375, 0.625]
    )


def test_without_fundamentals_nothing_is_scored_and_a_style_index_says_so() -> None:
    assert scored(members([("A", "small", "Energy")]), []) == {}
    with pytest.raises(BadInputError, match=r"v on 2022-06-27: no company has a style"):
        weight_factors(HELD, family=FAMILY, scores=NONE_BEFORE)


FAMILY = parse_family(
    "indexes: {v: {name: V, ranks: [1, 9], style: value}, g: {name: G, ranks: [1, 9], "
    "style: growth}, vcap: {name: VC, ranks: [1, 9], style: value, cap: {company: 0.5}}}",
    file="f.yaml",
)
HELD = pl.DataFrame(
    {
        "session": date(2022, 6, 27), "security_id": ["A", "B", "C", "D"],
        "company_id": ["A", "B", "C", "D"], "sector": ["E", "E", "E", "F"],
        "indexes": "v g vcap", "previous_close_usd": [10.0, 10.0, 10.0, 10.0],
        "index_shares": [100.0, 60.0, 50.0, 40.0], "float_factor": 1.0,
        "market_value_usd": [1000.0, 600.0, 500.0, 400.0],
    }
)  # fmt: skip


def test_value_and_growth_make_the_whole() -> None:
    # C joined since the event: it has the mean of its sector. D's sector has none: a half.
    scores = pl.DataFrame({"company_id": ["A", "B"], "value_probability": [1.0, 0.4]})
    factors = weight_factors(HELD, family=FAMILY, scores=scores)
    shaped = require_shape(contract("weight_factors"), factors)
    by_index = {
        index_id: dict(
            shaped.filter(pl.col("index_id") == index_id).select("security_id", "factor").rows()
        )
        for index_id in FAMILY
    }
    assert by_index["v"] == pytest.approx({"A": 1.0, "B": 0.4, "C": 0.7, "D": 0.5})
    assert by_index["g"] == pytest.approx({"B": 0.6, "C": 0.3, "D": 0.5})
    parts = [lines_of(HELD, FAMILY[name], factors)["market_value_usd"].sum() for name in "vg"]
    assert sum(parts) == pytest.approx(HELD["market_value_usd"].sum())
    # Of 1,790 of value A is 1,000; capped to a half, the others share the rest.
    capped = shaped.filter(pl.col("index_id") == "vcap").select("security_id", "weight").rows()
    assert dict(capped) == pytest.approx(
        {"A": 0.5, "B": 240 / 790 / 2, "C": 350 / 790 / 2, "D": 200 / 790 / 2}
    )


HEADER = "event,symbol,book_to_price,growth_forecast,sales_growth,analysts\n"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("event,symbol\n", "row 1: the header must name book_to_price"),
        (HEADER + "2022-06,A,cheap,,,\n", "row 2: could not convert string to float: 'cheap'"),
        (HEADER + "2022-06,,0.5,,,\n", "row 2: no event or no symbol"),
        (HEADER + "2022-06,A,0.5,,,\n2022-06,A,0.6,,,\n", "has A twice at 2022-06"),
        (HEADER + "2022-06,A,0.5,,,two\n", "row 2: invalid literal"),
    ],
)
def test_a_fault_of_the_file_is_named_with_its_row(text: str, fault: str) -> None:
    with pytest.raises(BadInputError) as caught:
        read_fundamentals(text.encode(), file="f.csv")
    assert caught.value.culprit.startswith("f.csv")
    assert fault in caught.value.culprit
