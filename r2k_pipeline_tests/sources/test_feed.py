"""What passes between a source and landing: hashes, ranges and evidence."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import TYPE_CHECKING

import pytest

from r2k_pipeline.errors import BadInputError, NothingInRangeError
from r2k_pipeline.sources.feed import (
    BatchPlan,
    Evidence,
    EvidenceKind,
    RawFile,
    sessions_in_range,
)

if TYPE_CHECKING:
    from pathlib import Path

HAVE = [date(2022, 6, 24), date(2022, 6, 27)]


def test_a_file_and_its_bytes_have_one_hash(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"[1]")
    by_path, by_bytes = RawFile.from_path(tmp_path / "a.json"), RawFile.from_bytes("b", b"[1]")
    assert by_path.sha256 == by_bytes.sha256 == hashlib.sha256(b"[1]").hexdigest()
    assert by_path.source_hash == by_path.sha256[:16]


def test_a_range_keeps_the_sessions_at_both_ends() -> None:
    assert sessions_in_range(HAVE, source="x", start=HAVE[0], end=HAVE[1]) == tuple(HAVE)


def test_a_range_without_data_says_what_there_is() -> None:
    with pytest.raises(NothingInRangeError, match=r"x has nothing from 2023-01-03") as caught:
        sessions_in_range(HAVE, source="x", start=date(2023, 1, 3), end=None)
    assert caught.value.state == "it has 2022-06-24 to 2022-06-27; nothing was written"


def test_an_empty_range_is_bad_input() -> None:
    with pytest.raises(BadInputError, match="2022-06-27 to 2022-06-24 is empty"):
        sessions_in_range(HAVE, source="x", start=HAVE[1], end=HAVE[0])


def test_a_batch_tells_of_its_sessions_unless_it_is_told_of_more() -> None:
    saturday = date(2022, 6, 25)
    assert [BatchPlan(sessions=(HAVE[0],)).tells_of(day) for day in (HAVE[0], saturday)] == [
        True,
        False,
    ]
    wider = BatchPlan(sessions=(HAVE[0],), told_from=date(2022, 6, 20), told_to=saturday)
    assert [wider.tells_of(day) for day in (date(2022, 6, 20), saturday, HAVE[1])] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("kind", list(EvidenceKind))
def test_every_kind_of_evidence_has_a_sentence(kind: EvidenceKind) -> None:
    assert kind.sentence
    shown = str(Evidence(kind=kind, session=HAVE[0], exchange="nyse", detail="3 rows"))
    assert shown == f"2022-06-24 nyse: {kind.sentence} (3 rows)"
