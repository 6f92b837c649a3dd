"""Every file of reference facts: a source and a certainty on each row, and strict readers."""

from __future__ import annotations

from importlib.resources import files

import polars as pl
import pytest

from r2k_pipeline.errors import BadInputError
from r2k_pipeline.rulebook.reference_facts import read_facts, shipped_reference
from r2k_pipeline.rulebook.sources import Certainty

FOLDER = files("r2k_pipeline.rulebook") / "reference"
TABLES = sorted(file.name.removesuffix(".csv") for file in FOLDER.iterdir())
COUNTS = "symbol,company,total_shares,first_year,last_year,source,certainty"
DOUBTS = "symbol,company,session,verdict,reason,source,certainty"
DOUBT = "HAL,Halden,2024-04-30,left_out,Nobody can tell.,Form 10-Q,from_memory"


def test_the_folder_holds_what_is_asked_here() -> None:
    expected = {"home_countries", "identity_overrides", "issuer_kinds", "settled_doubts"}
    assert expected <= set(TABLES)
    assert len(TABLES) >= 6


@pytest.mark.parametrize("table", TABLES)
def test_every_row_names_its_source_and_how_sure_it_is(table: str) -> None:
    rows = pl.read_csv((FOLDER / f"{table}.csv").read_bytes(), infer_schema=False)
    assert rows.columns[-2:] == ["source", "certainty"]
    assert rows.filter(pl.col("source").str.len_chars().fill_null(0) < len("Form 1")).is_empty()
    assert set(rows["certainty"]) <= set(Certainty)


def test_no_file_but_that_of_single_decisions_is_empty() -> None:
    heights = {
        table: pl.read_csv((FOLDER / f"{table}.csv").read_bytes(), infer_schema=False).height
        for table in TABLES
    }
    assert {table for table, height in heights.items() if height == 0} <= {"settled_doubts"}


def test_all_facts_come_with_the_package() -> None:
    reference = shipped_reference()
    assert reference.issuer_kinds.height > 100
    assert reference.settled_doubts.schema["session"] == pl.Date


def test_one_symbol_may_have_a_doubt_a_session() -> None:
    later = DOUBT.replace("2024-04-30", "2024-05-01").replace("left_out", "as_received")
    found = read_facts("settled_doubts", f"{DOUBTS}\n{DOUBT}\n{later}")
    assert found["verdict"].to_list() == ["left_out", "as_received"]


@pytest.mark.parametrize(
    ("table", "lines", "fault"),
    [
        ("issuer_kinds", ["symbol,company,kind,first_year,last_year,source"], "lacks certainty"),
        (
            "issuer_kinds",
            [
                "symbol,company,kind,first_year,last_year,source,certainty",
                "HAL,Halden,holding,2020,,Form 10-K,from_memory",
            ],
            "has unknown words for kind: holding",
        ),
        ("share_counts", [COUNTS, "HAL,Halden,1e6,2020,,Form 10-Q,"], "has incomplete rows: HAL"),
        (
            "share_counts",
            [COUNTS, "HAL,Halden,1e6,2020,,Form 10-Q,certain"],
            "has unknown words for certainty: certain",
        ),
        (
            "share_counts",
            [
                COUNTS,
                "HAL,Halden,1e6,2020,2021,Form 10-Q,from_memory",
                "HAL,Halden,2e6,2021,,Form 10-Q,from_memory",
            ],
            "speaks twice of HAL",
        ),
        (
            "settled_doubts",
            [DOUBTS, DOUBT.replace("left_out", "ignored")],
            "has unknown words for verdict: ignored",
        ),
        ("settled_doubts", [DOUBTS, DOUBT, DOUBT], "speaks twice of HAL"),
    ],
)
def test_a_bad_file_is_refused_and_says_why(table: str, lines: list[str], fault: str) -> None:
    with pytest.raises(BadInputError) as caught:
        read_facts(table, "\n".join(lines))
    assert caught.value.culprit == f"reference/{table}.csv {fault}"
