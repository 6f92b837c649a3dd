"""Where incidents are replayed: one synthetic market, scratch homes, and what is undisturbed.

Everything that several incidents share is made once and only when it is first asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import empty_frame
from r2k_pipeline.gym.vendor import year_file
from r2k_pipeline.orchestration.build import build
from r2k_pipeline.orchestration.landing import land
from r2k_pipeline.rulebook.sessions import sessions_between
from r2k_pipeline.settings import Restate, Settings
from r2k_pipeline.sources.feed import (
    BatchedSource,
    BatchPlan,
    RawFile,
    SourceBatch,
    sessions_in_range,
)
from r2k_pipeline.sources.synthetic.market import SyntheticMarket, make_market
from r2k_pipeline.sources.synthetic.parameters import MarketParameters
from r2k_pipeline.sources.us_stock_symbols.year_files import YearFiles
from r2k_pipeline.storage.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from r2k_pipeline.sources.feed import Source

FIRST, LAST = date(2022, 4, 18), date(2022, 7, 8)
SESSIONS = tuple(sessions_between(FIRST, LAST))
_COMPANIES = 250
# Enough for the medians of the gate, few enough to land in a blink.
LANDED = SESSIONS[:16]
_MADE_OF = ("source", "source_hash")


class Feed(BatchedSource):
    """Frames as a source: what a feed would have shown, all in one batch."""

    def __init__(self, listings: pl.DataFrame, actions: pl.DataFrame | None = None) -> None:
        self._listings = listings
        self._actions = empty_frame(contract("reported_actions")) if actions is None else actions

    @property
    def name(self) -> str:
        """`synthetic`."""
        return "synthetic"

    def plan(self, *, start: date | None = None, end: date | None = None) -> tuple[BatchPlan, ...]:
        """One batch; see `Source.plan`."""
        days = self._listings["session"].unique().to_list()
        return (
            BatchPlan(sessions=sessions_in_range(days, source=self.name, start=start, end=end)),
        )

    def read(self, plan: BatchPlan) -> SourceBatch:
        """The frames' rows of the plan; see `Source.read`."""
        within = pl.col("session").is_in(list(plan.sessions))
        return SourceBatch(
            plan=plan,
            listings=self._listings.filter(within).sort("session", "exchange", "symbol"),
            reported_actions=self._actions.filter(within).sort("session", "symbol", "action_type"),
            evidence=(),
            raw=(RawFile.from_bytes("gym.txt", repr(plan).encode()),),
        )


@dataclass
class Arena:
    """A scratch folder with a market, in which homes are made and broken.

    Args:
        folder: Everything that is written lies in it.
        companies: Operating companies of the market.
        shared: What a family of incidents makes once, by name.
    """

    folder: Path
    companies: int = _COMPANIES
    shared: dict[str, object] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    @cached_property
    def market(self) -> SyntheticMarket:
        """The market: every session there, every cap as it is."""
        return make_market(
            MarketParameters(
                seed=7,
                first_session=FIRST,
                last_session=LAST,
                companies=self.companies,
                missing_sessions=0,
                has_quirks=False,
            )
        )

    @property
    def listings(self) -> pl.DataFrame:
        """Contract `raw_listings` of the market."""
        return self.market.listings

    def path(self, name: str) -> Path:
        """A path in the scratch folder that nobody else has."""
        return self.folder / f"{next(self._numbers)}-{name}"

    def settings(self, *, restate: Restate = Restate.ALWAYS) -> Settings:
        """A home of its own."""
        return Settings(home=self.path("home"), restate=restate)

    def extracted(self, listings: pl.DataFrame, **others: pl.Expr) -> YearFiles:
        """Listings as the vendor's extracted file, with columns that are added or replaced."""
        return YearFiles(year_file(self.path("2022.parquet"), listings, **others))

    @cached_property
    def landed(self) -> Landed:
        """The first sessions of the market, landed undisturbed from the vendor's file."""
        with open_store(self.settings()) as store, self.extracted(self.some()) as source:
            landing(store, source)
            return Landed.of(store)

    def some(self) -> pl.DataFrame:
        """The listings of the first sessions."""
        return self.listings.filter(pl.col("session").is_in(list(LANDED)))


@dataclass(frozen=True, kw_only=True)
class Landed:
    """What landed, and which checks complain."""

    listings: pl.DataFrame
    complaints: frozenset[str]

    @classmethod
    def of(cls, store: Store) -> Landed:
        """What a store has."""
        return cls(listings=standing(store), complaints=complaints(store))


def now() -> datetime:
    """The moment, as landing and building are told it."""
    return datetime.now(UTC)


def landing(store: Store, source: Source) -> None:
    """Land all that a source has."""
    land(store, source, None, None, run_id="gym", known_at=now())


def built(settings: Settings, start: date | None = None, end: date | None = None) -> str:
    """Build a range; what its reader is told."""
    return build(settings, start, end).note


def standing(store: Store, table: str = "raw_listings") -> pl.DataFrame:
    """The rows of a table in the lake, without what tells which bytes they came from."""
    rows = store.lake.scan(table).collect()
    return rows.drop(_MADE_OF, strict=False).sort(contract(table).key)


def complaints(store: Store) -> frozenset[str]:
    """The checks that failed on some partition, as `table.check`."""
    rows = store.published.read("quality_results").filter(~pl.col("is_passed"))
    told = rows.select(pl.concat_str("table_name", "check_name", separator=".")).to_series()
    return frozenset(told.unique())


def differing(rows: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """Rows that the other frame has not."""
    return rows.join(others, on=rows.columns, how="anti", nulls_equal=True)


def phrases(rows: pl.DataFrame, *columns: str) -> tuple[str, ...]:
    """Rows by some of their columns, for a verdict."""
    return tuple(" ".join(str(cell) for cell in row) for row in rows.select(columns).iter_rows())
