"""The report of a comparison: whole, self-contained, and deaf to what files are called."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import polars as pl
import pytest

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import empty_frame
from r2k_pipeline.queries.fidelity import Compared, Fidelity
from r2k_pipeline.queries.fidelity_rows import fidelity_rows
from r2k_pipeline.reports.fidelity_report import fidelity_report
from r2k_pipeline.reports.fidelity_terminal import named_frame
from r2k_pipeline.sources.truth.truth_file import TruthFile, TruthKind

HOSTILE = "<script>alert(1)</script> \"'><img src=x onerror=alert(1)> {0.__class__}"
FIRST, SECOND = datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)


@pytest.fixture
def found() -> Fidelity:
    file = TruthFile(
        subject=HOSTILE,
        kind=TruthKind.MEMBERS,
        session=datetime(2022, 6, 27, tzinfo=UTC).date(),
        index_id=None,
        rows=pl.DataFrame(),
        source_hash="0" * 16,
        note=HOSTILE,
    )
    scores = pl.DataFrame(
        {
            "index": ["r2000"], "ours": [3], "theirs": [4], "both": [2],
            "precision_share": [2 / 3], "recall_share": [0.5], "f1_share": [4 / 7],
        }
    )  # fmt: skip
    causes = pl.DataFrame(
        {
            "index": ["r2000"], "side": ["missed"], "cause": ["excluded"], "reason": [HOSTILE],
            "lines": [2], "median_rank_distance": [None], "sentence": [HOSTILE],
        },
        schema_overrides={"median_rank_distance": pl.Float64},
    )  # fmt: skip
    names = pl.DataFrame({"index": ["r2000"], "symbol": ["SECRETNAME"]})
    return Fidelity(
        compared=(
            Compared(
                file=file,
                event_id="2022-06",
                is_banded=False,
                frames={"scores": scores, "causes": causes},
                names=names,
            ),
        ),
        skipped=((HOSTILE, HOSTILE),),
    )


class Tags(HTMLParser):
    """The tags of a page and the names of their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)


def test_nothing_that_a_file_says_becomes_markup(found: Fidelity) -> None:
    html = fidelity_report(found, history=empty_frame(contract("fidelity")), measured_at=FIRST)
    page = Tags(html)
    assert page.tags.isdisjoint({"script", "img", "iframe", "link"})
    assert {name for name in page.attributes if name.startswith("on")} == set()
    assert "&lt;script&gt;" in html
    assert "57.1 %" in html
    assert "had no incumbents to band" in html


def test_a_report_names_no_line(found: Fidelity) -> None:
    html = fidelity_report(found, history=empty_frame(contract("fidelity")), measured_at=FIRST)
    assert "SECRETNAME" not in html
    assert named_frame(found)["symbol"].to_list() == ["SECRETNAME"]


def test_a_second_measurement_draws_a_history(found: Fidelity) -> None:
    plain = replace(found.compared[0], frames={"scores": found.compared[0].frames["scores"]})
    again = replace(found, compared=(plain,))
    rows = [fidelity_rows(again, run_id=str(at), measured_at=at) for at in (FIRST, SECOND)]
    once = fidelity_report(again, history=rows[0], measured_at=FIRST)
    twice = fidelity_report(again, history=pl.concat(rows), measured_at=SECOND)
    assert "The score over the measurements" not in once
    assert "The score over the measurements" in twice
