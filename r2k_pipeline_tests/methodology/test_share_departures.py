"""Which departures of a line's shares are faults: splits in the shares alone, and mergers.

Invariants: a departure that a split ratio told stays one while the shares hold that
level, and no longer; a new name explains a jump only for a company that took another
name and can have been merged into.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r2k_pipeline_tests.share_lines import QUIET, SHARES, line, repaired, verdicts

if TYPE_CHECKING:
    from collections.abc import Sequence

OLD, NEW = "Blank One Acquisition Corp. Common Stock", "Halden Inc. Common Stock"


def departing(
    *times: float, names: tuple[str, str] | None = None, unit: float = SHARES
) -> list[tuple[str | None, float]]:
    """What is made of shares that are so many times the usual ones; renamed a week before."""
    shares = [unit] * QUIET + [unit * factor for factor in times]
    told = None if names is None else [names[0]] * (QUIET - 5) + [names[1]] * (5 + len(times))
    found = verdicts(repaired(line(shares=shares, names=told)))
    return [(rule, round((count or 0.0) * SHARES / unit, 3)) for rule, count in found]


@pytest.mark.parametrize("split", [1.5, 2.0, 3.0])
def test_shares_split_early_stay_so_while_they_are_counted_anew(split: float) -> None:
    counted = [split, split * 1.0005, split * 0.994, split * 1.012]
    assert departing(*counted) == [("split_without_close", 1.0)] * 4


def test_a_count_brought_up_to_date_with_the_early_split_is_still_one() -> None:
    assert departing(2.007) == [("split_without_close", 1.0)]
    assert departing(1.501) == [("split_without_close", 1.0)]


def test_an_offering_of_about_half_the_shares_passes() -> None:
    assert departing(1.496, 1.496) == [(None, 1.496)] * 2


def test_shares_that_leave_the_level_of_a_split_are_judged_anew() -> None:
    assert departing(2.0, 2.6) == [("split_without_close", 1.0), (None, 2.6)]


@settings(max_examples=15, deadline=None)
@given(
    split=st.sampled_from([1.5, 2.0, 4.0]),
    drift=st.lists(st.floats(-0.004, 0.004), min_size=1, max_size=7),
)
def test_a_split_in_the_shares_alone_is_mended_on_each_of_its_sessions(
    split: float, drift: Sequence[float]
) -> None:
    factors = [split]
    for step in drift:
        factors.append(factors[-1] * (1 + step))
    assert departing(*factors) == [("split_without_close", 1.0)] * len(factors)


def test_a_merger_is_believed_where_the_company_took_another_name() -> None:
    assert departing(7.3, 7.3, names=(OLD, NEW)) == [(None, 7.3)] * 2


def test_a_company_that_keeps_its_first_word_was_not_merged_into() -> None:
    kept = ("Halden Oilfield Services Inc. Common Stock", NEW)
    assert departing(7.3, 7.3, names=kept) == [("cap_spike", 1.0)] * 2


def test_a_merger_by_about_a_whole_number_is_no_split() -> None:
    # Seven times the shares to within half a percent is what one merger in fifteen comes to.
    assert departing(7.02, names=(OLD, NEW)) == [(None, 7.02)]
    assert departing(7.02) == [("split_without_close", 1.0)]
    assert departing(7.0, names=(OLD, NEW)) == [("split_without_close", 1.0)]


def test_no_name_explains_tenfold_shares_of_a_large_company() -> None:
    # At a close of 20 USD: 3 billion before, 24 or 36 billion after.
    assert departing(8.3, names=(OLD, NEW), unit=1.5e8) == [(None, 8.3)]
    assert departing(12.3, names=(OLD, NEW), unit=1.5e8) == [("cap_spike", 1.0)]
    assert departing(12.3, names=(OLD, NEW)) == [(None, 12.3)]
