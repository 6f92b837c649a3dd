"""Files of the real thing: each form is read, each quirk stands, each doubt is refused by name."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from r2k_pipeline.errors import BadInputError, SourceError
from r2k_pipeline.sources.truth.folder import read_truth
from r2k_pipeline.sources.truth.truth_file import TruthFile, TruthKind, index_named

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = (
    "Ticker,Name,Sector,Asset Class,Market Value,Weight (%),Notional Value,Quantity,Price,"
    "Location,Exchange,Currency,FX Rate,Market Currency,Accrual Date"
)
PREAMBLE = (
    "iShares Russell 2000 ETF",
    'Fund Holdings as of,"Nov 22, 2023"',
    'Inception Date,"May 22, 2000"',
    'Shares Outstanding,"278,750,000.00"',
    'Stock,"-"',
    'Bond,"-"',
    'Cash,"-"',
    'Other,"-"',
    "\N{NO-BREAK SPACE}",
)
LEGAL = (
    "\N{NO-BREAK SPACE}",
    '"The content contained herein is owned or licensed by the ""Fund"", and, as such, protected."',
    "Past performance, it says, is no guarantee",
)


def position(
    ticker: str,
    weight: str,
    *,
    kind: str = "Equity",
    exchange: str = "NYSE",
    value: str = "1,234.50",
) -> str:
    cells = (
        ticker, f"{ticker} INC, CLASS A", "Industrials", kind, value, weight, value, "1,000.00",
        "12.30", "United States", exchange, "USD", "1.00", "USD", "-",
    )  # fmt: skip
    return ",".join(f'"{cell}"' for cell in cells)


POSITIONS = (
    position("BRKB", "5.25", value="1,234,567.00"),
    position("MOGA", "1.75", exchange="New York Stock Exchange Inc."),
    position("OTCX", "0.50", exchange="Non-Nms Quotation Service"),
    position("DUPL", "0.25"),
    position("DUPL", "0.25"),
    position("XTSLA", "0.10", kind="Cash", exchange="-"),
    position("USD", "0.05", kind="Cash Collateral and Margins", exchange="-"),
    position("RTYZ3", "0.00", kind="Futures", exchange="Index And Options Market"),
    position("GTXI", "0.00", exchange="NO MARKET (E.G. UNLISTED)"),
    position("-", "0.00"),
)


def ishares_file(folder: Path, name: str = "IWM_holdings.csv") -> Path:
    path = folder / name
    text = "\r\n".join([*PREAMBLE, COLUMNS, *POSITIONS, *LEGAL])
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    return path


def written(folder: Path, name: str, text: str) -> TruthFile:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    (found,) = read_truth(path)
    return found


def test_holdings_as_ishares_publishes_them(tmp_path: Path) -> None:
    (found,) = read_truth(ishares_file(tmp_path))
    assert (found.kind, found.session, found.index_id) == (
        TruthKind.HOLDINGS, date(2023, 11, 22), "r2000",
    )  # fmt: skip
    assert found.rows.rows() == [
        ("BRKB", "r2000", 0.0525),
        ("MOGA", "r2000", 0.0175),
        ("OTCX", "r2000", 0.005),
        ("DUPL", "r2000", 0.005),
    ]
    assert found.note == "3 not equity, 1 unlisted, 1 without ticker"


def test_holdings_without_a_share_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "IWM.csv"
    path.write_text("\n".join([*PREAMBLE, COLUMNS, POSITIONS[5], *LEGAL]), encoding="utf-8")
    with pytest.raises(SourceError, match=r"IWM\.csv has no position in listed shares"):
        read_truth(path)


def test_a_member_list_names_its_session_and_indexes(tmp_path: Path) -> None:
    text = "symbol,index\nBRK.B,R1000\nMOG/A,Russell 2000\nTRUE,r2000\nNA,R2000\n"
    found = written(tmp_path, "russell_members_2022-06-27.csv", text)
    assert (found.kind, found.session) == (TruthKind.MEMBERS, date(2022, 6, 27))
    assert found.rows.rows() == [
        ("BRK.B", "r1000"), ("MOG/A", "r2000"), ("TRUE", "r2000"), ("NA", "r2000"),
    ]  # fmt: skip


def test_a_bare_watch_list_takes_the_index_from_its_name(tmp_path: Path) -> None:
    found = written(tmp_path, "Russell 2000 20220627.csv", "Symbol,Name\nAAN-202310,Aaron\n")
    assert found.rows.rows() == [("AAN-202310", "r2000")]


def test_what_a_file_does_not_say_can_be_told(tmp_path: Path) -> None:
    path = tmp_path / "watchlist.csv"
    path.write_text("symbol\nAA\n", encoding="utf-8")
    with pytest.raises(SourceError, match="does not say of which session") as caught:
        read_truth(path)
    assert "--session" in caught.value.remedy
    (found,) = read_truth(path, session=date(2022, 6, 27), index_id="r1000")
    assert found.rows.rows() == [("AA", "r1000")]


def test_changes_levels_figures_and_floats(tmp_path: Path) -> None:
    changes = written(
        tmp_path, "changes_2023-06-26.csv", "symbol,action\nAA,addition\nBB,Deleted\n"
    )
    assert changes.rows.rows() == [("AA", "addition", "r3000"), ("BB", "deletion", "r3000")]
    levels = written(
        tmp_path, "rut_1987_2023.csv", 'date,price_level\n2023-12-29,"2,027.07"\n2023-12-28,\n'
    )
    assert (levels.index_id, levels.session) == ("r2000", None)
    assert levels.rows.rows() == [(date(2023, 12, 29), "price_level", 2027.07)]
    figures = written(
        tmp_path,
        "published.csv",
        "year,rank_day,r3000_total_cap_usd_tn,breakpoint_usd_bn\n2022,2022-05-06,44.9,\n",
    )
    assert figures.rows.rows() == [(2022, date(2022, 5, 6), "r3000_total_usd", 44.9e12)]
    floats = written(tmp_path, "float_2023-11-22.csv", "symbol,implied_float\nAA,0.9\nBB,\n")
    assert floats.rows.rows() == [("AA", 0.9)]


def test_a_folder_is_read_by_name_without_hidden_files(tmp_path: Path) -> None:
    ishares_file(tmp_path, "b_IWM.csv")
    (tmp_path / "a_r2000.csv").write_text("date,price_level\n2023-12-29,2027\n", encoding="utf-8")
    (tmp_path / ".DS_Store").write_bytes(b"\0\0")
    (tmp_path / "older").mkdir()
    assert [file.subject for file in read_truth(tmp_path)] == ["a_r2000", "b_IWM"]


REFUSED = {
    "an unknown header": ("x.csv", "colour,size\nred,1\n", "x.csv is not a file to compare with"),
    "an empty file": ("x.csv", "", "x.csv is not a file to compare with"),
    "nothing under the header": ("r2000_2022-06-27.csv", "symbol,index\n", "nothing under it"),
    "another kind of file": ("notes.md", "symbol,index\n", "it is no CSV file"),
    "an index of somebody else": (
        "m_2022-06-27.csv", "symbol,index\nAA,S&P 500\n", "row 2: no index 'S&P 500'",
    ),
    "a line on both sides": (
        "m_2022-06-27.csv", "symbol,index\nAA,R1000\nAA,R2000\n", "and in the R2000: AA",
    ),
    "a blank symbol": ("m_2022-06-27.csv", "symbol,index\n,R1000\n", "row 2: no symbol"),
    "a ragged row": ("m_2022-06-27.csv", "symbol,index\nAA\n", "row 2: 1 cells under 2 columns"),
    "a day without trading": (
        "m_2022-06-25.csv", "symbol,index\nAA,R1000\n", "2022-06-25 is not a session",
    ),
    "an unknown action": (
        "c_2023-06-26.csv", "symbol,action\nAA,promoted\n", "no such action 'promoted'",
    ),
    "a level of nobody": ("x.csv", "date,price_level\n2023-12-29,1\n", "does not say of"),
    "a level below zero": ("r2000.csv", "date,price_level\n2023-12-29,-1\n", "price_level is -1"),
    "a level that is no number": (
        "r2000.csv", "date,price_level\n2023-12-29,high\n", "row 2: price_level is 'high'",
    ),
    "a date that is none": (
        "r2000.csv", "date,price_level\nyesterday,1\n", "row 2: date is 'yesterday', not a date",
    ),
    "a day twice": (
        "r2000.csv", "date,price_level\n2023-12-29,1\n2023-12-29,2\n", "two levels for 2023-12-29",
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSED)
def test_a_file_in_doubt_is_refused(why: str, tmp_path: Path) -> None:
    name, text, said = REFUSED[why]
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(SourceError) as caught:
        read_truth(tmp_path)
    assert said in caught.value.culprit
    assert caught.value.state == "nothing was compared"


@pytest.mark.parametrize("data", [b"PK\x03\x04\0\0", "symbol\nAA\n".encode("utf-16")])
def test_what_is_no_text_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "m_2022-06-27.csv").write_bytes(data)
    with pytest.raises(SourceError, match="is not text in UTF-8"):
        read_truth(tmp_path)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no file"):
        read_truth(tmp_path)
    with pytest.raises(BadInputError, match="no truth at"):
        read_truth(tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["S&P 500", "russell", "r20000", "r1000e", "order2000"])
def test_other_words_name_no_index(text: str) -> None:
    assert index_named(text) is None
