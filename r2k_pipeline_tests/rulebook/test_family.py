"""The index family file and the faults its parser must name."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from r2k_pipeline.errors import BadInputError
from r2k_pipeline.rulebook.family import family, index_definition, parse_family

GOOD = """
indexes:
  r2000:
    name: Small
    segments: [small]
    base_value: 1000
    weighting: free_float_market_cap
"""


def test_the_family_holds_four_indexes_of_segments() -> None:
    segments = {key: [str(s) for s in index.segments] for key, index in family().items()}
    assert segments == {
        "r3000e": ["large", "small", "micro"],
        "r3000": ["large", "small"],
        "r1000": ["large"],
        "r2000": ["small"],
    }
    assert {index.base_value for index in family().values()} == {1000.0}


def test_no_index_bears_the_trademark() -> None:
    assert not [index.name for index in family().values() if "russell" in index.name.lower()]


def test_a_good_file_is_read() -> None:
    assert asdict(parse_family(GOOD, file="f.yaml")["r2000"]) == {
        "index_id": "r2000",
        "name": "Small",
        "segments": ("small",),
        "base_value": 1000.0,
        "weighting": "free_float_market_cap",
    }


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("name: Small", "name: Small\n    capping: 5", "indexes.r2000 has the unknown key capping"),
        ("    name: Small\n", "", "indexes.r2000 lacks the key name"),
        ("name: Small", "name: [Small]", "indexes.r2000.name"),
        ("name: Small", "name: Small\n    name: Smaller", "given twice: name"),
        ("[small]", "[tiny]", "indexes.r2000.segments has tiny"),
        ("[small]", "[]", "indexes.r2000.segments must be a list"),
        ("[small]", "small", "indexes.r2000.segments must be a list"),
        ("[small]", "[small, small]", "twice"),
        ("1000", "0", "indexes.r2000.base_value"),
        ("1000", "true", "indexes.r2000.base_value"),
        ("1000", ".nan", "indexes.r2000.base_value"),
        ("1000", "'1000'", "indexes.r2000.base_value"),
        ("free_float_market_cap", "equal", "indexes.r2000.weighting is 'equal'"),
        ("indexes:", "indices:", "one top-level key indexes"),
        ("  r2000:", "  r2000: [", "not readable as YAML"),
    ],
)
def test_a_fault_names_the_file_and_the_key(before: str, after: str, fault: str) -> None:
    with pytest.raises(BadInputError) as caught:
        parse_family(GOOD.replace(before, after, 1), file="f.yaml")
    assert caught.value.culprit.startswith("f.yaml: ")
    assert fault in caught.value.culprit


@pytest.mark.parametrize("text", ["", "indexes: {}", "indexes: [r2000]", "indexes: {r2000: x}"])
def test_an_empty_or_misshapen_file_is_refused(text: str) -> None:
    with pytest.raises(BadInputError, match=r"^f\.yaml"):
        parse_family(text, file="f.yaml")


def test_an_unknown_index_names_the_known_ones() -> None:
    with pytest.raises(BadInputError, match="r3000e, r3000, r1000, r2000"):
        index_definition("r500")
