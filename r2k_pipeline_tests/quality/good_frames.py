"""For every table a small frame that keeps all of its contract's rules.

`GOOD` has one frame a table, with several rows where rules look between rows. The
edits that break a rule are `bad_cells`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import polars_schema

FRIDAY, MONDAY = date(2022, 6, 24), date(2022, 6, 27)
MOMENT = datetime(2022, 6, 27, 21, 0, tzinfo=UTC)
HASH = "0123456789abcdef"


def frame(table: str, **columns: list[Any]) -> pl.DataFrame:
    """A contract-shaped frame; columns that are not given are null."""
    rows = len(next(iter(columns.values())))
    schema = polars_schema(contract(table))
    return pl.DataFrame({name: columns.get(name, [None] * rows) for name in schema}, schema=schema)


def with_last_row(good: pl.DataFrame, **values: object) -> pl.DataFrame:
    """The frame with some cells of its last row overwritten."""
    is_row = pl.int_range(pl.len()) == good.height - 1
    return good.with_columns(
        pl.when(is_row).then(pl.lit(value, dtype=good.schema[name])).otherwise(name).alias(name)
        for name, value in values.items()
    )


_LISTINGS = frame(
    "raw_listings",
    session=[FRIDAY, FRIDAY, MONDAY],
    exchange=["nyse", "nasdaq", "amex"],
    symbol=["BRK/A", "ABR^D", "SIM.U"],  # a class, a preferred line, a unit
    name=["Berkshire Hathaway Inc.", None, "Simple Acquisition Corp. Unit"],
    close_usd=[412_000.0, None, 10.01],
    previous_close_usd=[411_500.0, None, 0.0],  # a first session has no previous close
    volume_shares=[1_200, 0, 55],
    market_cap_usd=[6.1e11, None, 0.0],  # the vendor leaves caps blank or zero
    ipo_year=[None, 1996, 2022],
    source=["us-stock-symbols"] * 3,
    source_hash=[HASH] * 3,
)
_ACTIONS: dict[str, list[Any]] = {
    "session": [FRIDAY, FRIDAY, MONDAY, MONDAY],
    "symbol": ["SPLT", "DIVI", "NEWN", "ACQD"],
    "action_type": ["split", "cash_dividend", "rename", "stock_merger"],
    "split_factor": [2.0, None, None, None],
    "amount_usd": [None, 0.25, None, 1.0],
    "ratio": [None, None, None, 0.5],
    "counterparty_symbol": [None, None, "RNMD", "ACQR"],
    "announced_session": [None, None, None, FRIDAY],
}
_UNIVERSE = frame(
    "universe",
    session=[FRIDAY, FRIDAY, MONDAY],
    security_id=["S1", "S2", "S1"],
    company_id=["C1", "C2", "C1"],
    symbol=["BOLT", "BOLTW", "BOLT"],
    exchange=["nyse"] * 3,
    line_type=["common_share", "warrant", "common_share"],
    close_usd=[25.0, None, 26.0],
    volume_shares=[100, 0, 90],
    market_cap_usd=[2500.0, None, 2600.0],
    total_shares=[100.0, None, 100.0],
    is_eligible=[True, False, True],
    exclusion_reason=[None, "wrong_line_type", None],
    failed_rules=[None, "line_type no_close", None],
)
_RANKING = frame(
    "ranking",
    session=[FRIDAY, FRIDAY, FRIDAY, MONDAY],
    company_id=["C1", "C2", "C3", "C1"],
    security_id=["S1", "S2", "S3", "S1"],
    symbol=["ACME", "BOLT", "CORE", "ACME"],
    close_usd=[10.0, 25.0, 4.0, 10.0],
    total_shares=[290.0, 100.0, 250.0, 290.0],
    line_count=[2, 1, 1, 2],
    total_market_cap_usd=[2900.0, 2500.0, 1000.0, 2900.0],
    rank=[1, 2, 3, 1],
    cumulative_market_cap_share=[0.453125, 0.84375, 1.0, 1.0],
)
_BREAKPOINTS = frame(
    "breakpoints",
    event_id=["2022-06"] * 3,
    rank_day=[date(2022, 5, 6)] * 3,
    effective_session=[MONDAY] * 3,
    edge=["1000", "3000~0.02", "4000"],
    boundary_rank=[1000, 3000, 4000],
    breakpoint_usd=[4.6e9, 2.4e8, 3.0e7],
    cumulative_market_cap_share=[0.93, 0.995, 1.0],
    lower_bound_share=[0.905, None, None],
    upper_bound_share=[0.955, None, None],
    company_count=[4000] * 3,
    total_market_cap_usd=[4.5e13] * 3,
    is_banded=[True, False, False],
)
_RECONSTITUTION = frame(
    "reconstitution",
    event_id=["2022-06"] * 5,
    company_id=["C1", "C2", "C3", "C4", "C5"],
    security_id=["S1", "S2", "S3", None, "S5"],
    symbol=["STAY", "BAND", "RISE", "GONE", "ENTR"],
    rank=[1, 998, 500, None, 2500],
    total_market_cap_usd=[2.0e12, 4.7e9, 9.0e9, None, 4.0e8],
    total_shares=[1.0e10, 1.0e8, 1.0e8, None, 1.0e7],
    cumulative_market_cap_share=[0.05, 0.93, 0.85, None, 0.99],
    previous_segment=["large", "small", "small", "micro", None],
    segment=["large", "small", "large", None, "small"],
    previous_indexes=["r3000e r1000", "r3000e r2000", None, "r3000e", None],
    indexes=["r3000e r1000", "r3000e r2000", "r3000e r1000", None, "r3000e r2000"],
    edges_above=["1000 4000", "4000", "1000 4000", None, "4000"],
    decision=["stays_by_rank", "stays_by_band", "moves_up", "leaves", "enters"],
    reason=["It ranks 1, above 1000."] * 5,
)
_CONSTITUENTS = frame(
    "constituents",
    session=[FRIDAY, MONDAY, MONDAY],
    security_id=["S1", "S1", "S2"],
    company_id=["C1", "C1", "C2"],
    symbol=["BOLT", "BOLT", "HALT"],
    segment=["large", "large", "micro"],
    indexes=["r3000e r1000", "r3000e r1000", "r3000e"],
    event_id=["2021-06", "2022-06", "2022-06"],
    close_usd=[25.0, 26.0, 4.0],
    close_session=[FRIDAY, MONDAY, FRIDAY],
    close_age_sessions=[0, 0, 1],
    previous_close_usd=[24.5, 25.0, 4.0],
    index_shares=[80.0, 80.0, 250.0],
    float_factor=[0.8, 0.8, 1.0],
    float_status=["known", "known", "unknown"],
    market_value_usd=[2000.0, 2080.0, 1000.0],
    status=["ok", "ok", "carried"],
)
_WEIGHT_FACTORS = frame(
    "weight_factors",
    index_id=["r2000eq"] * 3,
    session=[FRIDAY, MONDAY, MONDAY],
    security_id=["S1", "S1", "S2"],
    value_usd=[3000.0, 3000.0, 1000.0],
    weight=[1.0, 0.5, 0.5],
    factor=[1.0, 2 / 3, 2.0],
)
_DIVISORS = frame(
    "divisors",
    index_id=["r2000"] * 3,
    session=[FRIDAY, MONDAY, MONDAY],
    cause=["base", "reconstitution", "dividend"],
    event_id=["2021-06", "2022-06", None],
    action_ids=[None, None, "cash_dividend DIVI"],
    market_value_before_usd=[None, 2000.0, 2500.0],
    market_value_after_usd=[1000.0, 2500.0, 2500.0],
    factor=[1.0, 1.25, 1.0],
    divisor_before=[None, 1.0, 1.25],
    divisor_after=[1.0, 1.25, 1.25],
    gross_return_factor=[1.0, 1.0, 1.002],
    net_return_factor=[1.0, 1.0, 1.0014],
)
_LEVELS = frame(
    "levels",
    index_id=["r2000", "r2000", "r3000"],
    session=[FRIDAY, MONDAY, MONDAY],
    price_level=[1000.0, 1010.0, 2000.0],
    total_return_level=[1000.0, 1011.0, 2001.0],
    net_total_return_level=[1000.0, 1010.5, 2000.5],
    divisor=[2.0, 2.0, 3.0],
    market_value_usd=[2000.0, 2020.0, 6000.0],
    members=[2000, 2000, 3000],
    status=["OK", "OK", "CARRIED"],
    reason=[None, None, "No listings landed."],
    since=[None, None, FRIDAY],
)

_RESTATEMENTS = frame(
    "restatements", index_id=["r2000"] * 2, session=[FRIDAY, MONDAY],
    cause_code=["late_action", "late_action source_restated"], cause=["a dividend"] * 2,
    price_level_before=[1000.0, 1010.0], price_level_after=[1000.0, 1011.0],
    total_return_level_before=[1000.0, 1011.0], total_return_level_after=[1001.0, 1012.0],
    net_total_return_level_before=[1000.0] * 2, net_total_return_level_after=[1000.7] * 2,
    divisor_after=[2.0, 2.0], market_value_usd_after=[2000.0, 2022.0], members_after=[2000] * 2,
    difference_bp=[10.0, 9.9], decision=["recalculate", "note_only"], decision_reason=["size"] * 2,
)  # fmt: skip
_OVERRIDES = frame(
    "overrides", override_id=["0a1b2c3d"] * 2, state=["recorded", "withdrawn"],
    field=["close_usd"] * 2, symbol=["BOLT"] * 2, first_session=[FRIDAY] * 2,
    last_session=[MONDAY] * 2, value=["12.5"] * 2, person=["index.operations"] * 2,
    reason=["corrected", "taken back"], recorded_at=[MOMENT] * 2,
)  # fmt: skip

GOOD: dict[str, pl.DataFrame] = {
    "raw_listings": _LISTINGS,
    "reported_actions": frame(
        "reported_actions", **_ACTIONS, source=["synthetic"] * 4, source_hash=[HASH] * 4
    ),
    "securities": frame(
        "securities",
        security_id=["S1", "S1", "S2"],
        company_id=["C1", "C1", "C2"],
        symbol=["OLDN", "NEWN", "OLDN"],  # the symbol is used again by another company
        exchange=["nyse", "nyse", "nasdaq"],
        company_name=["Old Name", "New Name", "Other"],
        first_session=[date(2021, 2, 1), FRIDAY, MONDAY],
        last_session=[date(2022, 6, 23), MONDAY, MONDAY],
        previous_symbol=[None, "OLDN", None],
        evidence=["first_seen", "same_name", "first_seen"],
        confidence=[1.0, 0.95, 1.0],
    ),
    "security_events": frame(
        "security_events",
        security_id=["S1", "S1", "S2"],
        session=[date(2021, 2, 1), FRIDAY, MONDAY],
        event=["listing", "rename", "symbol_reuse"],
        from_value=[None, "OLDN", "S1"],
        to_value=["OLDN", "NEWN", "S2"],
        evidence=["first_seen", "same_name", "symbol_reused"],
        confidence=[1.0, 0.95, 0.9],
        known_session=[date(2021, 2, 1), FRIDAY, MONDAY],
    ),
    "corporate_actions": frame(
        "corporate_actions",
        **_ACTIONS,
        security_id=["S1", "S2", "S3", "S4"],
        counterparty_security_id=[None, None, "S3", "S9"],
        outcome=[None, None, None, "delayed"],
        origin=["inferred", "reported", "reported", "reported"],
        evidence=["previous close is half the last close"] * 4,
    ),
    "universe": _UNIVERSE,
    "ranking": _RANKING,
    "breakpoints": _BREAKPOINTS,
    "initial_members": frame(
        "initial_members",
        event_id=["2022-06"] * 2,
        company_id=["C1", "C2"],
        security_id=["S1", "S2"],
        symbol=["STAY", "BAND/A"],
        name=["Staying Inc.", None],
        segment=["large", "small"],
        session=[FRIDAY] * 2,
        source_hash=[HASH] * 2,
    ),
    "reconstitution": _RECONSTITUTION,
    "preliminary_lists": frame(
        "preliminary_lists",
        event_id=["2022-06"] * 3,
        list_day=[date(2022, 6, 10), date(2022, 6, 17), date(2022, 6, 17)],
        company_id=["C1", "C1", "C2"],
        symbol=["GONE", "GONE", "RISE"],
        change=["addition", "addition", "move_up"],
        previous_segment=[None, None, "small"],
        segment=["small", "small", "large"],
        previous_indexes=[None, None, "r3000e r3000 r2000"],
        indexes=["r3000e r3000 r2000", "r3000e r3000 r2000", "r3000e r3000 r1000"],
        change_since_last=["new", "withdrawn", "unchanged"],
        reason=["enters by rank", "its last line ended", "moves up by rank"],
    ),
    "why_cards": frame(
        "why_cards",
        session=[date(2022, 5, 6)] * 3,
        event_id=["2022-06"] * 3,
        company_id=["C1", "C2", "C3"],
        symbol=["STAY", "SPCX", "GONE"],
        line_count=[2, 1, 0],
        eligible_line_count=[2, 0, 0],
        exclusion_reason=[None, "spac", None],
        failed_rules=[None, "line_type", None],
        rank=[1200, None, None],
        total_market_cap_usd=[2.0e9, 4.0e8, None],
        decision=["stays_by_rank", "excluded", "leaves"],
        reason=["Its rank keeps it.", "It is a shell.", "It is gone."],
        rises_above_usd=[6.0e9, 4.5e9, None],
        falls_below_usd=[2.5e8, 2.5e8, None],
        card=['{"rank":1200}'] * 3,
    ),
    "maintenance": frame(
        "maintenance",
        session=[date(2022, 9, 19)] * 3,
        company_id=["C1", "C2", "C3"],
        change=["share_update", "offering", "ipo_addition"],
        review_id=["2022-09", None, "2022-09"],
        event_id=["2022-06"] * 3,
        security_id=["S1", "S2", "S3"],
        symbol=["STAY", "SOLD", "NEWB"],
        segment=[None, None, "small"],
        indexes=[None, None, "r3000e r3000 r2000"],
        edges_above=[None, None, "3000 4000"],
        total_market_cap_usd=[None, None, 8.1e8],
        share_factor=[1.0235, 1.1, None],
        float_factor=[None, None, 0.25],
        decided_day=[date(2022, 8, 12), date(2022, 9, 15), date(2022, 8, 12)],
        reason=["shares moved by +2.35 %", "an offering was priced", "first traded in July"],
    ),
    "float_factors": frame(
        "float_factors",
        session=[FRIDAY, MONDAY],
        symbol=["BRK/B", "S-HALT-20210201"],
        float_factor=[1.0, 0.05],
        source=["10-K of 2021", "fund holdings"],
        certainty=["reported", "inferred"],
        source_hash=[HASH] * 2,
    ),
    "fundamentals": frame(
        "fundamentals",
        event_id=["2022-06"] * 2,
        company_id=["C1", "C2"],
        symbol=["BOLT", "HALT"],
        book_to_price=[0.4, None],
        growth_forecast=[None, -0.1],
        sales_growth=[0.1, None],
        analysts=[None, 2],
        source_hash=[HASH] * 2,
    ),
    "style_scores": frame(
        "style_scores",
        event_id=["2022-06"] * 2,
        company_id=["C1", "C2"],
        segment=["large", "micro"],
        composite_score=[0.2, 0.6],
        value_probability=[0.0, 0.4],
        is_kept=[True, False],
        estimated=["growth_forecast", "book_to_price sales_growth"],
    ),
    "constituents": _CONSTITUENTS,
    "weight_factors": _WEIGHT_FACTORS,
    "divisors": _DIVISORS,
    "levels": _LEVELS,
    "restatements": _RESTATEMENTS,
    "overrides": _OVERRIDES,
    "signals": frame(
        "signals",
        index_id=["r2000"] * 2,
        session=[FRIDAY, FRIDAY],
        signal=["sma_50_200", "momentum_12_1"],
        value=[1.02, None],
        position=[-1.0, 0.0],
        tradable_session=[MONDAY] * 2,
    ),
    "quality_results": frame(
        "quality_results",
        table_name=["raw_listings"] * 2,
        partition_key=["2022-06-24", "2022-06-27"],
        check_name=["close_is_positive"] * 2,
        severity=["warn"] * 2,
        is_passed=[True, False],
        evaluated_rows=[6900, 6900],
        failed_rows=[0, 2],
        sentence=["A close is above zero."] * 2,
        sample=["[]", '[{"symbol": "CORE"}]'],
        run_id=["run-1"] * 2,
        checked_at=[MOMENT] * 2,
    ),
    "quarantine": frame(
        "quarantine",
        table_name=["raw_listings"],
        partition_key=["2022-06-27"],
        check_name=["close_is_positive"],
        row_key=["2022-06-27|nyse|CORE"],
        row_json=['{"symbol": "CORE"}'],
        rationale=["A close is above zero."],
        run_id=["run-1"],
        quarantined_at=[MOMENT],
        state=["held"],
    ),
    "provenance": frame(
        "provenance",
        table_name=["raw_listings"],
        partition_key=["2022-06-27"],
        input_hash=[None],
        rows=[6900],
        run_id=["run-1"],
        written_at=[MOMENT],
    ),
    "fidelity": frame(
        "fidelity",
        run_id=["run-1", "run-1"],
        measured_at=[MOMENT, MOMENT],
        subject=["members_2022-06-27", "members_2022-06-27"],
        source_hash=[HASH, HASH],
        kind=["members", "members"],
        session=[MONDAY, MONDAY],
        event_id=["2022-06", "2022-06"],
        scope=["r2000", "r2000"],
        metric=["ours", "f1_share"],  # a count may be any number, a share only a fraction
        value=[1950.0, 0.97],
    ),
}
