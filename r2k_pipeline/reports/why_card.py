"""The why-card for people and for machines: tables and sentences, one long frame, one object.

Holds how a card is laid out. What it says is `queries.explain`'s.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.queries.eligibility_card import RULES_BY_NAME, in_words
from r2k_pipeline.queries.wording import NONE_SHOWN, percent, segment_label, signed_percent, usd
from r2k_pipeline.reports.tables import shown, terminal_table
from r2k_pipeline.reports.terminal import line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import RenderableType

    from r2k_pipeline.queries.explain import WhyCard

_ROWS = {
    "part": pl.String,
    "item": pl.String,
    "actual": pl.String,
    "threshold": pl.String,
    "verdict": pl.String,
    "sentence": pl.String,
}
_LINE_COLUMNS = ("symbol", "line_type", "close_usd", "market_cap_usd", "line_shares", "left out")
# From here on a factor is easier to read than per cent.
_TIMES = 10
_SIDES = {True: "above", False: "below"}


def why_frame(card: WhyCard) -> pl.DataFrame:
    """Lay the why-card out as one long frame.

    Returns:
        `part` (`company`, `rule`, `rank`, `edge`, `decision`, `between`,
        `counterfactual`), `item`, `actual`, `threshold`, `verdict` (null where nothing
        is asked) and `sentence`. Rules are those asked of the line that was asked for.
    """
    rows = [
        *_company_rows(card),
        *_rule_rows(card),
        *_size_rows(card),
        *_decision_rows(card),
    ]
    return pl.DataFrame(rows, schema=_ROWS)


def why_document(card: WhyCard) -> bytes:
    """Encode the why-card as one JSON object, with its what-if in sentences."""
    told = {**card.card, "counterfactuals": list(card.counterfactuals)}
    return json.dumps(told, indent=2, ensure_ascii=False).encode() + b"\n"


def _row(part: str, item: str, actual: object = None, **rest: object) -> dict[str, object]:
    said = None if actual is None else str(actual)
    return {**dict.fromkeys(_ROWS), "part": part, "item": item, "actual": said, **rest}


def _company_rows(card: WhyCard) -> Iterator[dict[str, object]]:
    yield _row("company", "symbol", card.symbol)
    for item in ("name", "company_id"):
        yield _row("company", item, card.card[item])
    lines = [str(row["symbol"]) for row in card.rows("lines")]
    yield _row("company", "lines", ", ".join(lines) or None)
    yield _row("company", "rank_day", card.event.rank_day)


def _rule_rows(card: WhyCard) -> Iterator[dict[str, object]]:
    asked = card.line()
    checks = asked["rules"] if asked else []
    if not isinstance(checks, list):
        return
    for check in checks:
        actual, threshold = in_words(check)
        yield _row(
            "rule",
            RULES_BY_NAME[check["rule"]].label,
            actual,
            threshold=threshold,
            verdict=check["verdict"],
            sentence=check["sentence"],
        )


def _size_rows(card: WhyCard) -> Iterator[dict[str, object]]:
    for item in ("rank", "total_market_cap_usd", "cumulative_market_cap_share"):
        yield _row("rank", item, shown(card.card[item], item))
    for edge in card.rows("edges"):
        yield _row(
            "edge",
            f"#{edge['edge']}",
            f"breakpoint {shown(edge['breakpoint_usd'], 'breakpoint_usd')}",
            threshold=_band(edge),
            verdict=_SIDES[bool(edge["is_above"])],
            sentence=_crossing(edge),
        )


def _decision_rows(card: WhyCard) -> Iterator[dict[str, object]]:
    for item in ("previous_segment", "segment"):
        yield _row("decision", item, _segment(card, item))
    for item in ("previous_indexes", "indexes"):
        yield _row("decision", item, card.card[item])
    yield _row("decision", "decision", card.card["decision"], sentence=card.card["reason"])
    for change in card.rows("between"):
        yield _row("between", str(change["change"]), change["session"], sentence=change["sentence"])
    for sentence in card.counterfactuals:
        yield _row("counterfactual", "what would have changed it", sentence=sentence)


def _segment(card: WhyCard, item: str) -> str:
    found = card.card[item]
    return segment_label(None if found is None else str(found))


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _band(edge: Mapping[str, object]) -> str | None:
    low, high = _number(edge["lower_bound_share"]), _number(edge["upper_bound_share"])
    if low is None or high is None:
        return None
    return f"{100 * low:.2f}\N{EN DASH}{percent(high)}"


def _crossing(edge: Mapping[str, object]) -> str | None:
    """At which size and rank a company would be on the other side."""
    at, move = _number(edge["crosses_at_usd"]), _move(edge)
    if at is None or move is None:
        return None
    return f"{_SIDES[not edge['is_above']]} at {usd(at)} ({move}), rank {edge['crosses_at_rank']:,}"


def _move(edge: Mapping[str, object]) -> str | None:
    """How far a company's size is from the other side."""
    move = _number(edge["cap_change_share"])
    if move is None:
        return None
    return signed_percent(move) if move < _TIMES else f"{1 + move:,.0f} times"


