"""The divisor ledger names its actions, and the divisor before and after each row.

Revision 0007, after 0006. Rows that stand keep null there until they are built again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_DIVISORS = ("divisor_before", "divisor_after")


def upgrade() -> None:
    """Add the columns to `divisors`."""
    with op.batch_alter_table("divisors") as batch:
        batch.add_column(sa.Column("action_ids", sa.Text(), nullable=True))
        for name in _DIVISORS:
            batch.add_column(sa.Column(name, sa.Double(), nullable=True))


def downgrade() -> None:
    """Forget them."""
    with op.batch_alter_table("divisors") as batch:
        for name in ("action_ids", *_DIVISORS):
            batch.drop_column(name)
