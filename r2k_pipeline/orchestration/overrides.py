"""Recording and withdrawing what a person sets by hand, judged before it is written.

Holds the writing side of contract `overrides`, needs no Dagster, and changes no other
table: the next build finds the overrides changed and lays them over the lines
(`methodology/overrides`). Keep out which fields there are (`rulebook/override_fields`).
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import polars_schema
from r2k_pipeline.errors import BadInputError
from r2k_pipeline.methodology.overrides import standing_overrides
from r2k_pipeline.rulebook.override_fields import OverrideField, require_value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from r2k_pipeline.storage.store import Store

TABLE = "overrides"
_DIGITS = 8
_NOTHING = "no override was recorded"


@dataclass(frozen=True, kw_only=True)
class Override:
    """What is to be set.

    Args:
        field: Which field of the line.
        symbol: The line's ticker on these sessions.
        value: What it is set to, as it was typed.
        first: First session on which it counts.
        last: Last session on which it counts.
        person: Who sets it; a role will do.
        reason: Why, in a sentence.
    """

    field: str
    symbol: str
    value: str
    first: date
    last: date
    person: str
    reason: str


def record_override(store: Store, override: Override, *, known_at: datetime) -> str:
    """Record an override; it counts from the next build on.

    Args:
        store: Where it is kept.
        override: What is to be set.
        known_at: When it is recorded (UTC).

    Returns:
        The override's id.

    Raises:
        BadInputError: The field, the value, the sessions or the line cannot be, a person
            or a reason is missing, or another override says the same already.
    """
    field = _field(override.field)
    values = {
        "state": "recorded",
        "field": field.value,
        "symbol": override.symbol.strip(),
        "first_session": override.first,
        "last_session": override.last,
        "value": require_value(field, override.value),
        **signed(override.person, override.reason, state=_NOTHING),
        "recorded_at": known_at,
    }
    _require_line(store, override)
    _require_unset(store, override, field)
    told = "\n".join(str(value) for value in values.values())
    override_id = sha256(told.encode()).hexdigest()[:_DIGITS]
    _append(store, {"override_id": override_id, **values})
    return override_id


def withdraw_override(
    store: Store, override_id: str, *, person: str, reason: str, known_at: datetime
) -> date:
    """Withdraw an override; it counts until the next build.

    Args:
        store: Where it is kept.
        override_id: Which one.
        person: Who withdraws it.
        reason: Why.
        known_at: When (UTC).

    Returns:
        The first session on which it counted.

    Raises:
        BadInputError: There is no such override, it is withdrawn already, or a person or
            a reason is missing.
    """
    words = signed(person, reason, state="no override was withdrawn")
    log = store.published.read(TABLE, where={"override_id": override_id})
    if log.is_empty() or "withdrawn" in set(log["state"]):
        what = "is withdrawn already" if log.height else "was never recorded"
        raise BadInputError(
            f"override {override_id} {what}",
            state="no override was withdrawn",
            remedy="`r2k override list` names those that stand",
        )
    recorded = log.row(0, named=True)
    _append(store, {**recorded, "state": "withdrawn", **words, "recorded_at": known_at})
    first: date = recorded["first_session"]
    return first


def _append(store: Store, row: Mapping[str, object]) -> None:
    store.published.append(TABLE, pl.DataFrame([row], schema=polars_schema(contract(TABLE))))


def _field(text: str) -> OverrideField:
    if text not in list(OverrideField):
        raise BadInputError(
            f"{text!r} cannot be set by hand",
            state=_NOTHING,
            remedy=f"set one of {', '.join(OverrideField)}",
        )
    return OverrideField(text)


def signed(person: str, reason: str, *, state: str) -> dict[str, str]:
    """Person and reason of a decision, as they are kept.

    Args:
        person: Who decides; a role will do.
        reason: Why.
        state: How things stand if one is missing.

    Raises:
        BadInputError: One is blank.

    Example:
        >>> signed("index.operations ", "A typing error.", state="nothing was written")
        {'person': 'index.operations', 'reason': 'A typing error.'}
    """
    kept = {"person": person.strip(), "reason": reason.strip()}
    for name, words in kept.items():
        if not words:
            raise BadInputError(
                f"no {name} is given", state=state, remedy=f"say --{name}: it is kept for good"
            )
    return kept


def _require_line(store: Store, override: Override) -> None:
    """The symbol must have been listed on some session of the range."""
    first, last = override.first, override.last
    if last < first:
        raise BadInputError(
            f"the sessions from {first} to {last} end before they begin",
            state=_NOTHING,
            remedy="give the earlier session first",
        )
    scanned = store.lake.scan("raw_listings", start=first, end=last, columns=("symbol",))
    listed = scanned.filter(pl.col("symbol") == override.symbol.strip()).head(1).collect()
    if listed.is_empty():
        raise BadInputError(
            f"no line {override.symbol!r} landed from {first} to {last}",
            state=_NOTHING,
            remedy="give the ticker of those sessions, as `r2k explain` or a feed spells it",
        )


def _require_unset(store: Store, override: Override, field: OverrideField) -> None:
    """Two overrides of one value and session would leave open which one counts."""
    fields = [field.value, *(other.value for other in field.conflicts_with)]
    rivals = standing_overrides(store.published.read(TABLE)).filter(
        pl.col("symbol") == override.symbol.strip(),
        pl.col("field").is_in(fields),
        pl.col("first_session") <= override.last,
        pl.col("last_session") >= override.first,
    )
    if rivals.height:
        rival = rivals.row(0, named=True)
        raise BadInputError(
            f"override {rival['override_id']} sets {rival['field']} of {rival['symbol']} already, "
            f"from {rival['first_session']} to {rival['last_session']}",
            state=_NOTHING,
            remedy=f"`r2k override withdraw {rival['override_id']}` first, or change the range",
        )
