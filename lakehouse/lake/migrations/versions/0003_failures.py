"""Tests that do not pass, row by row, and what their owners were told; size of models."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("node_results", schema=None) as batch_op:
        batch_op.add_column(sa.Column("failing_rows", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("bytes", sa.BigInteger(), nullable=True))
    op.create_table(
        "test_incidents",
        sa.Column("incident_id", _number(), nullable=False),
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("unique_id", sa.String(length=512), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("worst_rows", sa.BigInteger(), nullable=True),
        _moment("opened_at"),
        sa.Column("opened_by", sa.String(length=64), nullable=False),
        _moment("last_seen_at"),
        _moment("resolved_at", nullable=True),
        sa.Column("resolved_by", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_test_incidents")),
    )
    op.create_index(
        op.f("ix_test_incidents_domain_unique_id"), "test_incidents", ["domain", "unique_id"]
    )
    op.create_table(
        "test_failures",
        sa.Column("failure_id", _number(), nullable=False),
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("unique_id", sa.String(length=512), nullable=False),
        sa.Column("row_key", sa.String(length=64), nullable=False),
        sa.Column("row_label", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        _moment("first_seen_at"),
        _moment("last_seen_at"),
        _moment("resolved_at", nullable=True),
        sa.PrimaryKeyConstraint("failure_id", name=op.f("pk_test_failures")),
    )
    op.create_index(
        op.f("ix_test_failures_domain_unique_id"), "test_failures", ["domain", "unique_id"]
    )
    op.create_table(
        "test_notifications",
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("unique_id", sa.String(length=512), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("failing_rows", sa.BigInteger(), nullable=True),
        sa.Column("over_budget", sa.Boolean(), nullable=False),
        _moment("told_at"),
        sa.PrimaryKeyConstraint("domain", "unique_id", name=op.f("pk_test_notifications")),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("test_notifications")
    op.drop_index(op.f("ix_test_failures_domain_unique_id"), table_name="test_failures")
    op.drop_table("test_failures")
    op.drop_index(op.f("ix_test_incidents_domain_unique_id"), table_name="test_incidents")
    op.drop_table("test_incidents")
    with op.batch_alter_table("node_results", schema=None) as batch_op:
        batch_op.drop_column("bytes")
        batch_op.drop_column("failing_rows")
