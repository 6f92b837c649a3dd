"""Both reports: whole, self-contained, and deaf to what names say."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import polars as pl
import pytest
from rich.text import Text

from r2k_pipeline.reports.factsheet import FactsheetInputs, factsheet, factsheet_inputs
from r2k_pipeline.reports.publishing import write_factsheet, write_reconstitution_report
from r2k_pipeline.reports.reconstitution_report import (
    ReconstitutionInputs,
    reconstitution_inputs,
    reconstitution_report,
)
from r2k_pipeline.reports.terminal import summary_parts
from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.store import Store, open_store
from r2k_pipeline_tests.small_history import HOSTILE_NAME, write_small_history

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOSTILE = ("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "{0.__class__}", "../../x")
VOID = {"meta", "br", "img", "link", "input", "hr"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    settings = Settings(home=tmp_path_factory.mktemp("reports"))
    write_small_history(settings)
    with open_store(settings) as opened:
        yield opened


@pytest.fixture(scope="module")
def sheet(store: Store) -> FactsheetInputs:
    return factsheet_inputs(store, "r1000")


@pytest.fixture(scope="module")
def event_inputs(store: Store) -> ReconstitutionInputs:
    return reconstitution_inputs(store, "2022-06")


class Page(HTMLParser):
    """Tags, text and links of a page; raises if a tag is not closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag and its attributes."""
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag that closes itself."""
        self.tags.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        """Close the last open tag."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Collect text."""
        self.text += data


def assert_nothing_active(page: Page) -> None:
    assert page.tags.isdisjoint({"script", "iframe", "object", "img", "link", "form", "base"})
    assert [name for name, _ in page.attributes if name.startswith("on")] == []
    fetched = [
        value
        for name, value in page.attributes
        if name in {"src", "href", "xlink:href", "action"} and not (value or "").startswith("#")
    ]
    assert fetched == []


def poisoned(frame: pl.DataFrame, *columns: str) -> pl.DataFrame:
    words = " ".join(HOSTILE)
    return frame.with_columns(pl.lit(words).alias(column) for column in columns)


def test_the_factsheet_has_every_section(sheet: FactsheetInputs) -> None:
    html = factsheet(sheet)
    page = Page(html)
    for heading in (
        "Description", "Methodology", "Price level since", "Performance", "Calendar years",
        "Risk", "Top 10 holdings", "Sector weights", "Characteristics", "Size on the rank day",
    ):  # fmt: skip
        assert heading in page.text
    assert html.count("<svg") == 2
    assert "trademark" in page.text
    assert_nothing_active(page)


def test_the_reconstitution_report_has_every_section(event_inputs: ReconstitutionInputs) -> None:
    html = reconstitution_report(event_inputs)
    page = Page(html)
    for heading in (
        "Key takeaways", "Schedule", "Total market cap by rank", "Breakpoints and bands",
        "Cap ranges", "Breakpoint over the events", "Effect of banding", "10 largest",
        "From segment to segment", "Sectors of those who move", "One-way turnover by index",
        "Sector weights of the R2000", "What trackers trade, the largest 40 of",
        "Additions (", "Deletions (", "Moves up (", "Moves down (",
    ):  # fmt: skip
        assert heading in page.text
    assert html.count("<svg") == 2
    assert_nothing_active(page)


def test_every_mover_is_listed_with_its_reason(event_inputs: ReconstitutionInputs) -> None:
    moved = event_inputs.decided.filter(
        pl.col("decision").is_in(["enters", "leaves", "moves_up", "moves_down"])
    )
    cells = re.findall(r"<td>(.*?)</td>", reconstitution_report(event_inputs))
    for row in moved.select("symbol", "reason").iter_rows():
        assert set(row) <= set(cells)


def test_a_stored_hostile_name_is_shown_as_text(event_inputs: ReconstitutionInputs) -> None:
    html = reconstitution_report(event_inputs)
    assert "<script" not in html
    assert HOSTILE_NAME.replace("\x1b", "\N{REPLACEMENT CHARACTER}") in Page(html).text


