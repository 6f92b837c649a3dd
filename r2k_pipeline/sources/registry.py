"""The sources by name: what `r2k ingest SOURCE` may say.

To add a feed, add its opener to `_OPENERS`. How it reads is its own business.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from r2k_pipeline.errors import BadInputError, listed
from r2k_pipeline.sources.synthetic.parameters import MarketParameters
from r2k_pipeline.sources.synthetic.source import SyntheticSource
from r2k_pipeline.sources.us_stock_symbols.forms import open_archive

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from r2k_pipeline.sources.feed import Source


def _open_synthetic(path: str | Path | None) -> Source:
    if path is not None:
        raise BadInputError(
            f"the synthetic market is made, not read: no use for path {path}",
            state="nothing was read or written",
            remedy="leave the path away",
        )
    return SyntheticSource(MarketParameters())


_OPENERS: dict[str, Callable[[str | Path | None], Source]] = {
    "synthetic": _open_synthetic,
    "us-stock-symbols": open_archive,
}


def source_names() -> tuple[str, ...]:
    """Every source that can be opened, by name.

    Example:
        >>> source_names()
        ('synthetic', 'us-stock-symbols')
    """
    return tuple(sorted(_OPENERS))


def open_source(name: str, path: str | Path | None = None) -> Source:
    """Open a source for reading; close it again, best with `with`.

    Args:
        name: One of `source_names()`.
        path: Where the source lies: a file, a folder or a URL, as the source takes it.

    Raises:
        BadInputError: No such source, or nothing usable at the path.

    Example:
        >>> open_source("us-stock-symbol")
        Traceback (most recent call last):
        r2k_pipeline.errors.BadInputError: no source 'us-stock-symbol'
        state: nothing was read or written
        remedy: did you mean us-stock-symbols?
    """
    opener = _OPENERS.get(name)
    if opener is not None:
        return opener(path)
    close = get_close_matches(name, _OPENERS, n=1)
    raise BadInputError(
        f"no source {name!r}",
        state="nothing was read or written",
        remedy=f"did you mean {close[0]}?" if close else f"name one of {listed(source_names())}",
    )
