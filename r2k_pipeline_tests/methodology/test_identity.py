"""Who is who over time.

Invariants: ids do not depend on the order of rows; extending history changes no
id that was given before, as long as no symbol comes back after its line was
renamed; every listing falls into exactly one span.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from r2k_pipeline.methodology.identity import link_securities

FIRST = date(2024, 1, 1)


def listing(
    day: int,
    symbol: str,
    name: str | None,
    *,
    close: float = 10.0,
    previous: float = 10.0,
    cap: float = 1e9,
    exchange: str = "nasdaq",
) -> dict[str, object]:
    """One line on the `day`-th session."""
    return {
        "session": FIRST + timedelta(days=day),
        "exchange": exchange,
        "symbol": symbol,
        "name": name,
        "close_usd": close,
        "previous_close_usd": previous,
        "market_cap_usd": cap,
    }


def every_session(last: int) -> list[dict[str, object]]:
    """A line that never changes, so that every session exists."""
    return [listing(day, "CLOCK", "Clock Inc. Common Stock", close=77.7) for day in range(last + 1)]


def ids(securities: pl.DataFrame) -> dict[str, str]:
    """The line of each symbol's last span."""
    latest = securities.sort("first_session").group_by("symbol").last()
    return dict(latest.select("symbol", "security_id").iter_rows())


def test_a_rename_under_the_same_name_keeps_the_line() -> None:
    rows = [
        *every_session(3),
        listing(0, "FBK", "Faber Platforms Inc. Class A Common Stock", close=190.0),
        listing(1, "FBK", "Faber Platforms Inc. Class A Common Stock", close=191.0),
        listing(2, "MTA", "Faber Platforms Inc. Class A Common Stock", close=180.0, previous=0.0),
    ]
    found = link_securities(pl.DataFrame(rows))
    assert ids(found)["MTA"] == ids(found)["FBK"] == "S-FBK-20240101"
    renamed = found.filter(pl.col("symbol") == "MTA")
    assert renamed.select("previous_symbol", "evidence").row(0) == ("FBK", "same_name")


def test_a_rename_with_a_new_name_is_proved_by_the_previous_close() -> None:
    rows = [
        *every_session(2),
        listing(0, "ATM", "Antern Inc. Common Stock", close=482.58, exchange="nyse"),
        listing(1, "ELE", "Elevana Health Inc.", close=480.0, previous=482.58, exchange="nyse"),
    ]
    found = link_securities(pl.DataFrame(rows))
    assert ids(found)["ELE"] == ids(found)["ATM"]
    assert found.filter(pl.col("symbol") == "ELE")["evidence"].item() == "previous_close"


def test_two_candidates_for_one_rename_prove_nothing() -> None:
    rows = [
        *every_session(2),
        listing(0, "SPAC", "Blank One Corp.", close=10.0),
        listing(1, "NEWA", "Newa Inc.", close=10.1, previous=10.0),
        listing(1, "NEWB", "Newb Inc.", close=10.2, previous=10.0),
    ]
    found = ids(link_securities(pl.DataFrame(rows)))
    assert len({found["SPAC"], found["NEWA"], found["NEWB"]}) == 3


def test_a_cap_that_jumps_overnight_is_no_rename() -> None:
    rows = [
        *every_session(2),
        listing(0, "OLD", "Old Inc.", close=20.0, cap=1e9),
        listing(1, "NEW", "New Inc.", close=20.5, previous=20.0, cap=5e9),
    ]
    found = ids(link_securities(pl.DataFrame(rows)))
    assert found["OLD"] != found["NEW"]


def test_a_symbol_used_again_by_another_company_gets_a_new_line() -> None:
    rows = [
        *every_session(60),
        listing(0, "ACH", "Alchor Corp. Depositary Shares", close=7.0),
        listing(40, "ACH", "Accendor Health Inc. Common Stock", close=3.0),
    ]
    spans = link_securities(pl.DataFrame(rows)).filter(pl.col("symbol") == "ACH")
    assert spans["security_id"].to_list() == ["S-ACH-20240101", "S-ACH-20240210"]
    assert spans["company_id"].n_unique() == 2


def test_a_long_silence_under_the_same_name_is_the_same_line() -> None:
    rows = [*every_session(60), listing(0, "ABR^D", "Arbo 5%"), listing(50, "ABR^D", "Arbo 5%")]
    assert link_securities(pl.DataFrame(rows)).filter(pl.col("symbol") == "ABR^D").height == 1


def test_share_classes_are_lines_of_one_company_and_tracking_stocks_are_not() -> None:
    rows = [
        listing(0, "GG", "Galpha Inc. Class C Capital Stock"),
        listing(0, "GGL", "Galpha Inc. Class A Common Stock"),
        listing(0, "HE/A", "Heiko Corporation"),
        listing(0, "HE", "Heiko Corporation Common Stock"),
        listing(0, "LMA", "Livre Media Corp. Series A Livre Radio Common Stock"),
        listing(0, "LMF", "Livre Media Corp. Series A Livre Racing Common Stock"),
    ]
    found = link_securities(pl.DataFrame(rows))
    company = dict(found.select("symbol", "company_id").iter_rows())
    assert company["GG"] == company["GGL"]
    assert company["HE"] == company["HE/A"]
    assert company["LMA"] != company["LMF"]
    assert found["security_id"].n_unique() == 6


def test_lines_without_a_name_are_companies_of_their_own() -> None:
    rows = [listing(0, "AA", None), listing(0, "BB", None)]
    found = link_securities(pl.DataFrame(rows, schema_overrides={"name": pl.String}))
    assert found["company_id"].n_unique() == 2


names = st.sampled_from(["Aaron Inc. Common Stock", "Baron Corp. Class A", None])
lives = st.tuples(st.integers(0, 20), st.integers(0, 25), names, st.sampled_from([10.0, 11.0]))


def lived(lines: list[tuple[int, int, str | None, float]]) -> pl.DataFrame:
    """Lines that are each listed without a break, beside one that is always there."""
    rows = [
        listing(day, f"T{number}", name, close=close, previous=close)
        for number, (first, length, name, close) in enumerate(lines)
        for day in range(first, first + length + 1)
    ]
    return pl.DataFrame([*rows, *every_session(45)], infer_schema_length=None)


histories = st.lists(lives, min_size=1, max_size=6).map(lived)


@given(histories, st.integers(0, 2**32))
def test_ids_do_not_depend_on_the_order_of_rows(history: pl.DataFrame, seed: int) -> None:
    shuffled = history.sample(fraction=1.0, shuffle=True, seed=seed)
    assert link_securities(shuffled).equals(link_securities(history))


@given(histories, st.integers(1, 45))
def test_extending_history_changes_no_id(history: pl.DataFrame, known_days: int) -> None:
    known = history.filter(pl.col("session") < FIRST + timedelta(days=known_days))
    before = link_securities(known).select("symbol", "first_session", "security_id")
    after = link_securities(history).select("symbol", "first_session", "security_id")
    assert before.join(after, on=before.columns, how="anti").is_empty()


@given(histories)
def test_every_listing_falls_into_one_span(history: pl.DataFrame) -> None:
    spans = link_securities(history)
    covering = history.join(spans, on="symbol").filter(
        pl.col("session").is_between("first_session", "last_session")
    )
    assert covering.height == history.height
