"""Maintenance over random histories of writes, tags and maintenance.

What holds, whatever the history:

1. The table reads as the writes left it.
2. Every tagged state reads as it was when it was tagged.
3. What was published reads as before, and every row's bytes are in the archive.
4. After a maintenance long after everything, no file lies in the warehouse or the archive that
   nothing names, and no month has more than one file.
5. A maintenance right after another finds nothing to do.
6. A maintenance that only tells changes no file.
7. What is young stays: snapshots, stray files and bytes of today.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyiceberg.exceptions import CommitFailedException

from r2k_pipeline.errors import BadInputError, StorageError
from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.compaction import scattered_months
from r2k_pipeline.storage.expiry import expire_snapshots, named_files
from r2k_pipeline.storage.retention import RetentionPolicy, retain
from r2k_pipeline.storage.store import open_store
from r2k_pipeline_tests.storage.kept_rows import JUNE_24, JUNE_27, NOON, closes, levels, listings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyiceberg.table import Table

    from r2k_pipeline.storage.store import Store

DAYS = [date(2022, 6, day) for day in (1, 2, 3, 6)] + [date(2022, 7, day) for day in (1, 5)]
POLICY = RetentionPolicy(received_bytes=timedelta(days=30))
Contents = dict[date, list[float]]

writes = st.tuples(
    st.just("write"), st.lists(st.sampled_from(DAYS), min_size=1, max_size=3, unique=True)
)
other = st.sampled_from(["tag", "stray", "receive", "tell", "maintain today", "maintain late"])
histories = st.lists(writes | st.tuples(other, st.just([])), min_size=3, max_size=9)


@dataclass
class History:
    """What was done to a store, and what it must hold therefore."""

    store: Store
    contents: Contents = field(default_factory=dict)
    tagged: dict[str, Contents] = field(default_factory=dict)
    version: int = 0

    def do(self, what: str, days: list[date]) -> None:
        """Do one thing; then everything must hold."""
        self.version += 1
        match what:
            case "write":
                self.write(days)
            case "tag" if self.contents:
                tag(self.table, f"v{self.version}")
                self.tagged[f"v{self.version}"] = dict(self.contents)
            case "stray" if self.contents:
                leave_stray(self.store, f"left-{self.version}.parquet")
            case "receive":
                self.store.archive.keep(f"unused {self.version}".encode(), name="unused.csv")
            case "maintain today":
                retain(self.store, now=datetime.now(UTC), policy=POLICY, is_applied=True)
            case "maintain late":
                self.maintain_late()
            case "tell":
                before = everything(self.store)
                retain(self.store, now=later(), policy=POLICY, is_applied=False)
                assert everything(self.store) == before
            case _:
                pass
        self.check()

    def write(self, days: list[date]) -> None:
        """Replace some sessions by rows of newly received bytes."""
        received = f"received {self.version}".encode()
        digits = self.store.archive.keep(received, name="received.csv")[:16]
        rows = listings(days, version=float(self.version))
        rows = rows.with_columns(source_hash=pl.lit(digits))
        self.store.lake.replace_sessions("raw_listings", rows, days)
        self.contents |= {day: [float(self.version), self.version + 1.0] for day in days}

    def maintain_late(self) -> None:
        """Maintain when everything is old: only what is named stays."""
        retain(self.store, now=later(), policy=POLICY, is_applied=True)
        assert retain(self.store, now=later(), policy=POLICY, is_applied=True).is_empty()
        if self.contents:
            named = {name_of(path) for path in named_files(self.table).all}
            assert {path.name for path in warehouse_files(self.store)} == named
            assert scattered_months(self.table) == {}
        assert {file.sha256[:16] for file in self.store.archive.files() if file.sha256} == (
            hashes(self.store)
        )

    def check(self) -> None:
        """What is current and what is tagged reads as it was written."""
        assert closes(self.store.lake) == dict(sorted(self.contents.items()))
        for name, contents in self.tagged.items():
            assert tagged_closes(self.table, name) == dict(sorted(contents.items()))
        kept = {file.sha256[:16] for file in self.store.archive.files() if file.sha256}
        assert hashes(self.store) <= kept

    @property
    def table(self) -> Table:
        """The Iceberg table."""
        return stored_table(self.store)


def later() -> datetime:
    """A moment at which everything that was done so far is old."""
    return datetime.now(UTC) + timedelta(days=60)


def stored_table(store: Store) -> Table:
    table = store.lake.stored("raw_listings")
    assert table is not None
    return table


def tag(table: Table, name: str) -> None:
    """Tag the current snapshot, as any engine that knows Iceberg may."""
    snapshot = table.current_snapshot()
    assert snapshot is not None
    with table.manage_snapshots() as manage:
        manage.create_tag(snapshot.snapshot_id, name)


def leave_stray(store: Store, name: str) -> None:
    """A data file such as a killed writer leaves."""
    folder = Path(stored_table(store).location().removeprefix("file://")) / "data" / "2022-06"
    listings([JUNE_24]).write_parquet(folder / name)


def warehouse_files(store: Store) -> list[Path]:
    return [p for p in (store.settings.home / "warehouse").rglob("*") if p.is_file()]


def everything(store: Store) -> set[Path]:
    return {*warehouse_files(store), *store.settings.archive_dir.rglob("*")}


def name_of(location: str) -> str:
    return location.rpartition("/")[2]


def snapshot_rows(table: Table, snapshot_id: int) -> pl.DataFrame:
    files = [t.file.file_path for t in table.scan(snapshot_id=snapshot_id).plan_files()]
    return pl.read_parquet(files)


def tagged_closes(table: Table, name: str) -> Contents:
    rows = snapshot_rows(table, table.metadata.refs[name].snapshot_id).sort("session", "symbol")
    by_session = rows.group_by("session", maintain_order=True)
    return {day: part["close_usd"].to_list() for (day,), part in by_session}


def hashes(store: Store) -> set[str]:
    """The source hashes of every snapshot's rows."""
    table = store.lake.stored("raw_listings")
    if table is None:
        return set()
    parts = [snapshot_rows(table, s.snapshot_id)["source_hash"] for s in table.snapshots()]
    return {digits for part in parts for digits in part}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(Settings(home=tmp_path)) as opened:
        yield opened


