"""1a: listings over all sessions -> companies and share lines with permanent ids.

Reads every session that ever landed; how lines are linked is `methodology.identity`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from r2k_pipeline.methodology.identity import link_securities
from r2k_pipeline.orchestration.assets.declaration import whole_asset
from r2k_pipeline.rulebook.identity_overrides import identity_overrides
from r2k_pipeline.rulebook.reference_facts import issuer_kind_facts

if TYPE_CHECKING:
    from r2k_pipeline.orchestration.assets.table_run import TableRun

READ = (
    "session",
    "exchange",
    "symbol",
    "name",
    "close_usd",
    "previous_close_usd",
    "market_cap_usd",
    "country",
    "ipo_year",
    "industry",
)
"""What lines are told apart by."""


@whole_asset("securities", deps=["raw_listings"])
def securities(run: TableRun) -> None:
    """Link every listing that ever landed: a rename is seen only from both sides."""
    listings = run.read("raw_listings", columns=READ)
    linked = link_securities(
        listings, overrides=identity_overrides(), issuer_kinds=issuer_kind_facts()
    )
    run.publish_whole(linked)
    run.note(
        {
            "companies": linked["company_id"].n_unique(),
            "share_lines": linked["security_id"].n_unique(),
            "renames": linked["previous_symbol"].count(),
        }
    )
