"""The synthetic market as a source, batch by calendar year.

Keep out how a market is made (`market`) and how large it is (`parameters`).
"""

from __future__ import annotations

from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.sources.feed import (
    BatchedSource,
    BatchPlan,
    Evidence,
    EvidenceKind,
    RawFile,
    SourceBatch,
    require_range,
    sessions_in_range,
)
from r2k_pipeline.sources.synthetic.listings import SOURCE_NAME
from r2k_pipeline.sources.synthetic.market import make_market, recipe

if TYPE_CHECKING:
    from datetime import date

    from r2k_pipeline.sources.synthetic.market import SyntheticMarket
    from r2k_pipeline.sources.synthetic.parameters import MarketParameters


class SyntheticSource(BatchedSource):
    """A synthetic market that is made when it is first asked for.

    Args:
        parameters: The market.

    Example:
        >>> from r2k_pipeline.sources.synthetic.parameters import small_market
        >>> with SyntheticSource(small_market()) as source:
        ...     batch = next(source.iter_batches())
        >>> batch.plan.first_session, batch.listings["source"].unique().to_list()
        (datetime.date(2022, 4, 1), ['synthetic'])
    """

    def __init__(self, parameters: MarketParameters) -> None:
        self._parameters = parameters

    @property
    def name(self) -> str:
        """`synthetic`."""
        return SOURCE_NAME

    @cached_property
    def market(self) -> SyntheticMarket:
        """The market itself, with the truth about it."""
        return make_market(self._parameters)

    def plan(self, *, start: date | None = None, end: date | None = None) -> tuple[BatchPlan, ...]:
        """One batch a calendar year; see `Source.plan`."""
        require_range(start, end)
        silent = set(self.market.silent_sessions)
        available = [session for session in self.market.sessions if session not in silent]
        wanted = sessions_in_range(available, source=SOURCE_NAME, start=start, end=end)
        years = groupby(wanted, key=lambda session: session.year)
        return tuple(BatchPlan(sessions=tuple(sessions)) for _, sessions in years)

    def read(self, plan: BatchPlan) -> SourceBatch:
        """One batch; see `Source.read`."""
        within = pl.col("session").is_between(plan.first_session, plan.last_session)
        evidence = tuple(
            Evidence(kind=EvidenceKind.MISSING_SESSION, session=session)
            for session in self.market.silent_sessions
            if plan.first_session <= session <= plan.last_session
        )
        return SourceBatch(
            plan=plan,
            listings=self.market.listings.filter(within),
            reported_actions=self.market.reported_actions.filter(within),
            evidence=evidence,
            raw=(RawFile.from_bytes("synthetic-market.txt", recipe(self._parameters)),),
        )
