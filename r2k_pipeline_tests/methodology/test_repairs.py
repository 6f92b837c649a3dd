"""What is repaired, what is quarantined, what passes: one fault a test.

Invariants that hold for any market:

- a range with its context gives what a longer range gives (`..._does_not_depend_on_the_range`);
- later sessions change nothing (`..._uses_nothing_later`);
- a value that differs from the raw one names its rule and keeps the raw one
  (`..._nothing_is_changed_in_silence`).
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from r2k_pipeline.methodology.share_history import CONTEXT_SESSIONS
from r2k_pipeline.rulebook.reasons import RepairRule
from r2k_pipeline_tests.share_lines import QUIET, SESSIONS, SHARES, line, repaired, verdicts


@pytest.mark.parametrize("times", [287.999712, 1000.0, 75.3, 0.147])
def test_a_spike_gives_way_to_the_shares_before_it(times: float) -> None:
    result = repaired(line(shares=[SHARES] * QUIET + [SHARES * times] * 3 + [SHARES]))
    assert verdicts(result) == [("cap_spike", 1.0)] * 3 + [(None, 1.0)]


def test_a_repair_keeps_the_raw_value_and_its_evidence() -> None:
    (row,) = repaired(line(shares=[SHARES] * QUIET + [SHARES * 288])).rows(named=True)[QUIET:]
    assert row["market_cap_usd"] == pytest.approx(SHARES * row["close_usd"], rel=1e-9)
    assert row["raw_market_cap_usd"] == pytest.approx(SHARES * 288 * row["close_usd"])
    assert row["repair_evidence"] == (
        "5760000000 shares implied, 288.0 times the 20000000 that held before"
    )
    assert not row["is_quarantined"]
    assert row["raw_close_usd"] is None


@pytest.mark.parametrize("times", [0.6, 1.02, 1.31, 1.9, 2.6])
def test_an_ordinary_change_of_shares_passes(times: float) -> None:
    result = repaired(line(shares=[SHARES] * QUIET + [SHARES * times] * 3))
    assert verdicts(result) == [(None, round(times, 3))] * 3


def test_a_jump_that_holds_is_believed_and_says_so() -> None:
    result = verdicts(repaired(line(shares=[SHARES] * QUIET + [SHARES * 7.3] * 10)))
    assert result == [("cap_spike", 1.0)] * 8 + [("new_level_accepted", 7.3), (None, 7.3)]


def test_a_jump_after_a_change_of_name_is_believed_at_once() -> None:
    shares = [SHARES] * QUIET + [SHARES * 7.3] * 2
    names = ["Blank One Acquisition Corp."] * (QUIET - 5) + ["Halden Inc. Common Stock"] * 7
    assert verdicts(repaired(line(shares=shares, names=names))) == [(None, 7.3)] * 2


def test_a_split_early_in_the_shares_and_then_doubled() -> None:
    # As AMZN in 2022: twenty times the shares for a session, back again, and on the day that the
    # close was split, twice the split.
    closes = [2100.0] * (QUIET + 3) + [105.0, 105.5]
    previous = [2100.0] * (QUIET + 3) + [105.0, 105.0]
    factors = [1.0] * QUIET + [20.0, 1.0, 1.0, 400.0, 20.0]
    result = repaired(line(shares=[SHARES * f for f in factors], closes=closes, previous=previous))
    assert verdicts(result) == [
        ("split_without_close", 1.0), (None, 1.0), (None, 1.0),
        ("split_without_close", 20.0), (None, 20.0),
    ]  # fmt: skip


@pytest.mark.parametrize("early", [1, 8, 13, 18])
def test_shares_that_were_split_early_are_not_split_again(early: int) -> None:
    closes = [100.0] * (QUIET + early) + [50.0, 50.5, 51.0]
    previous = [100.0] * (QUIET + early) + [50.0, 50.0, 50.5]
    shares = [SHARES] * QUIET + [2 * SHARES] * (early + 3)
    result = verdicts(repaired(line(shares=shares, closes=closes, previous=previous)))
    assert result[:early] == [("split_without_close", 1.0)] * early
    assert [shares for _, shares in result[early:]] == [2.0] * 3


@pytest.mark.parametrize(
    ("factor", "rule"), [(3.0, "shares_not_split"), (1 / 20, "reverse_split_on_price_only")]
)
def test_shares_that_are_split_late(factor: float, rule: str) -> None:
    closes = [6.0] * QUIET + [6.0 / factor] * 30
    previous = [6.0] * QUIET + [6.0 / factor] * 30
    shares = [SHARES] * (QUIET + 25) + [SHARES * factor] * 5
    result = verdicts(repaired(line(shares=shares, closes=closes, previous=previous)))
    assert result == [(rule, round(factor, 3))] * 25 + [(None, round(factor, 3))] * 5


def test_a_split_of_shares_and_close_together_is_no_fault() -> None:
    closes = [100.0] * QUIET + [25.0] * 3
    shares = [SHARES] * QUIET + [4 * SHARES] * 3
    unadjusted = [100.0] * (QUIET + 1) + [25.0] * 2
    told = repaired(line(shares=shares, closes=closes, previous=[100.0] * QUIET + [25.0] * 3))
    assert verdicts(told) == [(None, 4.0)] * 3
    # The vendor's previous close may have missed it: then the two prove one another.
    silent = repaired(line(shares=shares, closes=closes, previous=unadjusted))
    assert [shares for _, shares in verdicts(silent)] == [4.0] * 3


@pytest.mark.parametrize("blank", [None, 0.0])
def test_a_blank_cap_is_filled_from_the_shares_before(blank: float | None) -> None:
    result = repaired(line(shares=[SHARES] * QUIET + [blank] * 5 + [SHARES]))
    assert verdicts(result) == [("blank_cap", 1.0)] * 5 + [(None, 1.0)]


def test_a_line_that_never_had_a_cap_stays_blank() -> None:
    result = repaired(line(shares=[None] * (QUIET + 1)))
    assert verdicts(result) == [(None, None)]


def test_a_class_that_leaves_the_common_count_alone() -> None:
    a = line("DUOA", company="DUO", shares=[SHARES] * (QUIET + 2))
    b = line("DUOB", company="DUO", shares=[SHARES] * QUIET + [SHARES * 0.7, SHARES])
    result = repaired(a, b)
    assert verdicts(result, "DUOB") == [("class_level_cap", 1.0), (None, 1.0)]
    assert verdicts(result, "DUOA") == [(None, 1.0)] * 2


def test_classes_that_leave_the_common_count_for_different_ones() -> None:
    a = line("DUOA", company="DUO", shares=[SHARES] * QUIET + [SHARES * 0.6, SHARES])
    b = line("DUOB", company="DUO", shares=[SHARES] * QUIET + [SHARES * 0.4, SHARES])
    result = repaired(a, b)
    assert verdicts(result, "DUOA") == [("class_level_cap", 1.0), (None, 1.0)]
    assert verdicts(result, "DUOB") == [("class_level_cap", 1.0), (None, 1.0)]
    (evidence,) = result.filter(symbol="DUOA", session=SESSIONS[QUIET])["repair_evidence"]
    assert evidence == "12000000 shares, while DUOB left the common 20000000 for 8000000"


def test_classes_that_move_together_changed_their_shares() -> None:
    shares = [SHARES] * QUIET + [SHARES * 0.7] * 2
    result = repaired(*(line(s, company="DUO", shares=shares) for s in ("DUOA", "DUOB")))
    assert verdicts(result, "DUOA") == verdicts(result, "DUOB") == [(None, 0.7)] * 2


def test_a_class_without_a_cap_takes_its_siblings() -> None:
    a = line("DUO", company="DUO", shares=[SHARES] * (QUIET + 1))
    b = line("DUO/A", company="DUO", shares=[None] * (QUIET + 1))
    (row,) = repaired(a, b).filter(symbol="DUO/A").rows(named=True)[QUIET:]
    assert row["repair_rule"] == "sibling_cap"
    assert row["market_cap_usd"] == a["market_cap_usd"][QUIET]
    assert row["raw_market_cap_usd"] is None


def test_a_warrant_takes_nothing_from_its_company() -> None:
    a = line("DUO", company="DUO", shares=[SHARES] * (QUIET + 1))
    b = line("DUOW", company="DUO", shares=[None] * (QUIET + 1), names=["Duo Inc. Warrant"] * 41)
    assert verdicts(repaired(a, b), "DUOW") == [(None, None)]


@pytest.mark.parametrize("close", [None, 0.0, -1.0])
def test_a_missing_close_is_quarantined(close: float | None) -> None:
    closes = [20.0] * QUIET + [close]
    (row,) = repaired(line(shares=[SHARES] * (QUIET + 1), closes=closes)).rows(named=True)[QUIET:]
    assert row["is_quarantined"]
    assert row["quarantine_reason"] == "close_missing"


def test_a_close_out_of_line_is_quarantined_until_it_returns() -> None:
    closes = [20.0] * QUIET + [2000.0, 2000.0, 20.0, 20.0]
    result = repaired(line(shares=[SHARES] * (QUIET + 4), closes=closes))
    assert result["quarantine_reason"].to_list()[QUIET:] == ["close_out_of_line"] * 2 + [None] * 2


def test_heavy_trading_speaks_for_a_close() -> None:
    closes = [2.0] * QUIET + [14.0, 14.5]
    volumes = [1000 + number for number in range(QUIET)] + [90_000, 50_000]
    result = repaired(line(shares=[SHARES] * (QUIET + 2), closes=closes, volumes=volumes))
    assert result["is_quarantined"].sum() == 0


def test_a_jump_without_history_is_quarantined() -> None:
    shares = [SHARES, SHARES, SHARES * 40, SHARES * 40, SHARES * 40, SHARES * 40]
    result = repaired(line(shares=shares))
    assert result["quarantine_reason"].to_list() == [
        None, None, *["cap_without_history"] * 3, None,
    ]  # fmt: skip


def test_a_stale_line_is_flagged_and_left() -> None:
    result = repaired(line(shares=[SHARES] * 10, closes=[20.0] * 10, volumes=[7] * 10))
    assert result["repair_rule"].to_list() == [None] * 3 + ["stale_copy"] * 7
    assert result["raw_market_cap_usd"].null_count() == 10


def test_a_previous_close_that_contradicts_is_flagged() -> None:
    others = [line(f"L{number}", shares=[SHARES] * (QUIET + 1)) for number in range(30)]
    wrong = line(shares=[SHARES] * (QUIET + 1), previous=[20.0] * QUIET + [18.0])
    assert verdicts(repaired(wrong, *others)) == [("previous_close_contradicts", 1.0)]


def test_a_large_company_must_prove_a_jump_for_longer() -> None:
    large = [50 * SHARES] * QUIET + [365 * SHARES] * 23
    rules = [rule for rule, _ in verdicts(repaired(line(shares=large)))]
    assert rules[:21] == ["cap_spike"] * 21
    assert rules[22] is None


def test_the_end_of_a_fault_that_was_believed_is_no_fault() -> None:
    shares = [SHARES] * QUIET + [SHARES * 7.3] * 14 + [SHARES] * 3
    assert verdicts(repaired(line(shares=shares)))[14:] == [(None, 1.0)] * 3


@pytest.mark.parametrize("rule", RepairRule)
def test_a_rule_says_a_sentence_and_is_of_one_kind(rule: RepairRule) -> None:
    assert rule.sentence[0].isupper()
    assert rule.sentence.endswith(".")
    assert not (rule.is_flag and rule.is_quarantine)


def troubled_market(seed: int, lines: int, sessions: int) -> list[pl.DataFrame]:
    """Lines whose shares change, jump, vanish and are split, now together, now apart."""
    dice = np.random.default_rng(seed)
    market = []
    for number in range(lines):
        events = dice.choice(
            [1.0, 1.02, 2.0, 6.0, 0.1], p=[0.95, 0.02, 0.01, 0.01, 0.01], size=sessions
        )
        splits = dice.choice([1.0, 2.0, 0.1], p=[0.98, 0.01, 0.01], size=sessions)
        late = np.roll(splits, int(dice.integers(0, 12)))
        shares = SHARES * np.cumprod(events * late)
        closes = np.round(40 * np.exp(np.cumsum(dice.normal(0, 0.02, sessions))), 2)
        closes = np.maximum(closes / np.cumprod(splits), 1e-4)
        previous = [float(closes[0]), *(closes[:-1] / splits[1:])]
        blank = dice.random(sessions) < 0.02
        market.append(
            line(
                f"L{number}",
                company=f"Q{number // 2}",
                shares=[None if b else float(s) for b, s in zip(blank, shares, strict=True)],
                closes=closes.tolist(),
                previous=[float(p) for p in previous],
            )
        )
    return market


@pytest.mark.parametrize("seed", [1, 2])
def test_a_repair_does_not_depend_on_the_range(seed: int) -> None:
    market = troubled_market(seed, lines=40, sessions=240)
    start = SESSIONS[200]
    whole = repaired(*market).filter(pl.col("session") >= start)
    context = SESSIONS[200 - CONTEXT_SESSIONS]
    part = repaired(*(m.filter(pl.col("session") >= context) for m in market), start=start)
    assert whole["raw_market_cap_usd"].count() > 50
    assert_frame_equal(whole, part, rel_tol=1e-9)


def test_a_repair_uses_nothing_later() -> None:
    market = troubled_market(3, lines=40, sessions=120)
    end = SESSIONS[90]
    whole = repaired(*market).filter(pl.col("session") <= end)
    earlier = repaired(*(m.filter(pl.col("session") <= end) for m in market))
    assert_frame_equal(whole, earlier)


def test_nothing_is_changed_in_silence() -> None:
    market = troubled_market(4, lines=60, sessions=150)
    raw = pl.concat(market).sort("session", "exchange", "symbol")
    result = repaired(*market)
    assert result.select("session", "symbol").equals(raw.select("session", "symbol"))
    is_changed = result["market_cap_usd"].ne_missing(raw["market_cap_usd"])
    changed = result.filter(is_changed)
    kept = raw.filter(is_changed)["market_cap_usd"]
    assert changed.height > 100
    assert changed["raw_market_cap_usd"].equals(kept)
    assert changed.select(pl.col("repair_rule", "repair_evidence").null_count()).row(0) == (0, 0)
    assert set(result["repair_rule"].drop_nulls()) <= set(RepairRule)
    assert result["close_usd"].equals(raw["close_usd"])


def test_nothing_in_nothing_out() -> None:
    result = repaired(line(shares=[SHARES])).clear()
    empty = repaired(line(shares=[SHARES]), start=SESSIONS[5])
    assert empty.schema == result.schema
    assert empty.is_empty()
