"""How amounts, shares and segments are put into words, the same for every reader.

Add here a phrase that the command and the reports share. Keep out layout: a
phrase is a plain string, never markup.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

NONE_SHOWN = "\N{EM DASH}"
"""What stands where there is no value."""

SEGMENT_LABELS: Mapping[str | None, str] = {
    "large": "large (R1000)",
    "small": "small (R2000)",
    "micro": "micro (R3000E only)",
    None: "outside the family",
}

DECISION_LABELS: Mapping[str, str] = {
    "enters": "Additions",
    "leaves": "Deletions",
    "moves_up": "Moves up",
    "moves_down": "Moves down",
    "stays_by_rank": "Stay by rank",
    "stays_by_band": "Stay by band",
    "stays_out": "Stay out",
}

_SCALES = ((1e12, "tn", 2), (1e9, "bn", 2), (1e6, "m", 1))


def usd(amount: float | None) -> str:
    """Phrase an amount of US dollars at a scale one can read.

    Example:
        >>> usd(4_567_000_000.0), usd(-31_400_000.0), usd(0.97), usd(None)
        ('$4.57 bn', '-$31.4 m', '$0.97', '—')
    """
    if amount is None or not isfinite(amount):
        return NONE_SHOWN
    sign, size = "-" if amount < 0 else "", abs(amount)
    for scale, unit, digits in _SCALES:
        if size >= scale:
            return f"{sign}${size / scale:,.{digits}f} {unit}"
    return f"{sign}${size:,.2f}"


def percent(share: float | None, digits: int = 2) -> str:
    """Phrase a fraction (0 to 1) in per cent.

    Example:
        >>> percent(0.91234), percent(-0.5, 0), percent(None)
        ('91.23 %', '-50 %', '—')
    """
    if share is None or not isfinite(share):
        return NONE_SHOWN
    return f"{100 * share:,.{digits}f} %"


def signed_percent(share: float | None, digits: int = 1) -> str:
    """Phrase a change (a fraction) in per cent, with its sign.

    Example:
        >>> signed_percent(0.0123), signed_percent(-0.5)
        ('+1.2 %', '-50.0 %')
    """
    return (
        f"+{percent(share, digits)}" if share is not None and share > 0 else percent(share, digits)
    )


def segment_label(segment: str | None) -> str:
    """Name a segment together with its index.

    Example:
        >>> segment_label("small")
        'small (R2000)'
    """
    return SEGMENT_LABELS.get(segment, str(segment))
