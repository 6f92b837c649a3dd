"""A file of float factors lands once, and what other files said stands.

Invariants: landing again changes nothing; the bytes are kept; a bad file writes nothing.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from r2k_pipeline.cli import app
from r2k_pipeline.errors import BadInputError
from r2k_pipeline.orchestration.fingerprints import raw_fingerprint
from r2k_pipeline.orchestration.float_landing import FloatLanding, land_floats
from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from r2k_pipeline.storage.store import Store

HEADER = "session,symbol,float_factor,source,certainty\n"
MAY, JUNE = date(2022, 5, 6), date(2022, 6, 24)
KNOWN = datetime(2022, 6, 24, 22, 0, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(Settings(home=tmp_path / "home")) as opened:
        yield opened


def land(store: Store, folder: Path, *rows: str, name: str = "floats.csv") -> FloatLanding:
    path = folder / name
    path.write_text(HEADER + "\n".join(rows), encoding="utf-8")
    return land_floats(store, path, run_id="landing", known_at=KNOWN)


def held(store: Store) -> list[tuple[date, str, float]]:
    rows = store.lake.scan("float_factors").collect().sort("session", "symbol")
    return rows.select("session", "symbol", "float_factor").rows()


def test_landing_again_changes_nothing(store: Store, tmp_path: Path) -> None:
    rows = (f"{MAY},HAL,0.9,10-K,reported", f"{JUNE},HAL,0.8,10-Q,reported")
    first = land(store, tmp_path, *rows)
    assert (first.landed, first.new_rows, first.standing_rows) == ((MAY, JUNE), 2, 0)
    assert first.lost is None
    before = raw_fingerprint(store)
    again = land(store, tmp_path, *rows)
    assert (again.landed, again.new_rows, again.standing_rows) == ((), 0, 2)
    assert raw_fingerprint(store) == before


def test_a_later_file_replaces_its_own_rows_and_leaves_the_others(
    store: Store, tmp_path: Path
) -> None:
    land(store, tmp_path, f"{MAY},HAL,0.9,10-K,reported", f"{MAY},BOLT,0.5,10-K,reported")
    before = raw_fingerprint(store)
    found = land(store, tmp_path, f"{MAY},HAL,0.85,letter,inferred", f"{JUNE},HAL,0.8,x,derived")
    assert held(store) == [(MAY, "BOLT", 0.5), (MAY, "HAL", 0.85), (JUNE, "HAL", 0.8)]
    assert (found.landed, found.new_rows) == ((MAY, JUNE), 2)
    # A build that asks what landed begins again.
    assert raw_fingerprint(store) != before
    rows = store.lake.scan("float_factors").collect()
    files = dict(rows.filter(session=MAY).select("symbol", "source_hash").iter_rows())
    assert files["BOLT"] != files["HAL"]


def test_a_bad_file_writes_nothing(store: Store, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="row 3: float_factor"):
        land(store, tmp_path, f"{MAY},HAL,0.9,10-K,reported", f"{MAY},BOLT,2,10-K,reported")
    assert held(store) == []
    with pytest.raises(BadInputError, match="no file of float factors"):
        land_floats(store, tmp_path / "none.csv", run_id="landing", known_at=KNOWN)


def test_the_command_says_what_landed_and_what_is_wrong(tmp_path: Path) -> None:
    path, home = tmp_path / "f.csv", str(tmp_path / "home")
    path.write_text(f"{HEADER}{MAY},HAL,0.9,10-K,reported\n", encoding="utf-8")
    run = CliRunner().invoke
    found = run(app, ["ingest", "float", "--path", str(path), "--home", home])
    assert found.exit_code == 0, found.output
    assert "float: 1 factors landed on 1 sessions; 0 stood already" in found.stderr
    path.write_text(f"{HEADER}{MAY},HAL,90,10-K,reported\n", encoding="utf-8")
    bad = run(app, ["ingest", "float", "--path", str(path), "--home", home])
    assert bad.exit_code == 1
    assert "f.csv, row 2: float_factor is '90'" in bad.stderr
    assert run(app, ["ingest", "float", "--home", home]).exit_code == 2
