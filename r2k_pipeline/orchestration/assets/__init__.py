"""The assets, one file a noun: read the inputs of a range, call methodology, publish.

``declaration`` turns a contract and a body into an asset, ``table_run`` is what a body is
given. `all_assets` lists them in the order of the data.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagster import AssetsDefinition

_ORDER = (
    "raw_listings.raw_listings",
    "raw_listings.reported_actions",
    "securities.securities",
    "security_events.security_events",
    "corporate_actions.corporate_actions",
    "universe.universe",
    "ranking.ranking",
    "reconstitution.reconstitution",
    "reconstitution.breakpoints",
    "why_cards.why_cards",
    "preliminary_lists.preliminary_lists",
    "maintenance.maintenance",
    "style.fundamentals",
    "style.style_scores",
    "constituents.constituents",
    "weight_factors.weight_factors",
    "divisors.divisors",
    "levels.levels",
    "signals.signals",
)
"""Module and name of every asset, in the order of the data."""


def all_assets() -> list[AssetsDefinition]:
    """Every asset, in the order of the data; nothing is wired before it is asked for."""
    places = (place.split(".") for place in _ORDER)
    return [getattr(import_module(f"{__name__}.{module}"), name) for module, name in places]
