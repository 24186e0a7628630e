"""Alembic's entry point: runs on the connection that the caller opened."""

from alembic import context

from lakehouse.lake.audit_schema import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=metadata, render_as_batch=True, compare_type=True
)
with context.begin_transaction():
    context.run_migrations()