def why_parts(card: WhyCard) -> Iterator[RenderableType]:
    """Set the why-card."""
    told = card.card
    yield line(f"{card.symbol} at {card.event.event_id}: {told['decision']}", style="bold")
    yield line(
        f"{told['name'] or NONE_SHOWN} ({told['company_id']}), rank day {card.event.rank_day}, "
        f"effective {card.event.effective_session}"
    )
    yield line(str(told["reason"]))
    yield line(f"before: {_segment(card, 'previous_segment')}; after: {_segment(card, 'segment')}")
    yield line(
        f"indexes before: {told['previous_indexes'] or NONE_SHOWN}; "
        f"after: {told['indexes'] or NONE_SHOWN}"
    )
    for change in card.rows("between"):
        when = change["session"] or "between the events"
        yield line(f"{when} {change['symbol']}: {change['sentence']}")
    yield from _tables(card)
    for sentence in card.counterfactuals:
        yield line(sentence)


def _tables(card: WhyCard) -> Iterator[RenderableType]:
    lines = card.rows("lines")
    if len(lines) > 1:
        laid = [{**row, "left out": row["exclusion_reason"]} for row in lines]
        yield terminal_table(pl.DataFrame(laid).select(_LINE_COLUMNS), title="Lines of the company")
    rows = why_frame(card)
    rules = rows.filter(pl.col("part") == "rule")
    if not rules.is_empty():
        asked = f"Rules of eligibility, asked of {card.symbol}"
        columns = ("item", "actual", "threshold", "verdict")
        yield terminal_table(rules.select(columns), title=asked)
        for said in rules.drop_nulls("sentence").filter(pl.col("verdict") != "unknown").rows():
            yield line(f"{said[1]}: {said[-1]}")
    if card.rows("edges"):
        yield _edges(card)


def _edges(card: WhyCard) -> RenderableType:
    """Where the company lies among the edges; where it would, if it is not ranked."""
    told = card.card
    rank = told["rank"] or told["would_rank"]
    share = _number(told["cumulative_market_cap_share"])
    place = f"rank {rank:,}, {usd(_number(told['total_market_cap_usd']))}"
    if told["rank"] is None:
        title = f"Edges, had it been eligible: {place}"
    else:
        title = f"Edges: {place}, cumulative position {percent(share)}"
    rows = [
        {
            "edge": f"#{edge['edge']}",
            "breakpoint_usd": edge["breakpoint_usd"],
            "band": _band(edge) or NONE_SHOWN,
            "side": _SIDES[bool(edge["is_above"])] + (" (band)" if edge["is_by_band"] else ""),
            "crosses at_usd": edge["crosses_at_usd"],
            "move": _move(edge) or NONE_SHOWN,
            "to rank": edge["crosses_at_rank"],
        }
        for edge in card.rows("edges")
    ]
    return terminal_table(pl.DataFrame(rows, infer_schema_length=None), title=title)
