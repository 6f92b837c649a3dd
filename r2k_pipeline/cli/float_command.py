"""`r2k ingest float`: a user's float factors, landed like a source.

Reads the file through `orchestration.float_landing` and says what came of it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import typer

from r2k_pipeline.cli.options import written_store
from r2k_pipeline.errors import listed
from r2k_pipeline.reports.answers import say

if TYPE_CHECKING:
    from datetime import date

FLOAT = "float"
"""What `r2k ingest` calls a file of float factors."""


def ingest_floats(
    path: str | None, *, start: date | None, end: date | None, home: Path | None
) -> None:
    """Land a file of float factors; again changes nothing.

    Args:
        path: The file.
        start: Of no use here; refused.
        end: The same.
        home: Folder of the store.
    """
    from r2k_pipeline.orchestration.float_landing import land_floats

    if path is None:
        raise typer.BadParameter("`r2k ingest float` needs --path FILE, a CSV or Parquet file")
    if start is not None or end is not None:
        raise typer.BadParameter("`r2k ingest float` lands a whole file, without --from and --to")
    with written_store(home) as store:
        now = datetime.now(tz=UTC)
        landed = land_floats(store, Path(path), run_id=uuid4().hex, known_at=now)
    say(
        f"float: {landed.new_rows:,} factors landed on {len(landed.landed):,} sessions; "
        f"{landed.standing_rows:,} stood already"
    )
    if landed.lost is None:
        say("which lines they name is known after `r2k ingest` of listings and `r2k build`")
    elif landed.lost:
        say(
            f"warning: {len(landed.lost):,} symbols were borne by no line on their sessions and "
            f"have no effect: {listed(landed.lost)}"
        )
    if landed.landed:
        say("`r2k build` takes them")
