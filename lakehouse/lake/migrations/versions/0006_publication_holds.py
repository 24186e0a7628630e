"""Domains whose publication waits until somebody says go."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "publication_holds",
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("build_id", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("held_by", sa.String(length=64), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_publication_holds")),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("publication_holds")
