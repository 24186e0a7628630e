"""Tables of the audit database, as SQLAlchemy sees them.

The migrations build them; a test holds the two together. Times are UTC.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)

BigId = BigInteger().with_variant(Integer, "sqlite")


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC, with its zone, also where the database keeps none (SQLite)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Refuse moments without a zone: their meaning would depend on the machine."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Give the zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


batches = Table(
    "batches",
    metadata,
    Column("batch_id", String(64), primary_key=True),
    Column("source_name", String(255), nullable=False),
    Column("table_name", String(255), nullable=False),
    Column("content_key", String(64), nullable=False),
    Column("path", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("schema_hash", String(64), nullable=False),
    Column("rows_loaded", BigInteger, nullable=False),
    Column("rows_rejected", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("cursor_value", Text),
    Column("new_columns", JSON(none_as_null=True)),
    Column("extracted_at", UtcDateTime, nullable=False),
    Index(None, "source_name", "table_name"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("delivery_id", BigId, primary_key=True, autoincrement=True),
    Column("source_name", String(255), nullable=False),
    Column("table_name", String(255), nullable=False),
    Column("file_name", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("reading_hash", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("batch_id", String(64), ForeignKey("batches.batch_id")),
    Column("rows_delivered", BigInteger, nullable=False),
    Column("rows_loaded", BigInteger, nullable=False),
    Column("rows_rejected", BigInteger, nullable=False),
    Column("reason", Text),
    Column("refused_as", String(32)),
    Column("run_id", String(64)),
    Column("load", String(16)),
    Column("started_at", UtcDateTime, nullable=False),
    Column("seconds", Float, nullable=False),
    Index(None, "source_name", "table_name", "file_name"),
)

rejected_rows = Table(
    "rejected_rows",
    metadata,
    Column("rejected_row_id", BigId, primary_key=True, autoincrement=True),
    Column("delivery_id", BigId, ForeignKey("deliveries.delivery_id"), nullable=False),
    Column("source_line", BigInteger),
    Column("column_name", Text),
    Column("reason", Text, nullable=False),
    Column("row_loaded", Boolean, nullable=False, server_default=false()),
    Index(None, "delivery_id"),
)

quarantine_decisions = Table(
    "quarantine_decisions",
    metadata,
    Column("delivery_id", BigId, ForeignKey("deliveries.delivery_id"), primary_key=True),
    Column("decision", String(16), nullable=False),
    Column("reason", Text),
    Column("run_id", String(64)),
    Column("decided_at", UtcDateTime, nullable=False),
)

builds = Table(
    "builds",
    metadata,
    Column("build_id", String(64), primary_key=True),
    Column("domain", String(255), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("invocation_id", String(64)),
    Column("run_id", String(64)),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Index(None, "domain", "started_at"),
)

node_results = Table(
    "node_results",
    metadata,
    Column("build_id", String(64), ForeignKey("builds.build_id"), primary_key=True),
    Column("unique_id", String(512), primary_key=True),
    Column("name", Text, nullable=False),
    Column("resource_type", String(32), nullable=False),
    Column("status", String(16), nullable=False),
    Column("severity", String(16)),
    Column("failures", BigInteger),
    Column("rows", BigInteger),
    Column("seconds", Float, nullable=False),
    Column("failing_rows", BigInteger),
    Column("bytes", BigInteger),
)

test_incidents = Table(
    "test_incidents",
    metadata,
    Column("incident_id", BigId, primary_key=True, autoincrement=True),
    Column("domain", String(255), nullable=False),
    Column("unique_id", String(512), nullable=False),
    Column("status", String(16), nullable=False),
    Column("worst_rows", BigInteger),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("opened_by", String(64), nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("resolved_at", UtcDateTime),
    Column("resolved_by", String(64)),
    Index(None, "domain", "unique_id"),
)

test_failures = Table(
    "test_failures",
    metadata,
    Column("failure_id", BigId, primary_key=True, autoincrement=True),
    Column("domain", String(255), nullable=False),
    Column("unique_id", String(512), nullable=False),
    Column("row_key", String(64), nullable=False),
    Column("row_label", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("resolved_at", UtcDateTime),
    Index(None, "domain", "unique_id"),
)

test_notifications = Table(
    "test_notifications",
    metadata,
    Column("domain", String(255), primary_key=True),
    Column("unique_id", String(512), primary_key=True),
    Column("status", String(16), nullable=False),
    Column("failing_rows", BigInteger),
    Column("over_budget", Boolean, nullable=False),
    Column("told_at", UtcDateTime, nullable=False),
)

publications = Table(
    "publications",
    metadata,
    Column("publication_id", BigId, primary_key=True, autoincrement=True),
    Column("domain", String(255), nullable=False),
    Column("build_id", String(64), nullable=False),
    Column("tables", JSON, nullable=False),
    Column("run_id", String(64)),
    Column("published_at", UtcDateTime, nullable=False),
    Column("warehouse_version", BigInteger),
    Index(None, "domain", "publication_id"),
)

errors = Table(
    "errors",
    metadata,
    Column("error_id", BigId, primary_key=True, autoincrement=True),
    Column("domain", String(255), nullable=False),
    Column("pipeline_stage", String(16), nullable=False),
    Column("table_name", Text),
    Column("error_type", String(32), nullable=False),
    Column("subject", Text, nullable=False),
    Column("error_timestamp", UtcDateTime, nullable=False),
    Column("error_message", Text, nullable=False),
    Column("error_details", JSON, nullable=False),
    Column("resolution_status", String(16), nullable=False),
    Column("is_standing", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("resolved_at", UtcDateTime),
    Index(None, "domain", "is_standing"),
)

watchers = Table(
    "watchers",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("pid", BigInteger, nullable=False),
    Column("domains", JSON, nullable=False),
    Column("waiting", BigInteger, nullable=False),
    Column("fault", Text),
    Column("started_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
)

publication_holds = Table(
    "publication_holds",
    metadata,
    Column("domain", String(255), primary_key=True),
    Column("build_id", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("held_by", String(64), nullable=False),
    Column("held_at", UtcDateTime, nullable=False),
)

run_parts = Table(
    "run_parts",
    metadata,
    Column("split_id", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("domain", String(255), nullable=False),
    Column("wave", Integer, nullable=False),
    Column("work", JSON, nullable=False),
    Column("options", JSON, nullable=False),
    Column("left_out", JSON, nullable=False),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("run_id", String(64)),
    Column("planned_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("outcome", JSON(none_as_null=True)),
    Column("error", JSON(none_as_null=True)),
    Index(None, "domain", "status"),
)

# Who holds a lock of PostgreSQL, and how often it was taken; nothing of it outlives a restore.
locks = Table(
    "locks",
    metadata,
    Column("name", String(512), primary_key=True),
    Column("token", BigInteger, nullable=False),
    Column("run", Text),
    Column("pid", BigInteger),
    Column("host", Text),
    Column("since", String(32)),
    info={"of_this_moment": True},
)
