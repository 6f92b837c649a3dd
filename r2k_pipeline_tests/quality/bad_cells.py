"""For every rule that a contract states an edit of the good frame that breaks it.

`BREAKS` says which cells of the last row of `good_frames.GOOD` to overwrite; nothing to
overwrite stands for a frame without rows. The rules that follow from `primaryKey` and
`required` are broken in the test itself.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from r2k_pipeline_tests.quality.good_frames import FRIDAY, MONDAY

_EMPTY: dict[str, Any] = {}
_NO_HASH = {"source_hash": "no hash"}
_ACTION_BREAKS: dict[str, dict[str, Any]] = {
    "action_type_is_known": {"action_type": "bonus"},
    "split_factor_is_positive": {"split_factor": 0.0},
    "splits_have_a_factor": {"action_type": "split", "split_factor": None},
    "amount_is_not_negative": {"amount_usd": -0.01},
    "dividends_have_an_amount": {"action_type": "special_dividend", "amount_usd": None},
    "ratio_is_positive": {"ratio": -1.0},
    "renames_and_spin_offs_name_the_other_symbol": {"counterparty_symbol": None},
}
BREAKS: dict[str, dict[str, dict[str, Any]]] = {
    "raw_listings": {
        "there_are_listings": _EMPTY,
        "exchange_is_known": {"exchange": "otc"},
        "symbol_is_well_formed": {"symbol": "A B"},
        "close_is_positive": {"close_usd": -1.0},
        "close_is_plausible": {"close_usd": 2.5e6},
        "previous_close_is_not_negative": {"previous_close_usd": -0.01},
        "volume_is_not_negative": {"volume_shares": -1},
        "market_cap_is_not_negative": {"market_cap_usd": -1.0},
        "market_cap_is_plausible": {"market_cap_usd": 3.5e13},
        "ipo_year_is_plausible": {"ipo_year": 22},
        "source_is_named": {"source": " "},
        "source_hash_is_16_hex_digits": _NO_HASH,
    },
    "reported_actions": {**_ACTION_BREAKS, "source_hash_is_16_hex_digits": _NO_HASH},
    "securities": {
        "there_are_securities": _EMPTY,
        "exchange_is_known": {"exchange": "otc"},
        "spans_run_forward": {"last_session": FRIDAY},
        "spans_of_a_line_do_not_overlap": {"security_id": "S1", "symbol": "THRD"},
        "symbols_name_one_line_at_a_time": {"symbol": "NEWN"},
        "renames_change_the_symbol": {"previous_symbol": "OLDN"},
        "confidence_is_a_fraction": {"confidence": 1.1},
        "evidence_is_stated": {"evidence": ""},
    },
    "security_events": {
        "event_is_known": {"event": "bankruptcy"},
        "nothing_is_known_before_it_happens": {"known_session": FRIDAY},
        "changes_say_from_what_to_what": {"from_value": "S2"},
        "confidence_is_a_fraction": {"confidence": -0.1},
        "evidence_is_stated": {"evidence": ""},
    },
    "corporate_actions": {
        **_ACTION_BREAKS,
        "origin_is_known": {"origin": "guessed"},
        "evidence_is_stated": {"evidence": ""},
    },
    "universe": {
        "there_are_lines": _EMPTY,
        "exchange_is_known": {"exchange": "otc"},
        "line_type_is_one_word": {"line_type": "Common Share"},
        "exclusion_reason_is_one_word": {"is_eligible": False, "exclusion_reason": "too small"},
        "excluded_lines_have_a_reason": {"is_eligible": False},
        "eligible_lines_have_no_reason": {"exclusion_reason": "too_small"},
        "eligible_lines_have_a_close": {"close_usd": None},
        "eligible_lines_have_a_cap": {"market_cap_usd": None},
        "close_is_positive": {"close_usd": 0.0},
        "total_shares_are_positive": {"total_shares": 0.0},
        "every_session_has_eligible_lines": {"is_eligible": False, "exclusion_reason": "fund"},
        "repairs_say_why": {"repair_rule": "cap_spike"},
    },
    "ranking": {
        "there_are_companies": _EMPTY,
        "total_market_cap_is_positive": {"total_market_cap_usd": -2900.0},
        "close_is_positive": {"close_usd": -10.0},
        "companies_have_a_line": {"line_count": 0},
        "ranks_are_unique": {"session": FRIDAY, "company_id": "C4"},
        "ranks_are_dense": {"rank": 2},
        "ranks_start_at_one": {"rank": 0},
        "larger_companies_rank_first": {"session": FRIDAY, "company_id": "C4", "rank": 4},
        "cap_is_close_times_shares": {"total_shares": 291.0},
        "cumulative_share_is_a_fraction": {"cumulative_market_cap_share": 1.6},
    },
    "breakpoints": {
        "event_is_a_month": {"event_id": "2022-13"},
        "boundary_rank_is_known": {"boundary_rank": 2000},
        "effective_after_rank_day": {"rank_day": MONDAY},
        "breakpoint_is_positive": {"breakpoint_usd": 0.0},
        "breakpoints_fall_with_rank": {"breakpoint_usd": 2.5e8},
        "cumulative_share_is_a_fraction": {"cumulative_market_cap_share": 1.01},
        "breakpoint_lies_in_its_band": {"lower_bound_share": 0.9, "upper_bound_share": 0.99},
        "bands_have_both_bounds": {"is_banded": True},
        "there_are_companies": {"company_count": 0},
    },
    "initial_members": {
        "event_is_a_month": {"event_id": "2022-00"},
        "segment_is_known": {"segment": "r2000"},
        "symbol_is_stated": {"symbol": " "},
        "source_hash_is_16_hex_digits": _NO_HASH,
    },
    "reconstitution": {
        "event_is_a_month": {"event_id": "2022-6"},
        "decision_is_known": {"decision": "stays"},
        "segment_is_known": {"segment": "mid"},
        "previous_segment_is_known": {"previous_segment": "mid"},
        "rank_is_positive": {"rank": 0},
        "members_are_ranked": {"rank": None},
        "leaving_ends_membership": {"decision": "leaves"},
        "entering_gives_membership": {"segment": None},
        "staying_keeps_the_segment": {"decision": "stays_by_rank", "previous_segment": "micro"},
        "moving_changes_the_segment": {"decision": "moves_down", "previous_segment": "small"},
        "reason_is_a_sentence": {"reason": "rank"},
    },
    "constituents": {
        "there_are_members": _EMPTY,
        "segment_is_known": {"segment": "mid"},
        "event_is_a_month": {"event_id": "June 2022"},
        "status_is_known": {"status": "CARRIED"},
        "close_is_positive": {"close_usd": 0.0},
        "previous_close_is_positive": {"previous_close_usd": 0.0},
        "index_shares_are_positive": {"index_shares": 0.0},
        "float_factor_is_a_fraction": {"float_factor": 1.2},
        "value_is_close_times_shares": {"market_value_usd": 1000.1},
        "closes_are_known_by_then": {"close_session": date(2022, 6, 28)},
        "older_closes_are_marked_carried": {"close_session": MONDAY},
    },
    "divisors": {
        "index_is_one_word": {"index_id": "Russell 2000"},
        "cause_is_known": {"cause": "split"},
        "factor_is_positive": {"factor": 0.0},
        "gross_return_factor_is_positive": {"gross_return_factor": 0.0},
        "net_return_factor_is_positive": {"net_return_factor": -1.0},
        "tax_never_adds": {"net_return_factor": 1.003},
        "market_value_is_positive": {"market_value_after_usd": 0.0},
        "factor_is_value_after_over_before": {"cause": "deletion", "factor": 1.1},
        "reconstitutions_name_their_event": {"index_id": "r3000", "cause": "reconstitution"},
    },
    "levels": {
        "index_is_one_word": {"index_id": "R2000"},
        "price_level_is_positive": {"price_level": 0.0},
        "total_return_level_is_positive": {"total_return_level": 0.0},
        "net_total_return_level_is_positive": {"net_total_return_level": -1.0},
        "divisor_is_positive": {"divisor": 0.0},
        "level_is_value_over_divisor": {"price_level": 2000.1},
        "there_are_members": {"members": 0},
        "daily_change_is_plausible": {"index_id": "r2000", "session": date(2022, 6, 28)},
        "status_is_known": {"status": "carried"},
        "carried_levels_say_why": {"since": None},
    },
    "signals": {
        "index_is_one_word": {"index_id": "r 2000"},
        "signal_is_one_word": {"signal": "SMA"},
        "position_is_between_short_and_long": {"position": 1.5},
        "signals_are_traded_later": {"tradable_session": FRIDAY},
        "no_position_without_a_value": {"position": 1.0},
    },
    "quality_results": {
        "check_is_a_snake_case_sentence": {"check_name": "Close is positive"},
        "severity_is_known": {"severity": "critical"},
        "failed_rows_are_not_negative": {"failed_rows": -1},
        "failures_are_among_the_rows_seen": {"failed_rows": 6901},
        "sample_is_a_json_array": {"sample": "{}"},
    },
    "quarantine": {
        "check_is_a_snake_case_sentence": {"check_name": "?"},
        "row_is_a_json_object": {"row_json": "[]"},
        "rationale_is_stated": {"rationale": " "},
        "state_is_known": {"state": "forgotten"},
    },
    "provenance": {
        "rows_are_not_negative": {"rows": -1},
        "input_hash_is_hex": {"input_hash": "xyz"},
        "table_is_one_word": {"table_name": "Raw Listings"},
        "partition_is_named": {"partition_key": ""},
    },
    "fidelity": {
        "there_are_measurements": _EMPTY,
        "kind_is_known": {"kind": "rumours"},
        "metric_is_in_snake_case": {"metric": "F1 Share"},
        "source_hash_is_short_hex": _NO_HASH,
        "shares_are_fractions": {"value": 1.5},
    },
}
