"""Cells emptied in loaded rows; how a delivery was loaded; decisions about quarantine."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("rejected_rows", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("row_loaded", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.add_column(sa.Column("load", sa.String(length=16), nullable=True))
    op.create_table(
        "quarantine_decisions",
        sa.Column(
            "delivery_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("decision", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("run_id", sa.String(length=64), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["deliveries.delivery_id"],
            name=op.f("fk_quarantine_decisions_delivery_id"),
        ),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_quarantine_decisions")),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("quarantine_decisions")
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.drop_column("load")
    with op.batch_alter_table("rejected_rows", schema=None) as batch_op:
        batch_op.drop_column("row_loaded")
