"""The synthetic market as a source: batches that add up to the market."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from r2k_pipeline.errors import SourceError
from r2k_pipeline.sources.feed import EvidenceKind
from r2k_pipeline.sources.synthetic.parameters import small_market
from r2k_pipeline.sources.synthetic.source import SyntheticSource

OVER_NEW_YEAR = small_market(first_session=date(2022, 9, 1), last_session=date(2023, 3, 31))


def test_batches_add_up_to_the_market() -> None:
    with SyntheticSource(OVER_NEW_YEAR) as source:
        batches = list(source.iter_batches())
        assert [batch.plan.first_session.year for batch in batches] == [2022, 2023]
        assert pl.concat([b.listings for b in batches]).equals(source.market.listings)
        actions = pl.concat([b.reported_actions for b in batches])
        assert actions.equals(source.market.reported_actions)


def test_a_range_cuts_batches() -> None:
    with SyntheticSource(OVER_NEW_YEAR) as source:
        (batch,) = source.iter_batches(start=date(2022, 10, 3), end=date(2022, 10, 7))
        assert batch.listings["session"].unique().sort().to_list() == list(batch.plan.sessions)
        assert batch.plan.first_session == date(2022, 10, 3)
        with pytest.raises(SourceError, match="synthetic has nothing from 2030-01-02"):
            source.plan(start=date(2030, 1, 2))


def test_the_silent_session_is_told() -> None:
    with SyntheticSource(OVER_NEW_YEAR) as source:
        (silent,) = source.market.silent_sessions
        told = [note for batch in source.iter_batches() for note in batch.evidence]
        assert [(n.kind, n.session) for n in told] == [(EvidenceKind.MISSING_SESSION, silent)]


def test_rows_point_at_the_recipe() -> None:
    with SyntheticSource(OVER_NEW_YEAR) as source:
        batch = next(source.iter_batches())
    (raw,) = batch.raw
    assert batch.listings["source_hash"].unique().to_list() == [raw.source_hash]
    assert batch.reported_actions["source_hash"].unique().to_list() == [raw.source_hash]
