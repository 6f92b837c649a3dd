"""Who released or rejected a held row, and why.

Revision 0011, after 0008.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0008"

_DECISION = ("person", "reason")


def upgrade() -> None:
    """Add the columns to `quarantine`."""
    with op.batch_alter_table("quarantine") as batch:
        for name in _DECISION:
            batch.add_column(sa.Column(name, sa.Text(), nullable=True))


def downgrade() -> None:
    """Forget them."""
    with op.batch_alter_table("quarantine") as batch:
        for name in _DECISION:
            batch.drop_column(name)
