"""Which snapshots of an Iceberg table are let go, and which files the others still name.

Holds one table at a time, by its metadata alone. What is done with it is ``retention``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table.update import AssertTableUUID, RemoveSnapshotsUpdate

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from pyiceberg.table import Table
    from pyiceberg.table.metadata import TableMetadata


class _AssertUnnamed(AssertTableUUID):
    """At the commit, too, no tag or branch may name one of these snapshots of the table.

    Iceberg's own way to expire looks at the tags once, when it begins: a tag that somebody
    sets before it commits would vanish together with its snapshot.
    """

    snapshot_ids: tuple[int, ...]

    # Iceberg calls its requirements as pydantic once called something else.
    def validate(self, base_metadata: TableMetadata | None) -> None:  # type: ignore[override]
        super().validate(base_metadata)
        if base_metadata is None:
            return
        known = {snapshot.snapshot_id for snapshot in base_metadata.snapshots}
        named = {reference.snapshot_id for reference in base_metadata.refs.values()}
        if not known.issuperset(self.snapshot_ids) or not named.isdisjoint(self.snapshot_ids):
            raise CommitFailedException("a snapshot was expired or named meanwhile")


def superseded_snapshots(table: Table, before: datetime) -> tuple[int, ...]:
    """Snapshots from before a moment that are neither current nor named by a tag or branch.

    Args:
        table: As loaded.
        before: A tz-aware moment.
    """
    named = {reference.snapshot_id for reference in table.metadata.refs.values()}
    limit = before.timestamp() * 1000
    return tuple(
        snapshot.snapshot_id
        for snapshot in table.metadata.snapshots
        if snapshot.timestamp_ms < limit and snapshot.snapshot_id not in named
    )


def expire_snapshots(table: Table, before: datetime) -> None:
    """Let go of the superseded snapshots of a table.

    Args:
        table: Freshly loaded.
        before: A tz-aware moment.

    Raises:
        CommitFailedException: Another writer came first.
    """
    snapshot_ids = superseded_snapshots(table, before)
    if snapshot_ids:
        unnamed = _AssertUnnamed(uuid=table.metadata.table_uuid, snapshot_ids=snapshot_ids)
        update = RemoveSnapshotsUpdate(snapshot_ids=list(snapshot_ids))
        table.catalog.commit_table(table, (unnamed,), (update,))


@dataclass(frozen=True, kw_only=True)
class NamedFiles:
    """Every file that a table names.

    Attributes:
        data: Data files of its snapshots.
        telling: What leads to them: the table's metadata, manifest lists and manifests.
        besides: Earlier metadata and statistics, without which the table can be read.
    """

    data: frozenset[str]
    telling: frozenset[str]
    besides: frozenset[str]

    @property
    def needed(self) -> frozenset[str]:
        """Those without which a snapshot cannot be read."""
        return self.data | self.telling

    @property
    def all(self) -> frozenset[str]:
        """All of them."""
        return self.needed | self.besides


def named_files(table: Table, *, but: Collection[int] = ()) -> NamedFiles:
    """Every file that a table still names.

    Args:
        table: As loaded.
        but: Snapshots that do not count.

    Raises:
        OSError: A manifest cannot be read.
    """
    metadata = table.metadata
    data: set[str] = set()
    telling = {table.metadata_location}
    for snapshot in metadata.snapshots:
        if snapshot.snapshot_id in but:
            continue
        telling.add(snapshot.manifest_list)
        for manifest in snapshot.manifests(table.io):
            if manifest.manifest_path not in telling:
                telling.add(manifest.manifest_path)
                entries = manifest.fetch_manifest_entry(table.io, discard_deleted=True)
                data.update(entry.data_file.file_path for entry in entries)
    besides = {entry.metadata_file for entry in metadata.metadata_log}
    besides.update(file.statistics_path for file in metadata.statistics)
    besides.update(file.statistics_path for file in metadata.partition_statistics)
    return NamedFiles(data=frozenset(data), telling=frozenset(telling), besides=frozenset(besides))
