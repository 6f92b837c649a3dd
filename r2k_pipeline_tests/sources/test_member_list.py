"""A user's list of members: the forms that it may have, and every way in which it is refused."""

from __future__ import annotations

import pytest

from r2k_pipeline.errors import BadInputError
from r2k_pipeline.sources.member_list import read_member_list


def test_every_index_is_a_segment_in_any_case() -> None:
    words = ("R1000", "r2000", "RMicro", "Large", "small", "MICRO")
    rows = "\n".join(f"S{place},{word}" for place, word in enumerate(words))
    found = read_member_list(f"symbol,index\n{rows}\n".encode(), file="m.csv")
    assert found["segment"].to_list() == ["large", "small", "micro"] * 2


def test_marks_other_columns_and_blank_lines_do_no_harm() -> None:
    text = '\ufeffname,Symbol, INDEX\r\n"Birk, Co.", BRK.B ,R1000\r\n\r\n,,\r\nAan,AAN,R2000\r\n'
    found = read_member_list(text.encode(), file="m.csv")
    assert found.rows() == [("BRK.B", "large"), ("AAN", "small")]


@pytest.mark.parametrize(
    ("data", "culprit"),
    [
        (b"", "row 1: the header must name symbol and index once"),
        (b"ticker,index\nA,R1000\n", "row 1: the header must name symbol once"),
        (b"symbol\nA\n", "row 1: the header must name index once"),
        (b"symbol,index,index\nA,R1000,R2000\n", "row 1: the header must name index once"),
        (b"symbol,index\n", "lists no member"),
        (b"symbol,index\nA,R1000\nB\n", "row 3: 1 cells under 2 columns"),
        (b"symbol,index\nA,R1000,x\n", "row 2: 3 cells under 2 columns"),
        (b"symbol,index\nA,R3000\n", "row 2: unknown index 'R3000'"),
        (b"symbol,index\nA,\n", "row 2: unknown index ''"),
        (b"symbol,index\n-,R1000\n", "row 2: no symbol"),
        (b"symbol,index\nA,R1000\n\nB,R1000\nA,R2000\n", "row 5: A is listed already"),
        (b"symbol,index\nBRK.B,R1000\nbrk.b,R1000\n", "row 3: brk.b is listed already"),
        (b"symbol,index\nA\xff,R1000\n", "is no CSV in UTF-8"),
        (b'symbol,index\n"A,R1000\n', "is no CSV in UTF-8"),
    ],
)
def test_a_bad_list_is_refused_by_file_and_row(data: bytes, culprit: str) -> None:
    with pytest.raises(BadInputError) as caught:
        read_member_list(data, file="mine.csv")
    assert caught.value.culprit.startswith("mine.csv")
    assert culprit in caught.value.culprit
    assert caught.value.remedy
    assert "nothing was built" in caught.value.state