def test_hostile_words_from_feeds_are_inert_in_the_factsheet(sheet: FactsheetInputs) -> None:
    hostile = replace(
        sheet,
        held=poisoned(sheet.held, "name", "symbol", "sector"),
        parent_held=poisoned(sheet.parent_held, "sector"),
    )
    page = Page(factsheet(hostile))
    assert_nothing_active(page)
    assert all(words in page.text for words in HOSTILE)


def test_hostile_words_from_feeds_are_inert_in_the_event_report(
    event_inputs: ReconstitutionInputs,
) -> None:
    texts = ("name", "symbol", "sector", "reason")
    hostile = replace(
        event_inputs,
        decided=poisoned(event_inputs.decided, *texts),
        tables={
            table: poisoned(frame, *(text for text in texts if text in frame.columns))
            for table, frame in event_inputs.tables.items()
        },
    )
    page = Page(reconstitution_report(hostile))
    assert_nothing_active(page)
    assert all(words in page.text for words in HOSTILE)


def test_the_same_inputs_give_the_same_page(sheet: FactsheetInputs) -> None:
    assert factsheet(sheet) == factsheet(sheet)


def test_ids_of_two_charts_do_not_meet(event_inputs: ReconstitutionInputs) -> None:
    ids = re.findall(r'\bid="([^"]+)"', reconstitution_report(event_inputs))
    assert len(ids) == len(set(ids))


def test_the_first_event_says_that_the_band_held_nobody(store: Store) -> None:
    page = Page(reconstitution_report(reconstitution_inputs(store, "2021-06")))
    assert "No incumbents were known at this event" in page.text
    assert "The band held nobody at this event." in page.text
    assert page.text.count("No holdings before this event are known") == 3


def test_reports_are_written_under_home_unless_told_otherwise(store: Store, tmp_path: Path) -> None:
    sheet_path = write_factsheet(store, "R2000")
    event_path = write_reconstitution_report(store)
    assert sheet_path == store.settings.reports_dir / "factsheet-r2000.html"
    assert event_path == store.settings.reports_dir / "reconstitution-2022-06.html"
    elsewhere = write_factsheet(store, "r2000", path=tmp_path / "new" / "sheet.html")
    assert elsewhere.read_text() == sheet_path.read_text()


def test_companies_in_doubt_are_told_with_their_values(event_inputs: ReconstitutionInputs) -> None:
    told = pl.DataFrame(
        {
            "state": ["left_out", "size_unknown", "settled_later"],
            "company_id": ["C-A", "C-B", "C-C"],
            "symbol": ["AAA", "BBB", "CCC"],
            "name": [HOSTILE[0], "Beta Inc.", "Gamma Inc."],
            "doubt": ["cap_without_history", "no_market_cap", "no_market_cap"],
            "received_usd": [6e9, None, None],
            "received_rank": [700, None, None],
            "sound_usd": [8e8, None, None],
            "sound_session": [event_inputs.summary.event.rank_day, None, None],
            "sound_rank": [2500, None, None],
            "settled_session": [None, None, date(2022, 5, 11)],
            "taken_usd": [None, None, 1.25e9],
            "sentence": ["AAA is in doubt", "BBB is in doubt", "CCC is settled"],
        }
    )
    summary = replace(event_inputs.summary, doubts=told)
    page = reconstitution_report(replace(event_inputs, summary=summary))
    text = Page(page).text
    assert "Companies in doubt (3)" in text
    assert "The feed contradicts itself and a person left it out" in text
    assert "Its size is not known, so it stays out" in text
    assert "A later session settled its size" in text
    assert "2022-05-11" in text
    assert "$1.25 bn" in text
    assert HOSTILE[0] not in page
    spoken = " ".join(part.plain for part in summary_parts(summary) if isinstance(part, Text))
    assert "In doubt, and so left out: AAA is in doubt, BBB is in doubt." in spoken
    assert "Settled doubts: CCC is settled." in spoken
    clear = replace(event_inputs.summary, doubts=told.clear())
    without = reconstitution_report(replace(event_inputs, summary=clear))
    assert "Companies in doubt" not in without