@settings(max_examples=8)
@given(histories)
def test_nothing_that_is_named_is_lost_and_nothing_else_stays(
    steps: list[tuple[str, list[date]]],
) -> None:
    with ExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory()))
        store = stack.enter_context(open_store(Settings(home=home)))
        store.published.replace(
            "levels", levels([JUNE_24]), known_at=NOON, start=JUNE_24, end=JUNE_24
        )
        published = store.published.read_history("levels")
        history = History(store)
        for what, days in steps:
            history.do(what, days)
        history.do("maintain late", [])
        assert store.published.read_history("levels").equals(published)


def test_what_is_young_stays(store: Store) -> None:
    history = History(store)
    history.do("write", DAYS[:1])
    history.do("write", DAYS[:1])
    history.do("stray", [])
    history.do("receive", [])
    before = everything(store)
    assert retain(store, now=datetime.now(UTC), policy=POLICY, is_applied=True).is_empty()
    assert everything(store) == before


def test_it_tells_what_it_would_do_and_then_does_it(store: Store) -> None:
    history = History(store)
    for days in (DAYS[:1], DAYS[1:2], DAYS[2:3]):
        history.do("write", days)
    history.do("stray", [])
    history.do("receive", [])
    (store.settings.archive_dir / "ab").mkdir(exist_ok=True)
    (store.settings.archive_dir / "ab" / "staged-xyz").write_bytes(b"half")
    told = retain(store, now=later(), policy=POLICY, is_applied=False)
    assert told.select("place", "what", "items").rows() == [
        ("raw_listings", "small files folded", 3),
        ("raw_listings", "superseded snapshots let go", 2),
        # The stray, and the manifest lists of the two.
        ("raw_listings", "files that no snapshot names", 3),
        ("archive", "bytes half written", 1),
        ("archive", "bytes that no row names", 1),
    ]
    done = retain(store, now=later(), policy=POLICY, is_applied=True)
    assert done["what"].to_list() == told["what"].to_list()
    history.check()


def test_bytes_stay_for_ever_unless_it_is_asked_for(store: Store) -> None:
    sha256 = store.archive.keep(b"of no row", name="received.csv")
    assert retain(store, now=later(), policy=RetentionPolicy(), is_applied=True).is_empty()
    with store.archive.open(sha256) as stream:
        assert stream.read() == b"of no row"


def test_bytes_that_a_quarantined_row_names_stay(store: Store) -> None:
    sha256 = store.archive.keep(b"of a held row", name="received.csv")
    held = {
        "table_name": "raw_listings",
        "partition_key": "2022-06-24",
        "check_name": "close_is_positive",
        "row_key": "{}",
        "row_json": f'{{"source_hash": "{sha256[:16]}"}}',
        "rationale": "not positive",
        "run_id": "r",
        "quarantined_at": NOON,
        "state": "held",
    }
    empty = store.published.read("quarantine")
    rows = pl.DataFrame([{**dict.fromkeys(empty.columns), **held}], schema=empty.schema)
    store.published.append("quarantine", rows)
    assert retain(store, now=later(), policy=POLICY, is_applied=True).is_empty()
    store.archive.open(sha256).close()


def test_bytes_that_are_received_again_while_they_are_removed_stay(store: Store) -> None:
    store.archive.keep(b"twice", name="received.csv")
    (listed,) = store.archive.files()
    sha256 = store.archive.keep(b"twice", name="again.csv")
    assert not store.archive.remove(listed)
    assert sha256 == hashlib.sha256(b"twice").hexdigest()
    store.archive.open(sha256).close()


def test_a_snapshot_that_is_tagged_while_it_is_let_go_stays(store: Store) -> None:
    history = History(store)
    history.do("write", DAYS[:1])
    known = stored_table(store)
    tag(stored_table(store), "kept")
    history.tagged["kept"] = dict(history.contents)
    history.do("write", DAYS[:1])
    # As a maintenance sees it that loaded the table when the tag was not there yet.
    stale = stored_table(store)
    stale.metadata = stale.metadata.model_copy(
        update={"refs": {"main": stale.metadata.refs["main"]}}
    )
    assert known.metadata.current_snapshot_id != stale.metadata.current_snapshot_id
    with pytest.raises(CommitFailedException, match="named meanwhile"):
        expire_snapshots(stale, later())
    history.do("maintain late", [])


def test_a_table_that_lost_a_file_is_left_alone(store: Store) -> None:
    store.lake.replace("raw_listings", listings([JUNE_24]), start=JUNE_24, end=JUNE_24)
    store.lake.replace("raw_listings", listings([JUNE_27]), start=JUNE_27, end=JUNE_27)
    leave_stray(store, "left.parquet")
    lost = Path(min(named_files(stored_table(store)).data).removeprefix("file://"))
    lost.rename(lost.with_suffix(".elsewhere"))
    before = everything(store)
    with pytest.raises(StorageError, match=r"names 1 file\(s\) that are not there") as caught:
        retain(store, now=later(), policy=POLICY, is_applied=False)
    assert caught.value.state == "nothing of this table was removed"
    assert everything(store) == before


def test_a_time_in_the_future_is_refused() -> None:
    with pytest.raises(BadInputError, match="negative"):
        RetentionPolicy(snapshots=timedelta(days=-1))
