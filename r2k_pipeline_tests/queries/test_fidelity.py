"""Comparisons with known answers: tiny lists by hand, then the small history against itself.

Invariants: what we publish, fed back as truth, agrees in full; and every line in
one list only has exactly one cause.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest

from r2k_pipeline.errors import BadInputError
from r2k_pipeline.queries.fidelity import Compared, Fidelity, fidelity
from r2k_pipeline.queries.fidelity_changes import compare_changes
from r2k_pipeline.queries.fidelity_members import compare_members, line_standing, symbols_on
from r2k_pipeline.queries.fidelity_rows import fidelity_rows
from r2k_pipeline.queries.fidelity_series import (
    compare_floats,
    compare_weights,
    daily_differences,
    level_scores,
    worst_days,
)
from r2k_pipeline.queries.levels import levels
from r2k_pipeline.queries.members import members
from r2k_pipeline.queries.reconstitution import decisions_of
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.sources.truth.folder import read_truth

if TYPE_CHECKING:
    from pathlib import Path

    from r2k_pipeline.storage.store import Store

LISTED, GONE, SESSION = date(2021, 1, 4), date(2022, 6, 1), date(2022, 6, 27)

# symbol, company, last listed, line type, reason, rank, previous segment, segment, member segment
LINES = [
    ("BRK/B", "BRK", SESSION, "common", None, 1, "large", "large", "large"),
    ("BRK/A", "BRK", SESSION, "common", None, 1, "large", "large", None),
    ("EDGE", "EDGE", SESSION, "common", None, 2, "small", "large", "large"),
    ("MID", "MID", SESSION, "common", None, 3, "small", "small", "small"),
    ("MOG/A", "MOG", SESSION, "common", None, 4, None, "small", "small"),
    ("TOYS", "TOYS", SESSION, "reit", None, 5, "micro", "small", "small"),
    ("LOW", "LOW", SESSION, "common", None, 305, "small", "micro", "micro"),
    ("FRGN", "FRGN", SESSION, "common", "foreign", None, "small", None, None),
    ("DEAD", "DEAD", GONE, "common", None, None, "small", None, None),
    ("LATE", "LATE", SESSION, None, None, None, None, None, None),
]


def indexes_of(segment: str) -> pl.Expr:
    """The indexes of the size of a segment."""
    texts = {"large": "r3000e r3000 r1000", "small": "r3000e r3000 r2000", "micro": "r3000e"}
    return pl.col(segment).replace_strict(texts, default=None, return_dtype=pl.String)


@pytest.fixture(scope="module")
def standing() -> pl.DataFrame:
    columns = (
        "symbol", "company_id", "last_session", "line_type", "exclusion_reason", "rank",
        "previous_segment", "segment", "member_segment",
    )  # fmt: skip
    lines = pl.DataFrame(LINES, schema=columns, orient="row").with_columns(
        security_id=pl.concat_str(pl.lit("S-"), "symbol"),
        name="symbol",
        first_session=pl.lit(LISTED),
        is_eligible=pl.col("exclusion_reason").is_null(),
        country=pl.lit(None, pl.String),
        cumulative_market_cap_share=1 - 0.5 / pl.col("rank"),
    )
    companies = lines.unique("company_id", keep="first", maintain_order=True)
    boundaries = pl.DataFrame(
        {"edge": ["1", "2"], "lower_bound_share": [None, 0.7], "upper_bound_share": [None, 0.8]}
    )
    held = lines.drop_nulls("member_segment").select(
        "security_id", segment="member_segment", indexes=indexes_of("member_segment")
    )
    return line_standing(
        symbols_on(lines, SESSION),
        universe=lines.drop_nulls("line_type").filter(pl.col("symbol") != "DEAD"),
        decisions=companies.filter(pl.col("company_id") != "LATE").with_columns(
            previous_indexes=indexes_of("previous_segment"), indexes=indexes_of("segment")
        ),
        boundaries=boundaries,
        held=held,
        rules=replace(rules_in_force(SESSION), large_cap_count=2, total_count=5),
    )


def test_scores_and_confusion_by_hand(standing: pl.DataFrame) -> None:
    listed = pl.DataFrame(
        [
            ("BRKB", "r1000"),
            ("EDGE", "r2000"), ("mid", "r2000"), ("MOG.A", "r2000"), ("LOW", "r2000"),
        ],
        schema=["symbol", "index"],
        orient="row",
    )  # fmt: skip
    found = compare_members(listed, standing)
    by_index = {row["index"]: row for row in found.scores.iter_rows(named=True)}
    small = by_index["r2000"]
    # Ours are MID, MOG/A and TOYS; two of their four are among them.
    assert (small["ours"], small["theirs"], small["both"]) == (3, 4, 2)
    assert small["precision_share"] == pytest.approx(2 / 3)
    assert small["recall_share"] == pytest.approx(0.5)
    assert small["f1_share"] == pytest.approx(4 / 7)
    assert (by_index["r3000"]["ours"], by_index["r3000"]["both"]) == (5, 4)
    assert found.confusion.rows() == [
        ("large", "r1000", 1), ("large", "r2000", 1), ("micro", "r2000", 1),
        ("small", "none", 1), ("small", "r2000", 2),
    ]  # fmt: skip


CAUSES = {
    "EDGE": ("wrong_side_in_band", None, 0),
    "BRK/A": ("other_line", None, None),
    "LOW": ("ranked_too_low", None, 300),
    "FRGN": ("excluded", "foreign", None),
    "DEAD": ("not_listed", None, None),
    "UNKNOWN": ("not_listed", None, None),
    "LATE": ("not_listed_on_rank_day", None, None),
}


@pytest.mark.parametrize("symbol", CAUSES)
def test_the_cause_of_each_miss(symbol: str, standing: pl.DataFrame) -> None:
    index = "r1000" if symbol == "BRK/A" else "r2000"
    listed = pl.DataFrame({"symbol": [symbol], "index": [index]})
    found = compare_members(listed, standing).names.filter(pl.col("side") == "missed")
    assert found.select("symbol", "cause", "reason", "rank_distance").row(0) == (
        symbol,
        *CAUSES[symbol],
    )


def test_the_cause_of_each_false_member(standing: pl.DataFrame) -> None:
    listed = pl.DataFrame({"symbol": ["MOGA", "MID", "BRKA"], "index": ["r2000", "r1000", "r1000"]})
    false = compare_members(listed, standing).names.filter(pl.col("side") == "false")
    assert false.filter(pl.col("index") != "r3000").select("index", "symbol", "cause").rows() == [
        ("r1000", "EDGE", "near_the_cut"),
        ("r1000", "BRK/B", "other_line"),
        ("r2000", "TOYS", "near_the_cut"),
        ("r2000", "MID", "wrong_side"),
    ]


def test_changes_by_hand(standing: pl.DataFrame) -> None:
    changes = pl.DataFrame(
        [
            ("MOGA", "addition"), ("TOYS", "addition"), ("MID", "addition"), ("LOW", "addition"),
            ("FRGN", "deletion"), ("EDGE", "deletion"), ("TOYS", "deletion"),
        ],
        schema=["symbol", "action"],
        orient="row",
    ).with_columns(index=pl.lit("r3000"))  # fmt: skip
    found = compare_changes(changes, standing)
    # Ours: MOG/A and TOYS come; LOW and FRGN go; DEAD left before and is no deletion.
    assert found.scores.rows() == [
        ("r3000", "addition", 2, 4, 2, 0.5, 1.0),
        ("r3000", "deletion", 2, 3, 1, 1 / 3, 0.5),
    ]
    assert found.names.select("side", "symbol", "cause").sort("symbol").rows() == [
        ("deletion", "EDGE", "kept"),
        ("addition", "LOW", "ranked_too_low"),
        ("addition", "MID", "already_member"),
        ("deletion", "TOYS", "kept"),
    ]


def test_levels_by_hand() -> None:
    days = [date(2021, 12, 30), date(2021, 12, 31), date(2022, 1, 3), date(2022, 1, 4)]
    ours = pl.DataFrame({"session": days, "level": [100.0, 110.0, 121.0, 121.0]})
    theirs = pl.DataFrame(
        {"session": [*days, date(2022, 1, 5)], "level": [50.0, 54.5, 60.495, 59.89005, 1.0]}
    )
    daily = daily_differences(ours, theirs)
    assert daily["difference_bp"].round(6).to_list() == [100.0, -100.0, 100.0]
    scores = {row["year"]: row for row in level_scores(daily).iter_rows(named=True)}
    assert scores["2021"]["tracking_error_bp"] is None
    assert scores["all"]["sessions"] == 3
    # Differences of +100, -100 and +100 bp have the standard deviation 200 / sqrt(3).
    assert scores["all"]["tracking_error_bp"] == pytest.approx(200 / 3**0.5 * 252**0.5)
    assert scores["2022"]["our_return"] == pytest.approx(0.1)
    assert worst_days(daily, count=1)["session"].to_list() == [days[1], days[2]]


def test_floats_and_weights_by_hand() -> None:
    theirs = pl.DataFrame({"symbol": ["A", "B.B", "X"], "float_factor": [0.5, 1.3, 0.1]})
    ours = pl.DataFrame({"symbol": ["A", "B/B", "Y"], "float_factor": [1.0, 0.8, 1.0]})
    found = compare_floats(theirs, ours)
    assert found["lines"] == 2
    assert found["mean_difference"] == pytest.approx((0.5 - 0.2) / 2)
    assert found["mean_absolute_difference"] == pytest.approx(0.35)
    unweighted = pl.DataFrame(
        {"symbol": ["A"], "weight": [None]}, schema_overrides={"weight": pl.Float64}
    )
    assert compare_weights(unweighted, unweighted) is None


def as_truth(folder: Path, store: Store, session: date) -> None:
    """Write our own members and levels as if somebody else had published them."""
    lists = [
        members(store, index, session).select(
            pl.col("symbol").str.replace("/", "."), index=pl.lit(index)
        )
        for index in ("r1000", "r2000")
    ]
    pl.concat(lists).write_csv(folder / f"members_{session}.csv")
    own = levels(store, "r2000").select("price_level", date="session")
    own.with_columns(price_level=pl.col("price_level") * 2).write_csv(folder / "r2000.csv")


def one(found: Fidelity, subject: str) -> Compared:
    (compared,) = [c for c in found.compared if c.file.subject.startswith(subject)]
    return compared


def test_our_own_tables_agree_in_full(history: Store, tmp_path: Path) -> None:
    as_truth(tmp_path, history, SESSION)
    found = fidelity(history, read_truth(tmp_path))
    listed = one(found, "members")
    assert (listed.event_id, listed.is_banded) == ("2022-06", True)
    assert listed.frames["scores"]["f1_share"].to_list() == [1.0, 1.0, 1.0]
    assert listed.frames["causes"].is_empty()
    total = one(found, "r2000").frames["years"].tail(1).row(0, named=True)
    assert total["correlation"] == pytest.approx(1.0)
    assert total["tracking_error_bp"] == pytest.approx(0.0, abs=1e-6)


def test_every_disagreement_has_one_cause(history: Store, tmp_path: Path) -> None:
    path = tmp_path / "members_2022-06-27.csv"
    path.write_text(
        "symbol,index\nRISE,R1000\nFALL,R1000\nPNNY,R2000\nGONE,R2000\nFRGN,R2000\nSPCX,R2000\n",
        encoding="utf-8",
    )
    found = fidelity(history, read_truth(path))
    names = found.compared[0].names
    assert names is not None
    why = dict(names.filter(pl.col("side") == "missed").select("symbol", "reason").iter_rows())
    assert why["PNNY"] == "price_below_minimum"
    assert why["FRGN"] == "foreign"
    assert why["SPCX"] == "spac"
    scores = found.compared[0].frames["scores"]
    differing = names.group_by("index").len().sort("index")["len"].to_list()
    expected = scores.sort("index").select(pl.col("ours") + pl.col("theirs") - 2 * pl.col("both"))
    assert differing == expected.to_series().to_list()


def test_figures_of_an_event(history: Store, tmp_path: Path) -> None:
    decided = decisions_of(history, "2022-06")
    at_breakpoint = decided.filter(pl.col("rank") == 1000)["total_market_cap_usd"].item()
    total = float(decided.filter(pl.col("rank") <= 3000)["total_market_cap_usd"].sum())
    (tmp_path / "published.csv").write_text(
        "year,rank_day,breakpoint_usd_bn,r3000_total_cap_usd_tn,r3000_additions\n"
        f"1999,1999-05-28,1.4,,\n2022,2022-05-06,{at_breakpoint / 1e9 / 1.02},{total / 1e12},\n",
        encoding="utf-8",
    )
    found = fidelity(history, read_truth(tmp_path)).compared[0].frames["figures"]
    assert found.sort("figure").select("event", "figure").rows() == [
        ("2022-06", "breakpoint_usd"), ("2022-06", "r3000_total_usd"),
    ]  # fmt: skip
    assert found.sort("figure")["difference_pct"].to_list() == pytest.approx([2.0, 0.0])


def test_what_we_do_not_hold_is_skipped_and_said(history: Store, tmp_path: Path) -> None:
    as_truth(tmp_path, history, SESSION)
    (tmp_path / "members_2023-06-26.csv").write_text("symbol,index\nA,R1000\n", encoding="utf-8")
    (tmp_path / "changes_2021-06-28.csv").write_text(
        "symbol,action\nA,addition\n", encoding="utf-8"
    )
    found = fidelity(history, read_truth(tmp_path))
    assert len(found.compared) == 2
    assert dict(found.skipped) == {
        "changes_2021-06-28": "event 2021-06 had no incumbents, so it changed nothing",
        "members_2023-06-26": "event 2023-06 is not built",
    }


def test_an_empty_store_compares_nothing(empty_store: Store, tmp_path: Path) -> None:
    path = tmp_path / "members_2022-06-27.csv"
    path.write_text("symbol,index\nA,R1000\n", encoding="utf-8")
    with pytest.raises(BadInputError, match="nothing could be compared: members_2022-06-27"):
        fidelity(empty_store, read_truth(path))


def test_rows_are_unique_counts_and_shares(history: Store, tmp_path: Path) -> None:
    as_truth(tmp_path, history, SESSION)
    listed = tmp_path / f"members_{SESSION}.csv"
    listed.write_text(listed.read_text().replace("RISE,", "NOBODY,"), encoding="utf-8")
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    rows = fidelity_rows(fidelity(history, read_truth(tmp_path)), run_id="r", measured_at=moment)
    assert not rows.select("subject", "scope", "metric").is_duplicated().any()
    missed = rows.filter(pl.col("metric") == "missed_not_listed_lines")
    assert missed.filter(pl.col("scope") != "r3000")["value"].to_list() == [1.0]
    assert "NOBODY" not in rows.write_csv()


def test_published_series_that_contradict_are_set_apart(history: Store, tmp_path: Path) -> None:
    as_truth(tmp_path, history, SESSION)
    own = levels(history, "r2000").select("price_level", date="session")
    # A level that is one in a hundred too high on one session: two sessions contradict.
    odd = own["date"][5]
    wrong = pl.when(pl.col("date") == odd).then(1.01).otherwise(1.0)
    own.select("date", pl.col("price_level") * wrong).write_csv(tmp_path / "r2000.csv")
    own.select("date", total_return_level="price_level").write_csv(tmp_path / "total_r2000.csv")
    frames = one(fidelity(history, read_truth(tmp_path)), "r2000").frames
    assert frames["contradicted"]["session"].to_list() == own["date"][5:7].to_list()
    with_, without = (
        frames[name].tail(1)["tracking_error_bp"] for name in ("years", "years_without")
    )
    assert with_.item() > 100
    assert without.item() == pytest.approx(0.0, abs=1e-6)


def test_a_file_of_floats_says_what_it_would_do(history: Store, tmp_path: Path) -> None:
    as_truth(tmp_path, history, SESSION)
    halved = members(history, "r2000", SESSION).sort("symbol").head(5)
    halved.select("symbol", float_factor=pl.lit(0.5)).write_csv(tmp_path / "floats_2022-06-27.csv")
    found = one(fidelity(history, read_truth(tmp_path)), "floats")
    effect = found.frames["float_effect"].filter(pl.col("year") == "all")
    errors = dict(effect.select("weights", "tracking_error_bp").iter_rows())
    assert errors["as published"] == pytest.approx(0.0, abs=1e-6)
    assert errors["with these floats"] > 0.01
    # All lines at one half weigh as they did.
    assert errors["with these floats, the median for other lines"] == pytest.approx(0.0, abs=1e-6)
