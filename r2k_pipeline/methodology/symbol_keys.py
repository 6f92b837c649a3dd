"""How symbols of two parties are compared: by what is left without their punctuation.

Holds the one key that every comparison uses. Which line bore a symbol when is told by
`securities`; keep it out.
"""

from __future__ import annotations

import polars as pl

_DELISTED_SUFFIX = r"-\d{6}$"


def matching_key(symbol: str = "symbol") -> pl.Expr:
    """A symbol without punctuation, class marks joined, and without a delisting's month.

    Example:
        >>> frame = pl.DataFrame({"symbol": ["BRK/B", "moga", "AAN-202310"]})
        >>> frame.select(matching_key())["symbol"].to_list()
        ['BRKB', 'MOGA', 'AAN']
    """
    return (
        pl.col(symbol)
        .str.strip_chars()
        .str.replace(_DELISTED_SUFFIX, "")
        .str.to_uppercase()
        .str.replace_all(r"[^A-Z0-9]", "")
    )
