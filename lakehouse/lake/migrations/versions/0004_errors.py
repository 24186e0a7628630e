"""Faults with a life cycle; what a delivery was refused for, and columns nobody declared."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.add_column(sa.Column("refused_as", sa.String(length=32), nullable=True))
    with op.batch_alter_table("batches", schema=None) as batch_op:
        batch_op.add_column(sa.Column("new_columns", sa.JSON(none_as_null=True), nullable=True))
    op.create_table(
        "errors",
        sa.Column("error_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("pipeline_stage", sa.String(length=16), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=True),
        sa.Column("error_type", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("error_timestamp", sa.DateTime(timezone=True), nullable=False),
        sa.Column("error_message", sa.Text(), nullable=False),
        sa.Column("error_details", sa.JSON(), nullable=False),
        sa.Column("resolution_status", sa.String(length=16), nullable=False),
        sa.Column("is_standing", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("error_id", name=op.f("pk_errors")),
    )
    op.create_index(op.f("ix_errors_domain_is_standing"), "errors", ["domain", "is_standing"])


def downgrade() -> None:
    """Undo."""
    op.drop_index(op.f("ix_errors_domain_is_standing"), table_name="errors")
    op.drop_table("errors")
    with op.batch_alter_table("batches", schema=None) as batch_op:
        batch_op.drop_column("new_columns")
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.drop_column("refused_as")
