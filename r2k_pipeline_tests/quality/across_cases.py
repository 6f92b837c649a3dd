"""For every truth across tables rows that keep it, rows that break it, and its words.

A case is a few rows, and the rows beside them; the sentence is what an operator reads of the
broken one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from r2k_pipeline_tests.quality.good_frames import FRIDAY, MONDAY, frame

_RANK_DAY = date(2022, 5, 6)


@dataclass(frozen=True, kw_only=True)
class AcrossCase:
    """Rows, what stands beside them by its name in the query, and the edit that breaks it.

    `broken` replaces frames beside the rows, or the rows themselves under `judged`.
    """

    judged: pl.DataFrame
    beside: dict[str, pl.DataFrame]
    broken: dict[str, pl.DataFrame]
    sentence: str


def _line(table: str, **cells: object) -> pl.DataFrame:
    return frame(table, **{name: [value] for name, value in cells.items()})


_LISTED = _line("raw_listings", session=MONDAY, exchange="nyse", symbol="HAL")
_KNOWN = _line("securities", security_id="S-HAL", company_id="C-HAL")
_DECIDED = _line("reconstitution", event_id="2022-06", company_id="C-HAL", segment="small")
_MEMBER = _line(
    "constituents", session=MONDAY, security_id="S-HAL", company_id="C-HAL", symbol="HAL",
    segment="small", event_id="2022-06", status="ok",
)  # fmt: skip
_LINE = _line(
    "universe", session=MONDAY, security_id="S-HAL", company_id="C-HAL", exchange="nyse",
    symbol="HAL", is_eligible=True,
)  # fmt: skip
_ON_RANK_DAY = pl.DataFrame({
    "company_id": ["C-HAL"], "is_eligible": [True], "exclusion_reason": ["foreign"],
    "event_id": ["2022-06"],
})  # fmt: skip
_ENTRY = {"index_id": "r2000", "session": MONDAY}
_LEVEL = _line("levels", **_ENTRY, divisor=2.0, status="OK")

_FLOAT = _line("float_factors", session=MONDAY, symbol="HAL", float_factor=0.09)

ACROSS: dict[tuple[str, str], AcrossCase] = {
    ("float_factors", "float_does_not_jump"): AcrossCase(
        judged=_FLOAT,
        # What stands of the session itself is about to be replaced.
        beside={
            "float_factors": pl.concat(
                [
                    _FLOAT.with_columns(session=pl.lit(FRIDAY), float_factor=pl.lit(0.36)),
                    _FLOAT.with_columns(float_factor=pl.lit(0.9)),
                ]
            )
        },
        broken={
            "float_factors": _FLOAT.with_columns(
                session=pl.lit(_RANK_DAY), float_factor=pl.lit(0.9)
            )
        },
        sentence="A float factor is at most four times the one that the line had before, and at "
        "least a quarter of it. 1 breaks this: session 2022-06-27 symbol HAL float_factor 0.09 "
        "float_before 0.9.",
    ),
    ("reported_actions", "actions_concern_a_listed_line"): AcrossCase(
        judged=_line("reported_actions", session=MONDAY, symbol="HAL", action_type="split"),
        beside={"raw_listings": _LISTED},
        broken={"raw_listings": _LISTED.clear()},
        sentence="The line of an action is listed on its session, or has just left. "
        "1 breaks this: session 2022-06-27 symbol HAL action_type split.",
    ),
    ("security_events", "events_concern_a_known_line"): AcrossCase(
        judged=_line("security_events", security_id="S-HAL", session=MONDAY, event="rename"),
        beside={"securities": _KNOWN},
        broken={"securities": _KNOWN.clear()},
        sentence="Every event is one of a line in securities. "
        "1 breaks this: security_id S-HAL session 2022-06-27 event rename.",
    ),
    ("corporate_actions", "actions_are_of_known_lines"): AcrossCase(
        judged=_line(
            "corporate_actions",
            session=MONDAY,
            security_id="S-HAL",
            symbol="HAL",
            action_type="split",
        ),
        beside={"securities": _KNOWN},
        broken={"securities": _KNOWN.clear()},
        sentence="Every action is one of a line in securities, or is marked unknown_line. "
        "1 breaks this: session 2022-06-27 security_id S-HAL symbol HAL action_type split.",
    ),
    ("universe", "lines_were_listed"): AcrossCase(
        judged=_LINE,
        beside={"raw_listings": _LISTED, "securities": _KNOWN},
        broken={"raw_listings": _LISTED.with_columns(exchange=pl.lit("amex"))},
        sentence="Every line was listed on its exchange on its session. "
        "1 breaks this: session 2022-06-27 security_id S-HAL exchange nyse symbol HAL.",
    ),
    ("universe", "lines_are_identified"): AcrossCase(
        judged=_LINE,
        beside={"raw_listings": _LISTED, "securities": _KNOWN},
        broken={"securities": _KNOWN.clear()},
        sentence="Every line stands in securities. "
        "1 breaks this: session 2022-06-27 security_id S-HAL symbol HAL.",
    ),
    ("ranking", "ranked_companies_are_eligible"): AcrossCase(
        judged=_line(
            "ranking", session=MONDAY, company_id="C-HAL", security_id="S-HAL", symbol="HAL"
        ),
        beside={"universe": _LINE},
        broken={"universe": _LINE.with_columns(is_eligible=False)},
        sentence="The line that prices a ranked company is eligible on its session. "
        "1 breaks this: session 2022-06-27 company_id C-HAL security_id S-HAL symbol HAL.",
    ),
    ("initial_members", "members_are_identified"): AcrossCase(
        judged=_line(
            "initial_members",
            event_id="2022-06",
            company_id="C-HAL",
            security_id="S-HAL",
            symbol="HAL",
        ),
        beside={"securities": _KNOWN},
        broken={"securities": _KNOWN.clear()},
        sentence="Every member is a line in securities. "
        "1 breaks this: event_id 2022-06 company_id C-HAL security_id S-HAL symbol HAL.",
    ),
    ("reconstitution", "members_are_eligible"): AcrossCase(
        judged=_DECIDED.with_columns(symbol=pl.lit("HAL")),
        beside={"universe": _ON_RANK_DAY},
        broken={"universe": _ON_RANK_DAY.with_columns(is_eligible=False)},
        sentence="Every company that ends in a segment has a line on the rank day that is "
        "eligible, or is out for nothing but a price or cap, which the event may settle. "
        "1 breaks this: event_id 2022-06 company_id C-HAL symbol HAL segment small.",
    ),
    ("breakpoints", "events_are_decided"): AcrossCase(
        judged=_line("breakpoints", event_id="2022-06", edge="1000"),
        beside={"reconstitution": _DECIDED},
        broken={"reconstitution": _DECIDED.clear()},
        sentence="Every event with a breakpoint is decided in reconstitution. "
        "1 breaks this: event_id 2022-06 edge 1000.",
    ),
    ("preliminary_lists", "companies_are_identified"): AcrossCase(
        judged=_line(
            "preliminary_lists",
            event_id="2022-06",
            list_day=FRIDAY,
            company_id="C-HAL",
            symbol="HAL",
        ),
        beside={"securities": _KNOWN},
        broken={"securities": _KNOWN.clear()},
        sentence="Every company stands in securities. "
        "1 breaks this: event_id 2022-06 list_day 2022-06-24 company_id C-HAL symbol HAL.",
    ),
    ("fundamentals", "companies_are_identified"): AcrossCase(
        judged=_line("fundamentals", event_id="2022-06", company_id="C-HAL", symbol="HAL"),
        beside={"securities": _KNOWN},
        broken={"securities": _KNOWN.clear()},
        sentence="Every company stands in securities. "
        "1 breaks this: event_id 2022-06 company_id C-HAL symbol HAL.",
    ),
    ("style_scores", "scored_companies_are_members"): AcrossCase(
        judged=_line("style_scores", event_id="2022-06", company_id="C-HAL", segment="small"),
        beside={"reconstitution": _DECIDED},
        broken={"reconstitution": _DECIDED.with_columns(segment=pl.lit("large"))},
        sentence="Every company that is scored ends its event in that segment. "
        "1 breaks this: event_id 2022-06 company_id C-HAL segment small.",
    ),
    ("why_cards", "cards_tell_what_was_decided"): AcrossCase(
        judged=_line(
            "why_cards",
            session=_RANK_DAY,
            event_id="2022-06",
            company_id="C-HAL",
            symbol="HAL",
            segment="small",
        ),
        beside={"reconstitution": _DECIDED},
        broken={"reconstitution": _DECIDED.with_columns(segment=pl.lit("large"))},
        sentence="A card tells the segment in which its event left the company. "
        "1 breaks this: session 2022-05-06 event_id 2022-06 company_id C-HAL symbol HAL "
        "segment small decided_segment large.",
    ),
    ("maintenance", "changed_companies_are_known"): AcrossCase(
        judged=_line(
            "maintenance",
            session=MONDAY,
            company_id="C-HAL",
            security_id="S-HAL",
            symbol="HAL",
            change="fast_entry",
        ),
        beside={"securities": _KNOWN},
        broken={"securities": _KNOWN.clear()},
        sentence="Every company that joins or changes stands in securities. "
        "1 breaks this: session 2022-06-27 company_id C-HAL symbol HAL change fast_entry.",
    ),
    ("constituents", "members_have_a_universe_row"): AcrossCase(
        judged=_MEMBER,
        beside={"universe": _LINE, "reconstitution": _DECIDED},
        broken={"universe": _LINE.with_columns(session=FRIDAY)},
        sentence="Every member whose close is of its session stands in the universe of that "
        "session. 1 breaks this: session 2022-06-27 security_id S-HAL symbol HAL status ok.",
    ),
    ("constituents", "members_were_decided"): AcrossCase(
        judged=_MEMBER,
        beside={"universe": _LINE, "reconstitution": _DECIDED},
        broken={"reconstitution": _DECIDED.with_columns(segment=pl.lit(None, pl.String))},
        sentence="Every member ended its event in that segment, or joined since and says how. "
        "1 breaks this: session 2022-06-27 security_id S-HAL symbol HAL segment small.",
    ),
    ("weight_factors", "weighted_lines_are_members"): AcrossCase(
        judged=_line("weight_factors", **_ENTRY, security_id="S-HAL"),
        beside={"constituents": _MEMBER},
        broken={"constituents": _MEMBER.clear()},
        sentence="Every line with a factor is a member line of its session. "
        "1 breaks this: index_id r2000 session 2022-06-27 security_id S-HAL.",
    ),
    ("divisors", "ledger_is_unbroken"): AcrossCase(
        # Two rows of one session: the reconstitution applies before the dividend.
        judged=frame(
            "divisors",
            index_id=["r2000"] * 2,
            session=[MONDAY] * 2,
            cause=["dividend", "reconstitution"],
            divisor_before=[3.0, 2.0],
            divisor_after=[3.0, 3.0],
        ),
        beside={
            "earlier": _line(
                "divisors", index_id="r2000", session=FRIDAY, cause="base", divisor_after=2.0
            )
        },
        broken={
            "earlier": _line(
                "divisors", index_id="r2000", session=FRIDAY, cause="base", divisor_after=2.5
            )
        },
        sentence="Each entry starts from the divisor that the entry before it left behind. "
        "1 breaks this: session 2022-06-27 index_id r2000 cause reconstitution "
        "divisor_before 2.0 left_behind 2.5.",
    ),
    ("levels", "sessions_are_those_of_constituents"): AcrossCase(
        judged=_LEVEL,
        beside={"constituents": _MEMBER, "divisors": _line("divisors", **_ENTRY).clear()},
        broken={"constituents": _MEMBER.with_columns(session=FRIDAY)},
        sentence="Every session with a level has constituents, and the other way round. "
        "1 breaks this: session 2022-06-24 missing levels.",
    ),
    ("levels", "divisors_are_those_of_the_ledger"): AcrossCase(
        judged=_LEVEL,
        beside={
            "constituents": _MEMBER,
            "divisors": _line("divisors", **_ENTRY, cause="base", divisor_after=2.0),
        },
        broken={"divisors": _line("divisors", **_ENTRY, cause="base", divisor_after=2.1)},
        sentence="Where the ledger has an entry, the divisor is one that it left behind. "
        "1 breaks this: session 2022-06-27 index_id r2000 divisor 2.0.",
    ),
    ("signals", "signals_have_a_level"): AcrossCase(
        judged=_line("signals", **_ENTRY, signal="sma_50_200"),
        beside={"levels": _LEVEL},
        broken={"levels": _LEVEL.with_columns(session=FRIDAY)},
        sentence="Every signal is one of an index and session that has a level. "
        "1 breaks this: session 2022-06-27 index_id r2000 signal sma_50_200.",
    ),
}
