"""Great Expectations' Data Docs of some tables, as pages that open without a network.

Its pages ask seven servers for style and scripts, and show text from feeds as it stands. Here
they lose what comes from elsewhere and every script, get one small style of their own, and
see text only with its angle brackets written out. Add here how a page looks; what is
documented is the caller's to say.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.expectations import expectation_arguments, judged_columns
from r2k_pipeline.quality.beyond_rows import measured_numbers
from r2k_pipeline.quality.engine import new_context, table_batch
from r2k_pipeline.quality.views import with_derived

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from r2k_pipeline.contracts.model import Contract, Rule
    from r2k_pipeline.quality.engine import Untyped
    from r2k_pipeline.quality.surroundings import Surroundings

_SITE = "r2k"
_STYLE_FILE = "style.css"
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; max-width: 75rem; color: #222; }
table { border-collapse: collapse; margin: .5rem 0; } th { text-align: left; }
td, th { border-bottom: 1px solid #ddd; padding: .25rem .75rem; vertical-align: top; }
td.number { text-align: right; } .badge { background: #eee; border-radius: 4px; padding: 0 .3em; }
.modal, .card, .collapse, .popover, [data-toggle=collapse] { display: none; }
nav img, .ge-navigation-sidebar-container { display: none; }
.text-danger, .failed { color: #b00020; } .text-success, .passed { color: #1b6e2d; }
.fa-times::before { content: "✗"; } .fa-check-circle::before { content: "✓"; }
.fa-exclamation-triangle::before { content: "!"; } hr { border: 0; }
"""
# Scripts and frames, and tags and addresses that ask another server for something.
_SCRIPT = re.compile(r"<(script|iframe|style)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_FOREIGN_TAG = re.compile(r"<(?:link|img|base)\b[^>]*>", re.IGNORECASE)
_ADDRESS = re.compile(
    r"""\s(?:href|src|action)\s*=\s*["']?\s*(?:https?:)?//[^\s"'>]*["']?""", re.IGNORECASE
)
_HANDLER = re.compile(r"""\son\w+\s*=\s*("[^"]*"|'[^']*'|[^\s>]*)""", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class DocumentedTable:
    """A table, the rows that are documented, and what stands beside them.

    `partitions` names them for a reader.
    """

    promised: Contract
    frame: pl.DataFrame
    surroundings: Surroundings
    partitions: str


@dataclass(frozen=True, kw_only=True)
class _Page:
    """What the engine is shown for one page."""

    name: str
    table: str
    partitions: str
    rows: int
    rules: tuple[Rule, ...]
    shown: pl.DataFrame


def write_data_docs(tables: Sequence[DocumentedTable], folder: Path) -> Path:
    """Judge tables by all their rules and write a page for each, and one that lists them.

    Args:
        tables: What is documented; at least one.
        folder: Where the pages go; made if it is not there. Pages of the same name are
            replaced, other files stay.

    Returns:
        The page that lists them, `index.html`.
    """
    pages = [page for table in tables for page in _pages(table)]
    lines = []
    with tempfile.TemporaryDirectory(prefix="r2k-docs-") as scratch:
        context = new_context(_site(scratch))
        results = [_judged(context, page) for page in pages]
        context.build_data_docs(site_names=[_SITE])
        for page, result in zip(pages, results, strict=True):
            (found,) = (Path(scratch) / "validations" / page.name).rglob("*.html")
            text = offline(found.read_text(encoding="utf-8"))
            _write(folder / f"{page.name}.html", text)
            lines.append(_line(page, result))
    _write(folder / _STYLE_FILE, _STYLE.strip() + "\n")
    index = folder / "index.html"
    _write(index, _index(lines))
    return index


def offline(page: str) -> str:
    """A page of Great Expectations without scripts and without anything from elsewhere.

    Example:
        >>> offline('<head></head><a href="https://x.org">x</a><script src="//y"></script>')
        '<head><link rel="stylesheet" href="style.css"></head><a>x</a>'
    """
    kept = _HANDLER.sub("", _ADDRESS.sub("", _FOREIGN_TAG.sub("", _SCRIPT.sub("", page))))
    kept = re.sub(r'href="[./]*(?:index|expectations/[^"]*)\.html"', 'href="index.html"', kept)
    return kept.replace("</head>", f'<link rel="stylesheet" href="{_STYLE_FILE}"></head>', 1)


def _site(folder: str) -> dict[str, object]:
    return {
        _SITE: {
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "store_backend": {
                "class_name": "TupleFilesystemStoreBackend",
                "base_directory": folder,
            },
        }
    }


def _pages(table: DocumentedTable) -> Iterator[_Page]:
    promised, judged = table.promised, table.frame
    for rule in promised.rules:
        judged = with_derived(judged, rule)
    names = dict.fromkeys(name for rule in promised.rules for name in judged_columns(rule))
    numbers, asked = measured_numbers(promised, table.frame, table.surroundings)
    for suffix, rules, shown in (
        ("", promised.rules, judged.select(list(names))),
        ("_beyond_rows", asked, numbers),
    ):
        if rules:
            yield _Page(
                name=promised.table + suffix,
                table=promised.table,
                partitions=table.partitions,
                rows=table.frame.height,
                rules=tuple(rules),
                shown=shown.with_columns(
                    pl.col(pl.String).str.replace_many({"<": "&lt;", ">": "&gt;"})
                ),
            )


def _judged(context: Untyped, page: _Page) -> Untyped:
    """Run a page's rules, keep the result in the context, and return it."""
    expectations = [
        expectation_arguments(rule) | {"description": f"{rule.name}: {rule.sentence}"}
        for rule in page.rules
    ]
    return table_batch(context, page.name, page.partitions, page.shown, expectations)


def _line(page: _Page, result: Untyped) -> str:
    statistics = result.statistics
    failed = statistics["unsuccessful_expectations"]
    state = f'<span class="{"failed" if failed else "passed"}">{failed} failed</span>'
    cells = [
        f'<td><a href="{page.name}.html">{page.name}</a></td>',
        f"<td>{escape(page.partitions)}</td>",
        f'<td class="number">{page.rows:,}</td>',
        f'<td class="number">{statistics["evaluated_expectations"]}</td>',
        f"<td>{state}</td>",
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _index(lines: Sequence[str]) -> str:
    heads = "".join(f"<th>{h}</th>" for h in ("page", "partitions", "rows", "rules", "verdict"))
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Data Docs</title>'
        f'<link rel="stylesheet" href="{_STYLE_FILE}"></head><body><h1>Data Docs</h1>'
        f"<table><tr>{heads}</tr>{''.join(lines)}</table></body></html>\n"
    )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
