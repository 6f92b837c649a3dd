"""Values out of a contract's document: given, chosen from a list, or refused with their place.

Holds what every reader of a part of a contract needs. Which parts there are is `load`
and `own_rules`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from r2k_pipeline.errors import listed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from enum import StrEnum
    from typing import Any, TypeVar

    from open_data_contract_standard.model import CustomProperty

    Choice = TypeVar("Choice", bound=StrEnum)


class FaultError(Exception):
    """What is wrong in a file, and at which property."""


def custom_properties(properties: Sequence[CustomProperty] | None) -> dict[str, Any]:
    """The standard's list of properties as a mapping."""
    return {str(p.property): p.value for p in properties or []}


def given(value: object, where: str) -> str:
    """A text that has to be there, stripped.

    Raises:
        FaultError: It is missing, blank or no text.

    Example:
        >>> given(" one row a session ", "grain")
        'one row a session'
    """
    if not isinstance(value, str) or not value.strip():
        message = f"{where}: missing"
        raise FaultError(message)
    return value.strip()


def choice(kind: type[Choice], value: object, where: str) -> Choice:
    """A word that has to be one of a few.

    Raises:
        FaultError: It is another one; names them.
    """
    try:
        return kind(str(value))
    except ValueError:
        message = f"{where}: {value!r} is none of {listed(list(kind))}"
        raise FaultError(message) from None
