"""The overrides file: what it may say, and what is refused with file and line."""

from __future__ import annotations

from datetime import date

import pytest

from r2k_pipeline.errors import BadInputError
from r2k_pipeline.rulebook.identity_overrides import (
    COLUMNS,
    LinkKind,
    identity_overrides,
    parse_identity_overrides,
)
from r2k_pipeline.rulebook.sources import Certainty

HEADER = ",".join(COLUMNS)
GOOD = "NEW,2024-06-03,continues,OLD,index operations,It was renamed.,Form 8-K,from_memory"


def parsed(*lines: str) -> list[tuple[object, ...]]:
    overrides = parse_identity_overrides("\n".join(lines) + "\n", file="mine.csv")
    return [(o.symbol, o.session, o.link, o.other_symbol) for o in overrides]


def test_the_shipped_file_is_good_and_names_a_document_for_every_row() -> None:
    overrides = identity_overrides()
    assert len(overrides) > 0
    assert all("Form" in override.source for override in overrides)
    assert {override.certainty for override in overrides} == {Certainty.FROM_MEMORY}


def test_a_row_says_what_it_links() -> None:
    company = "NEWB,2024-06-03,own_company,,index operations,A reason.,Form 8-K,from_memory"
    assert parsed(HEADER, GOOD, company) == [
        ("NEW", date(2024, 6, 3), LinkKind.CONTINUES, "OLD"),
        ("NEWB", date(2024, 6, 3), LinkKind.OWN_COMPANY, None),
    ]


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (("symbol,session", "NEW,2024-06-03"), "line 1: the header must be symbol, session"),
        ((HEADER, GOOD.replace("2024-06-03", "3 June")), "line 2: session '3 June' is not a date"),
        ((HEADER, GOOD.replace("continues", "becomes")), "line 2: unknown link 'becomes'"),
        ((HEADER, GOOD.replace("OLD", "")), "line 2: continues needs other_symbol"),
        ((HEADER, GOOD.replace("continues", "new_line")), "new_line takes no other_symbol"),
        ((HEADER, GOOD.replace("OLD", "NEW")), "line 2: other_symbol is the symbol itself"),
        ((HEADER, GOOD.replace("Form 8-K", " ")), "line 2: source must not be blank"),
        ((HEADER, GOOD.replace("from_memory", "sure")), "line 2: unknown certainty 'sure', none"),
        ((HEADER, GOOD.replace("from_memory", "")), "line 2: certainty must not be blank"),
        ((HEADER, GOOD + ",more"), "line 2: must have 8 values"),
        ((HEADER, "NEW,2024-06-03"), "line 2: must have 8 values"),
        ((HEADER, GOOD, GOOD), "line 3: NEW is settled twice on that day"),
    ],
)
def test_a_bad_line_is_refused_with_its_number(lines: tuple[str, ...], fault: str) -> None:
    with pytest.raises(BadInputError) as caught:
        parsed(*lines)
    assert fault in caught.value.culprit
