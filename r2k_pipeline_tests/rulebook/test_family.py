"""The index family file, a user's own beside it, and the faults its parser must name."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from r2k_pipeline.errors import BadInputError
from r2k_pipeline.rulebook.family import family, family_with
from r2k_pipeline.rulebook.family_file import parse_family
from r2k_pipeline.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """
indexes:
  mine:
    name: Mine
    ranks: [101, 750]
    base_value: 500
    weighting: free_float_market_cap
    band: 0.02
    sectors: [Technology]
    excluding: list.csv
    cap:
      company: 0.225
      large: 0.045
      large_total: 0.45
    style: value
"""
# Section 3.1 of the specification.
RANKS = {
    "r3000e": (1, 4000), "r3000": (1, 3000), "r1000": (1, 1000), "r2000": (1001, 3000),
    "rtop50": (1, 50), "rtop200": (1, 200), "rtop500": (1, 500), "rmidcap": (201, 1000),
    "r2500": (501, 3000), "rmicro": (2001, 4000),
}  # fmt: skip


def test_the_family_holds_the_indexes_of_the_specification() -> None:
    plain = {
        key: (index.first_rank, index.last_rank)
        for key, index in family().items()
        if not index.has_factors
    }
    assert plain == RANKS
    assert {index.base_value for index in family().values()} == {1000.0}
    assert {index.band for index in family().values()} == {None}


def test_no_index_bears_the_trademark() -> None:
    assert not [index.name for index in family().values() if "russell" in index.name.lower()]


def test_a_good_file_is_read() -> None:
    listed = {"list.csv": "weight,symbol\n0.5,BRK.B\n0.5, \n0.1,BRK.B\n"}
    found = parse_family(GOOD, file="f.yaml", read=listed.__getitem__)
    assert asdict(found["mine"]) == {
        "index_id": "mine",
        "name": "Mine",
        "first_rank": 101,
        "last_rank": 750,
        "base_value": 500.0,
        "weighting": "free_float_market_cap",
        "band": 0.02,
        "sectors": ("Technology",),
        "excluding": ("BRK.B",),
        "cap": {"company": 0.225, "large": 0.045, "large_total": 0.45},
        "style": "value",
    }


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("  mine:", "  My Index:", "indexes.My Index must be one word"),
        ("name: Mine", "name: Mine\n    capping: 5", "indexes.mine has the unknown key capping"),
        ("    name: Mine\n", "", "indexes.mine lacks the key name"),
        ("name: Mine", "name: [Mine]", "indexes.mine.name"),
        ("name: Mine", "name: Mine\n    name: Other", "given twice: name"),
        ("[101, 750]", "[101]", "indexes.mine.ranks must be two whole numbers"),
        ("[101, 750]", "[101, 750.5]", "indexes.mine.ranks must be two whole numbers"),
        ("[101, 750]", "[true, 750]", "indexes.mine.ranks must be two whole numbers"),
        ("[101, 750]", "101-750", "indexes.mine.ranks must be two whole numbers"),
        ("[101, 750]", "[750, 101]", "indexes.mine.ranks must run upwards within 1 to 4000"),
        ("[101, 750]", "[0, 750]", "indexes.mine.ranks must run upwards"),
        ("[101, 750]", "[101, 4001]", "indexes.mine.ranks must run upwards"),
        ("500", "0", "indexes.mine.base_value must be a number above 0"),
        ("500", "true", "indexes.mine.base_value"),
        ("500", ".nan", "indexes.mine.base_value"),
        ("500", "'500'", "indexes.mine.base_value"),
        ("free_float_market_cap", "gut_feeling", "indexes.mine.weighting is 'gut_feeling'"),
        ("free_float_market_cap", "equal", "indexes.mine.cap has no meaning with the weighting"),
        ("0.02", "2.0", "indexes.mine.band must be a number above 0 and at most 0.5"),
        ("0.02", "-0.01", "indexes.mine.band"),
        ("[Technology]", "Technology", "indexes.mine.sectors must be a list of texts"),
        ("[Technology]", "[]", "indexes.mine.sectors must be a list of texts"),
        ("list.csv", "5", "indexes.mine.excluding must name a CSV file"),
        ("list.csv", "other.csv", "indexes.mine.excluding names other.csv, whose header"),
        ("      company: 0.225\n", "", "indexes.mine.cap must be a mapping of company"),
        ("company: 0.225", "company: 22.5", "indexes.mine.cap.company must be a number above 0"),
        ("company: 0.225", "company: 0.04", "indexes.mine.cap must not have large above company"),
        ("large_total: 0.45", "most: 1", "indexes.mine.cap has the unknown key most"),
        ("      large_total: 0.45\n", "", "indexes.mine.cap must have large and large_total"),
        ("style: value", "style: quality", "indexes.mine.style is 'quality'; known are growth"),
        ("indexes:", "indices:", "one top-level key indexes"),
        ("  mine:", "  mine: [", "not readable as YAML"),
    ],
)
def test_a_fault_names_the_file_and_the_key(before: str, after: str, fault: str) -> None:
    files = {"list.csv": "symbol\nA\n", "other.csv": "ticker\nA\n"}
    with pytest.raises(BadInputError) as caught:
        parse_family(GOOD.replace(before, after, 1), file="f.yaml", read=files.__getitem__)
    assert caught.value.culprit.startswith("f.yaml: ")
    assert fault in caught.value.culprit


@pytest.mark.parametrize("text", ["", "indexes: {}", "indexes: [mine]", "indexes: {mine: x}"])
def test_an_empty_or_misshapen_file_is_refused(text: str) -> None:
    with pytest.raises(BadInputError, match=r"^f\.yaml"):
        parse_family(text, file="f.yaml")


def test_a_text_alone_names_no_file() -> None:
    with pytest.raises(BadInputError, match="no file may be named"):
        parse_family(GOOD, file="f.yaml")


def test_a_users_indexes_follow_the_shipped_ones(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("symbol\nSPY\n", encoding="utf-8")
    own = tmp_path / "own.yaml"
    own.write_text(GOOD, encoding="utf-8-sig")
    found = family_with(own)
    assert list(found) == [*family(), "mine"]
    assert found["mine"].excluding == ("SPY",)


def test_a_shipped_index_cannot_be_replaced(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("indexes: {r2000: {name: Mine, ranks: [1, 5]}}", encoding="utf-8")
    with pytest.raises(BadInputError, match=r"own\.yaml: indexes\.r2000 is shipped"):
        family_with(own)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"no family file at .*nowhere\.yaml"):
        family_with(tmp_path / "nowhere.yaml")
    own = tmp_path / "own.yaml"
    own.write_text(GOOD, encoding="utf-8")
    with pytest.raises(BadInputError, match=r"no file that own\.yaml names at .*list\.csv"):
        family_with(own)
    (tmp_path / "list.csv").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(BadInputError, match=r"list\.csv cannot be read as a text"):
        family_with(own)


def test_the_settings_find_the_file_of_the_home_unless_another_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Settings(home=tmp_path).family_file is None
    (tmp_path / "family.yaml").write_text(GOOD, encoding="utf-8")
    assert Settings(home=tmp_path).family_file == tmp_path / "family.yaml"
    monkeypatch.setenv("R2K_FAMILY", str(tmp_path / "other.yaml"))
    assert Settings(home=tmp_path).family_file == tmp_path / "other.yaml"
