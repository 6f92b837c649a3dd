"""The doctor's report: what is there, what is ill, and no secret."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from pydantic import SecretStr

from r2k_pipeline.queries.health import health
from r2k_pipeline.rulebook.family import family
from r2k_pipeline.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from r2k_pipeline.storage.store import Store

TODAY = date(2022, 7, 1)


def test_a_built_store_shows_first_and_last_session_and_rows(history: Store) -> None:
    found = health(history.settings, today=TODAY)
    values = dict(found.select("item", "value").iter_rows())
    assert values["database"] == "reachable"
    levels = 21 * len(family())
    assert values["levels"] == f"{levels} rows, 21 partitions, 2021-06-28 to 2022-07-01"
    # Edges at 50, 200, 500, 1000, 2000, 3000 and 4000.
    assert values["breakpoints"] == "14 rows, 2 partitions, 2021-06 to 2022-06"
    assert values["quarantine"] == "empty"
    assert found.filter(~found["is_well"]).is_empty()


def test_a_password_is_never_shown_and_an_unreachable_database_is_a_finding(
    tmp_path: Path,
) -> None:
    url = SecretStr("postgresql+psycopg2://user:hunter2@127.0.0.1:1/none")
    found = health(Settings(home=tmp_path, database_url=url), today=TODAY)
    assert "hunter2" not in str(found.to_dicts())
    ill = found.filter(~found["is_well"])
    assert ill["section"].to_list() == ["store"]
    assert all(ill["remedy"])


def test_a_calendar_that_ends_soon_is_ill(tmp_path: Path) -> None:
    found = health(Settings(home=tmp_path), today=date(2099, 1, 1))
    assert "calendar" in found.filter(~found["is_well"])["section"].to_list()
