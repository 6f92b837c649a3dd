"""The fast part of the disaster gym, and proof that its incidents can fail.

Invariants:
    1. Every incident of the catalogue is there once, and the fast ones are survived.
    2. Without its guard an incident is not survived: what is published is wrong or lost, or
       nobody said anything.
    3. One incident that is not survived, or that breaks, fails the command.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from r2k_pipeline.cli import app
from r2k_pipeline.gym import registry
from r2k_pipeline.gym.arena import Arena
from r2k_pipeline.gym.incident import Finding, Incident
from r2k_pipeline.gym.line_incidents import selections
from r2k_pipeline.gym.registry import incidents
from r2k_pipeline.gym.replay import markdown, replayed
from r2k_pipeline.methodology import repairs
from r2k_pipeline.methodology.share_departures import departures
from r2k_pipeline.quality import continuity
from r2k_pipeline.sources.us_stock_symbols import evenings, shown_session

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from pathlib import Path

    import polars as pl

    from r2k_pipeline.methodology.share_departures import RepairLimits

FAST = incidents(fast=True)


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Arena:
    """One market for all of them."""
    return Arena(tmp_path_factory.mktemp("gym"))


@pytest.mark.parametrize("incident", FAST, ids=[f"{one.number} {one.name}" for one in FAST])
def test_a_fast_incident_is_survived(arena: Arena, incident: Incident) -> None:
    result = replayed(arena, incident)
    assert result.missing_guards == (), sorted(result.finding.caught_by)
    assert result.finding.wrong == ()
    assert result.finding.lost == ()


def numbered(number: int) -> Incident:
    (found,) = [incident for incident in incidents() if incident.number == number]
    return found


def without_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(continuity, "LEAST_SHARE", 0.0)


def without_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown_session, "_COPY_SHARE", 2.0)
    monkeypatch.setattr(shown_session, "_FOLLOWS_SHARE", 0.0)


def with_utc_days(monkeypatch: pytest.MonkeyPatch) -> None:
    def by_utc(committed_at: datetime) -> date:
        return committed_at.astimezone(UTC).date()

    monkeypatch.setattr(evenings, "evening_of", by_utc)


def without_opening_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    def any_hour(committed_at: datetime) -> date:
        return (committed_at - timedelta(hours=9)).date()

    monkeypatch.setattr(evenings, "evening_of", any_hour)


@pytest.mark.parametrize(
    ("number", "switched_off"),
    [
        pytest.param(2, without_gate, id="half a universe without the gate"),
        pytest.param(3, without_copies, id="a copy that nobody looks for"),
        pytest.param(21, with_utc_days, id="days by UTC"),
        pytest.param(23, without_opening_hours, id="snapshots of any hour"),
    ],
)
def test_without_its_guard_it_is_not_survived(
    arena: Arena,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    switched_off: Callable[[pytest.MonkeyPatch], None],
) -> None:
    assert arena.landed.listings.height
    switched_off(monkeypatch)
    result = replayed(arena, numbered(number))
    assert not result.is_survived
    assert not any("the replay broke" in told for told in result.finding.wrong)


def test_without_repairs_a_spike_is_published(
    arena: Arena, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = selections(arena).truth

    def blind(history: pl.DataFrame, limits: RepairLimits) -> pl.DataFrame:
        return departures(history, limits).clear()

    monkeypatch.setattr(repairs, "departures", blind)
    alike = Arena(tmp_path, shared={"undisturbed selection": truth})
    result = replayed(alike, numbered(4))
    assert result.missing_guards == ("cap_spike",)
    assert result.finding.wrong


def some(chosen: tuple[Incident, ...], *, fast: bool) -> tuple[Incident, ...]:
    assert not fast
    return chosen


def test_the_command_fails_with_an_incident_that_is_not_survived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_: Arena) -> Finding:
        raise RuntimeError("no market today")

    good = Finding(caught_by=frozenset({"known_at"}), published="nobody")
    fine = replace(numbered(28), replay=lambda _: good, is_fast=True)
    broken = replace(numbered(27), replay=breaks, is_fast=True)
    silent = replace(numbered(26), replay=lambda _: replace(good, caught_by=frozenset()))
    page = tmp_path / "gym.md"
    for chosen, code in (((fine,), 0), ((fine, broken), 1), ((fine, silent), 1)):
        monkeypatch.setattr(registry, "incidents", partial(some, chosen))
        scratch = tmp_path / "scratch"
        told = CliRunner().invoke(app, ["gym", "--markdown", str(page), "--home", str(scratch)])
        assert told.exit_code == code
        assert list(scratch.iterdir()) == []
    assert "1 of 2 incidents were not survived: 26" in told.stderr
    assert "NOT CAUGHT by CARRIED" in page.read_text(encoding="utf-8")
    assert "**1 of 2 survived**" in markdown([replayed(Arena(tmp_path), one) for one in chosen])
