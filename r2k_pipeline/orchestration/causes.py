"""What lies behind an error that Dagster raised: the errors inside it, one after the other.

Holds the walk. What is made of an error that is found is the caller's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error itself and everything that it names as cause or context, each once.

    Example:
        >>> try:
        ...     try:
        ...         raise KeyError("inner")
        ...     except KeyError as inner:
        ...         raise ValueError("outer") from inner
        ... except ValueError as outer:
        ...     [type(found).__name__ for found in causes(outer)]
        ['ValueError', 'KeyError']
    """
    # Dagster's wrappers name one another as cause and context, so the walk can meet itself.
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        found = waiting.pop()
        if found is None or id(found) in seen:
            continue
        yield found
        seen.add(id(found))
        waiting += [found.__context__, found.__cause__, getattr(found, "user_exception", None)]
