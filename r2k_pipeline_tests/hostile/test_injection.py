"""Names, symbols, sources, persons and reasons are words, wherever they end up.

Invariants, for every hostile word:
    1. On a page it is text: no tag, attribute or address comes of it.
    2. In a terminal it is shown as it is: no markup, no control character is obeyed.
    3. In CSV it is one cell that no spreadsheet runs; JSON and Parquet give it back unchanged.
    4. In a database it is a value: it finds its own row and changes no other.
    5. In the name of a file it stays within its folder; what names a file is checked first.
"""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import polars as pl
import pytest
from rich.console import Console
from sqlalchemy import inspect

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.errors import R2kError
from r2k_pipeline.queries.addressing import require_index
from r2k_pipeline.reports import page
from r2k_pipeline.reports.answers import Bar, say
from r2k_pipeline.reports.tables import Format, encoded, terminal_table
from r2k_pipeline.reports.terminal import line
from r2k_pipeline.rulebook.family import family_with
from r2k_pipeline.rulebook.schedule import event
from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.archive import Archive
from r2k_pipeline.storage.published import PublishedTables, open_published

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = (
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "</td></table></body><svg onload=alert(1)>",
    "javascript:alert(1)",
    "../../../outside",
    "/etc/passwd",
    "..\\..\\outside",
    "a\x00b",
    "'; DROP TABLE quality_results; --",
    "' OR '1'='1",
    "%s %n %(name)s",
    "{0.__class__.__mro__}",
    "${HOME} $(id) `id`",
    "[red]x[/red] [link=https://example.org]y[/link]",
    "\x1b[31mred\x1b]8;;https://example.org\x07link\x9b2J",
    "one\ntwo\r\nthree\ttabbed",
    "\u202eright to left\u2066",
    "=cmd|' /C calc'!A0",
    '@SUM(1+1)*HYPERLINK("https://example.org")',
    "+1+1",
    "-2+3",
    "\t=1+1",
)
AT = datetime(2022, 6, 27, 23, tzinfo=UTC)


@pytest.fixture(params=HOSTILE, ids=[f"{n:02d}" for n in range(len(HOSTILE))])
def words(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class _Seen(HTMLParser):
    """Tags and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag and its attributes."""
        self.tags.add(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        """Collect text."""
        self.text += data


def on_pages(words: str) -> list[str]:
    """Every part that a page is made of, saying the words in every place that takes any."""
    frame = pl.DataFrame({"name": [words], "reason": [words], "rank": [1]})
    return [
        page.text(words),
        page.paragraph(words, kind=words),
        page.bullets([words]),
        page.section(words, page.text(words), kind=words),
        page.tiles({words: words}),
        page.table(frame, {"name": words, "reason": words, "rank": words}, caption=words),
        page.pairs({words: words}),
        page.bars([(words, 0.1, 0.2)], own=words, other=words),
        page.page(
            title=words, subtitle=words, facts=words, content=page.text(words),
            footer=page.text(words),
        ),
    ]  # fmt: skip


def test_a_page_takes_them_for_text(words: str) -> None:
    for html, harmless in zip(on_pages(words), on_pages("harmless"), strict=True):
        seen, expected = _Seen(html), _Seen(harmless)
        assert seen.tags == expected.tags
        assert seen.attributes == expected.attributes
        shown = "".join(char if char.isprintable() else "" for char in words)
        told = "".join(char for char in seen.text if char.isprintable() and char != "\ufffd")
        assert shown in told
        assert "\x1b" not in html
        assert "\x00" not in html


def test_a_terminal_shows_them_and_obeys_nothing(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = io.StringIO()
    console = Console(file=out, width=200, force_terminal=True, color_system=None)
    frame = pl.DataFrame({"symbol": [words], "reason": [words], "source": [words]})
    console.print(terminal_table(frame, title="t", rows=None))
    console.print(line(words))
    say(words)
    with Bar("t") as bar:
        bar(1, 2, words)
    caught = capsys.readouterr()
    for printed in (out.getvalue(), caught.out, caught.err):
        assert all(char.isprintable() or char == "\n" for char in printed)
    if "[red]" in words:
        assert "[red]x[/red] [link=" in out.getvalue()


def test_csv_gives_one_cell_that_no_spreadsheet_runs(words: str) -> None:
    frame = pl.DataFrame({"name": [words], "rank": [-1]})
    (_, (cell, rank)) = csv.reader(io.StringIO(encoded(frame, Format.CSV).decode(), newline=""))
    assert cell[:1] not in {"=", "+", "-", "@", "\t", "\r"}
    assert cell.removeprefix("'") == words.removeprefix("'")
    assert rank == "-1"


def test_machines_get_them_back(words: str) -> None:
    frame = pl.DataFrame({"name": [words]})
    for form, read in ((Format.JSON, pl.read_json), (Format.PARQUET, pl.read_parquet)):
        assert read(io.BytesIO(encoded(frame, form)), schema=frame.schema).equals(frame)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> PublishedTables:
    return open_published(Settings(home=tmp_path_factory.mktemp("hostile")))


def result(words: str) -> pl.DataFrame:
    """One row of `quality_results` that says the words wherever it says any."""
    row: dict[str, object] = {
        column.name: words for column in contract("quality_results").columns
    } | {"is_passed": True, "evaluated_rows": 1, "failed_rows": 0, "checked_at": AT}
    return pl.DataFrame([row])


def test_a_database_takes_them_for_values(words: str, published: PublishedTables) -> None:
    if "\x00" in words:
        pytest.skip("PostgreSQL has no such text; readers of feeds give none to SQL")
    before = published.read("quality_results").height
    published.append("quality_results", result(words))
    where = {"table_name": words, "check_name": words}
    assert published.read("quality_results", where=where)["sentence"].to_list() == [words]
    assert published.read("quality_results").height == before + 1


def test_no_table_is_lost_to_them(published: PublishedTables, tmp_path: Path) -> None:
    for words in HOSTILE:
        published.read("levels", where={"index_id": words})
    fresh = open_published(Settings(home=tmp_path))
    names = [set(inspect(one._engine).get_table_names()) for one in (published, fresh)]
    assert names[0] == names[1]


def test_an_archived_file_stays_in_the_archive(words: str, tmp_path: Path) -> None:
    archive = Archive(tmp_path / "home" / "archive")
    kept = archive.keep(b"bytes", name=words)
    with archive.open(kept) as stream:
        assert stream.read() == b"bytes"
    inside = tmp_path / "home" / "archive"
    outside = [
        path
        for path in tmp_path.rglob("*")
        if path.is_file() and inside not in path.parents and path.suffix != ".lock"
    ]
    assert outside == []
    with pytest.raises(R2kError):
        archive.open(words)


def test_neither_index_nor_event_can_be_called_so(words: str, tmp_path: Path) -> None:
    with pytest.raises(R2kError):
        event(words)
    with pytest.raises(R2kError):
        require_index(words, family_with(None))
    own = tmp_path / "family.yaml"
    quoted = words.replace("'", "''")
    own.write_text(f"indexes: {{'{quoted}': {{name: x, ranks: [1, 2]}}}}", encoding="utf-8")
    with pytest.raises(R2kError):
        family_with(own)
