"""Every reason has one sentence, and every excluded line type a reason."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from r2k_pipeline.rulebook.reasons import (
    ExclusionReason,
    LineType,
    MembershipDecision,
    exclusion_of,
)
from r2k_pipeline.rulebook.rules import rules_in_force

if TYPE_CHECKING:
    from enum import StrEnum

ALL = [*LineType, *ExclusionReason, *MembershipDecision]


@pytest.mark.parametrize("reason", ALL, ids=repr)
def test_a_reason_says_a_sentence(reason: LineType | ExclusionReason | MembershipDecision) -> None:
    assert reason.sentence[0].isupper()
    assert reason.sentence.endswith(".")


@pytest.mark.parametrize("enum", [LineType, ExclusionReason, MembershipDecision])
def test_sentences_tell_values_apart(
    enum: type[LineType | ExclusionReason | MembershipDecision],
) -> None:
    sentences = [member.sentence for member in enum]
    assert len(set(sentences)) == len(sentences)


def test_every_excluded_line_type_has_its_reason() -> None:
    for line_type in rules_in_force(date(2026, 4, 30)).excluded_line_types:
        assert exclusion_of(line_type) == line_type.value


@pytest.mark.parametrize("line_type", [LineType.COMMON, LineType.REIT, LineType.TRACKING_STOCK])
def test_an_eligible_line_type_has_none(line_type: LineType) -> None:
    with pytest.raises(ValueError, match=line_type):
        exclusion_of(line_type)


def test_values_are_those_that_published_rows_carry() -> None:
    # Spelled by hand: renaming one would orphan rows already published.
    def values(enum: type[StrEnum]) -> str:
        return " ".join(enum)

    assert values(MembershipDecision) == (
        "enters leaves moves_up moves_down stays_by_rank stays_by_band stays_out"
    )
    assert values(LineType) == (
        "common reit tracking_stock preferred warrant unit right note depositary_receipt fund bdc "
        "spac limited_partnership llc royalty_trust"
    )
    assert values(ExclusionReason) == (
        "preferred warrant unit right note depositary_receipt fund bdc spac limited_partnership "
        "llc royalty_trust foreign exchange no_close price_below_minimum no_market_cap "
        "cap_below_minimum secondary_class"
    )
