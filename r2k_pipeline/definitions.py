"""What Dagster loads: `defs`. Only calls `orchestration`.

Keep out everything else: what there is stands in `orchestration`, and importing this module
reads nothing but the code.
"""

from __future__ import annotations

from r2k_pipeline.orchestration.code_location import definitions

defs = definitions()
