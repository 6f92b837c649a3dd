"""The page that every report is: head, styles, sections, tables.

All text goes through `html.escape` here, so that a report never has to think of
it: functions take plain text and give `Markup`, and only `Markup` is put into a
page as it is. A content policy in the head forbids scripts and anything fetched,
should an escape ever be forgotten.
"""

from __future__ import annotations

from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, NewType

from r2k_pipeline.reports.tables import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import polars as pl

Markup = NewType("Markup", str)
"""HTML that is safe to put into a page as it is."""

_CONTROLS = dict.fromkeys(
    (
        *(*range(9), 11, 12, *range(14, 32), *range(0x7F, 0xA0)),
        *(*range(0x202A, 0x202F), *range(0x2066, 0x206A)),
    ),
    "\N{REPLACEMENT CHARACTER}",
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def text(words: str) -> Markup:
    """Escape plain text.

    Example:
        >>> text("<script>")
        '&lt;script&gt;'
    """
    return Markup(_escaped(words))


def _escaped(words: str) -> str:
    """Words as HTML, without the characters that no page may hold and those that turn it round."""
    return escape(words.translate(_CONTROLS))


def joined(parts: Iterable[Markup]) -> Markup:
    """Put pieces of a page behind one another."""
    return Markup("\n".join(parts))


def paragraph(words: str, *, kind: str = "") -> Markup:
    """Set a paragraph of plain text.

    Example:
        >>> paragraph("a & b", kind="note")
        '<p class="note">a &amp; b</p>'
    """
    return Markup(f'<p class="{_escaped(kind)}">{_escaped(words)}</p>')


def bullets(items: Iterable[str]) -> Markup:
    """Set plain texts as a list."""
    return Markup("<ul>" + "".join(f"<li>{_escaped(item)}</li>" for item in items) + "</ul>")


def section(title: str, *content: Markup, kind: str = "") -> Markup:
    """Set a titled section."""
    inner = joined(content)
    head = f'<section class="{_escaped(kind)}"><h2>{_escaped(title)}</h2>'
    return Markup(f"{head}\n{inner}\n</section>")


def columns(*content: Markup) -> Markup:
    """Set sections side by side where the page is wide enough."""
    return Markup(f'<div class="columns">{joined(content)}</div>')


def tiles(figures: Mapping[str, str]) -> Markup:
    """Set a row of large figures with their labels.

    Example:
        >>> tiles({"members": "2,000"})
        '<dl class="tiles"><div><dt>members</dt><dd>2,000</dd></div></dl>'
    """
    cells = "".join(
        f"<div><dt>{_escaped(label)}</dt><dd>{_escaped(figure)}</dd></div>"
        for label, figure in figures.items()
    )
    return Markup(f'<dl class="tiles">{cells}</dl>')


def table(frame: pl.DataFrame, headings: Mapping[str, str], *, caption: str = "") -> Markup:
    """Set a frame as a table, every cell escaped.

    Args:
        frame: Any frame with plain columns.
        headings: The columns to show, in order, with their headings.
        caption: A line above the table.
    """
    numeric = {name: frame.schema[name].is_numeric() for name in headings}
    head = "".join(_cell("th", words, is_number=numeric[name]) for name, words in headings.items())
    body = "".join(
        "<tr>"
        + "".join(_cell("td", shown(row[c], c), is_number=numeric[c]) for c in headings)
        + "</tr>\n"
        for row in frame.select(list(headings)).iter_rows(named=True)
    )
    title = f"<caption>{_escaped(caption)}</caption>" if caption else ""
    return Markup(f"<table>{title}<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table>")


def pairs(rows: Mapping[str, str]) -> Markup:
    """Set labels with their figures, one a line.

    Example:
        >>> "<td>beta</td>" in pairs({"beta": "1.10"})
        True
    """
    body = "".join(
        f'<tr><td>{_escaped(label)}</td><td class="number">{_escaped(figure)}</td></tr>'
        for label, figure in rows.items()
    )
    return Markup(f'<table class="pairs"><tbody>{body}</tbody></table>')


def _cell(tag: str, words: str, *, is_number: bool) -> str:
    kind = ' class="number"' if is_number else ""
    return f"<{tag}{kind}>{_escaped(words)}</{tag}>"


def bars(rows: Iterable[tuple[str, float, float]], *, own: str, other: str) -> Markup:
    """Set labelled pairs of horizontal bars for fractions (0 to 1).

    Args:
        rows: Label, own fraction, other fraction.
        own: What the first bar is.
        other: What the second bar is.
    """
    held = list(rows)
    widest = max((max(first, second) for _, first, second in held), default=0.0) or 1.0
    body = "".join(
        f'<tr><td>{_escaped(label)}</td><td class="bar">'
        f'<div class="own" style="width:{100 * first / widest:.1f}%"></div>'
        f'<div class="other" style="width:{100 * second / widest:.1f}%"></div></td>'
        f'<td class="number">{100 * first:.1f} %</td>'
        f'<td class="number muted">{100 * second:.1f} %</td></tr>\n'
        for label, first, second in held
    )
    head = (
        f'<th></th><th></th><th class="number">{_escaped(own)}</th>'
        f'<th class="number">{_escaped(other)}</th>'
    )
    return Markup(
        f'<table class="bars"><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table>'
    )


def page(*, title: str, subtitle: str, facts: str, content: Markup, footer: Markup) -> str:
    """Set a whole document.

    Args:
        title: The heading and the document's title.
        subtitle: One line under it.
        facts: One line at the right of the header, for example the date.
        content: The sections.
        footer: What stands under everything: sources and disclaimers.
    """
    style = files("r2k_pipeline.reports").joinpath("page.css").read_text(encoding="utf-8")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{_escaped(title)}</title>
<style>
{style}
</style>
</head>
<body>
<header><div><h1>{_escaped(title)}</h1><p>{_escaped(subtitle)}</p></div>
<p class="facts">{_escaped(facts)}</p></header>
<main>
{content}
</main>
<footer>
{footer}
</footer>
</body>
</html>
"""
