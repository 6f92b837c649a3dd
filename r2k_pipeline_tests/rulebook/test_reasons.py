"""Every reason has one sentence, and every excluded line type a reason."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, TypeAlias

import pytest

from r2k_pipeline.rulebook.reasons import (
    ExclusionReason,
    LineType,
    MembershipDecision,
    RepairRule,
    exclusion_of,
)
from r2k_pipeline.rulebook.rules import rules_in_force

if TYPE_CHECKING:
    from enum import StrEnum

Reason: TypeAlias = LineType | ExclusionReason | MembershipDecision | RepairRule
ALL: list[Reason] = [*LineType, *ExclusionReason, *MembershipDecision, *RepairRule]


@pytest.mark.parametrize("reason", ALL, ids=repr)
def test_a_reason_says_a_sentence(reason: Reason) -> None:
    assert reason.sentence[0].isupper()
    assert reason.sentence.endswith(".")


@pytest.mark.parametrize("enum", [LineType, ExclusionReason, MembershipDecision, RepairRule])
def test_sentences_tell_values_apart(enum: type[Reason]) -> None:
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
        "llc royalty_trust foreign exchange votes_below_minimum unrepaired no_close "
        "price_below_minimum no_market_cap cap_below_minimum secondary_class "
        "float_below_minimum not_traded excluded_by_override"
    )
    assert values(RepairRule) == (
        "cap_spike split_without_close shares_not_split reverse_split_on_price_only blank_cap "
        "known_shares unlisted_class sibling_cap class_level_cap close_missing close_out_of_line "
        "cap_without_history new_level_accepted stale_copy previous_close_contradicts "
        "values_accepted settled_later size_assumed set_by_override excluded_by_override"
    )
