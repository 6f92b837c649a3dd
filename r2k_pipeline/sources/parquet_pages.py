"""Whether a Parquet file can be read to its end, asked before Polars reads it.

A damaged page makes Polars panic: it prints a trace of its own and its threads die, where
Arrow raises. Keep out what the columns mean; each reader has its own.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from r2k_pipeline.errors import listed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_ROWS_AT_ONCE = 65_536


def unreadable_pages(file: Path | IO[bytes], columns: Sequence[str]) -> str | None:
    """Read some columns and forget them; costs a third of a second a million rows.

    Args:
        file: A path, or bytes in memory; read from the beginning.
        columns: Those that will be read; one that is not there is left to the reader.

    Returns:
        What is wrong, in one line; None for a sound file.

    Example:
        >>> from io import BytesIO
        >>> unreadable_pages(BytesIO(b"PAR1, it says"), ["symbol"])[:20]
        'Parquet magic bytes '
    """
    import pyarrow as pa  # noqa: PLC0415 - half a second that no other source needs
    import pyarrow.parquet as pq  # noqa: PLC0415 - the same

    try:
        with pq.ParquetFile(file) as opened:
            present = [name for name in columns if name in opened.schema_arrow.names]
            for batch in opened.iter_batches(_ROWS_AT_ONCE, columns=present, use_threads=False):
                batch.validate(full=True)
    except (pa.ArrowException, OSError, ValueError, MemoryError) as fault:
        return listed(str(fault).splitlines()[:1]) or type(fault).__name__
    return None
