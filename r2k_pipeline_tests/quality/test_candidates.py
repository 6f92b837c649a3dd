"""The verdict on a rank day: blocked, warned of, or clear."""

from __future__ import annotations

import polars as pl
import pytest

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.quality.candidates import CHECK_NAME, candidates_outcome

CLEAR = "No candidate is in doubt;"
NOTED = "2 settled by later sessions; 1 left out by a person; 1 too small to matter"
WARNED = (
    "1 of unknown size stay out: S0; 2 of assumed size are ranked: S1, S3; "
    "1 settled by later sessions"
)


def outcome_of(*states: str) -> tuple[str, bool, int, str]:
    doubts = pl.DataFrame(
        {
            "state": states,
            "company_id": [f"C-{n}" for n in range(len(states))],
            "symbol": [f"S{n}" for n in range(len(states))],
            "sentence": [f"S{n} is in doubt" for n in range(len(states))],
        },
        schema=dict.fromkeys(("state", "company_id", "symbol", "sentence"), pl.String),
    )
    found = candidates_outcome("reconstitution", "2022-06", doubts)
    assert found.failed_by_partition == (
        {"2022-06": found.failed_rows} if found.failed_rows else {}
    )
    assert len(found.sample) == min(found.failed_rows, 5)
    return found.severity.value, found.is_passed, found.failed_rows, found.sentence


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ((), ("warn", True, 0, f"{CLEAR} nothing was.")),
        (
            ("left_out", "too_small", "settled_later", "settled_later"),
            ("warn", True, 0, f"{CLEAR} {NOTED}."),
        ),
        (("size_unknown",), ("warn", False, 1, f"{CLEAR} 1 of unknown size stay out: S0.")),
        (
            ("size_unknown", "size_assumed", "settled_later", "size_assumed"),
            ("warn", False, 3, f"{CLEAR} {WARNED}."),
        ),
        (
            ("waits", "size_unknown", "waits"),
            ("error", False, 2, "2 candidates are in doubt: S0 is in doubt, S2 is in doubt."),
        ),
    ],
)
def test_a_doubt_blocks_and_an_open_size_warns(
    states: tuple[str, ...], expected: tuple[str, bool, int, str]
) -> None:
    assert outcome_of(*states) == expected


def test_the_contract_promises_what_is_judged_here() -> None:
    rules = {rule.name: rule for rule in contract("reconstitution").series_rules}
    assert rules[CHECK_NAME].judge == "r2k_pipeline.quality.candidates"
