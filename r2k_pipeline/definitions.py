"""What Dagster loads: `defs`. Only calls `orchestration`."""

from __future__ import annotations

from r2k_pipeline.orchestration.code_location import definitions

defs = definitions()
