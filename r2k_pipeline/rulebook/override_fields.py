"""What a person may set by hand of a share line, and which values can be set.

Holds the fields of contract `overrides` and the reading of their values. Add a field here
and what it does in `methodology/overrides`. Keep out facts that hold for everybody: links
between symbols (`identity_overrides`) and what public documents say (`reference_facts`).
"""

from __future__ import annotations

from enum import StrEnum
from math import isfinite

from r2k_pipeline.errors import BadInputError

EXCLUDED = "out"
"""The one value of the field `exclusion`."""


class OverrideField(StrEnum):
    """A field that can be set.

    Example:
        >>> OverrideField("total_shares").conflicts_with
        frozenset({<OverrideField.MARKET_CAP_USD: 'market_cap_usd'>})
    """

    CLOSE_USD = "close_usd"
    MARKET_CAP_USD = "market_cap_usd"
    TOTAL_SHARES = "total_shares"
    COUNTRY = "country"
    EXCLUSION = "exclusion"

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers above zero."""
        return self in {self.CLOSE_USD, self.MARKET_CAP_USD, self.TOTAL_SHARES}

    @property
    def conflicts_with(self) -> frozenset[OverrideField]:
        """The other fields that say the same thing."""
        sizes = {self.MARKET_CAP_USD, self.TOTAL_SHARES}
        return frozenset(sizes - {self}) if self in sizes else frozenset()


def require_value(field: OverrideField, text: str) -> str:
    """A value as it is kept, provided that the field can have it.

    Args:
        field: What is set.
        text: As it was typed.

    Raises:
        BadInputError: The field cannot have the value.

    Example:
        >>> require_value(OverrideField.CLOSE_USD, " 12.50 ")
        '12.50'
        >>> require_value(OverrideField.CLOSE_USD, "-1")
        Traceback (most recent call last):
            ...
        r2k_pipeline.errors.BadInputError: close_usd cannot be '-1'
        state: no override was recorded
        remedy: give a number above zero
    """
    value = text.strip()
    if field.is_number:
        is_possible, remedy = _is_positive(value), "give a number above zero"
    elif field is OverrideField.EXCLUSION:
        is_possible, remedy = value == EXCLUDED, f"the only value of exclusion is {EXCLUDED!r}"
    else:
        is_possible, remedy = bool(value), "name a country as the feed spells it"
    if not is_possible:
        raise BadInputError(
            f"{field} cannot be {value!r}", state="no override was recorded", remedy=remedy
        )
    return value


def _is_positive(text: str) -> bool:
    try:
        number = float(text)
    except ValueError:
        return False
    return isfinite(number) and number > 0
