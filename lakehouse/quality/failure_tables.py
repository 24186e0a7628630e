"""The failure ledger and the sizes of models as tables of the warehouse, for queries and BI."""

import duckdb
from sqlalchemy import Engine, select

from lakehouse.lake.audit_copy import copy_query
from lakehouse.lake.audit_schema import builds, node_results, test_failures, test_incidents

_TEST_FAILURES = """
    test_id VARCHAR, row_key VARCHAR, row_label VARCHAR, rows BIGINT,
    first_seen_at TIMESTAMPTZ, last_seen_at TIMESTAMPTZ, resolved_at TIMESTAMPTZ
"""
_TEST_INCIDENTS = """
    test_id VARCHAR, status VARCHAR, worst_rows BIGINT,
    opened_at TIMESTAMPTZ, last_seen_at TIMESTAMPTZ, resolved_at TIMESTAMPTZ
"""
_MODEL_RUNS = """
    started_at TIMESTAMPTZ, node_id VARCHAR, name VARCHAR, kind VARCHAR, status VARCHAR,
    rows BIGINT, bytes BIGINT, seconds DOUBLE
"""
_KINDS = ("model", "seed", "snapshot", "source")


def write_failure_tables(
    connection: duckdb.DuckDBPyConnection, engine: Engine, domain: str
) -> None:
    """Write `dq.test_failures`, `dq.test_incidents` and `etl.model_runs` of a domain anew."""
    failures = select(
        test_failures.c.unique_id,
        test_failures.c.row_key,
        test_failures.c.row_label,
        test_failures.c.rows,
        test_failures.c.first_seen_at,
        test_failures.c.last_seen_at,
        test_failures.c.resolved_at,
    ).where(test_failures.c.domain == domain)
    incidents = select(
        test_incidents.c.unique_id,
        test_incidents.c.status,
        test_incidents.c.worst_rows,
        test_incidents.c.opened_at,
        test_incidents.c.last_seen_at,
        test_incidents.c.resolved_at,
    ).where(test_incidents.c.domain == domain)
    models = (
        select(
            builds.c.started_at,
            node_results.c.unique_id,
            node_results.c.name,
            node_results.c.resource_type,
            node_results.c.status,
            node_results.c.rows,
            node_results.c.bytes,
            node_results.c.seconds,
        )
        .join(builds, builds.c.build_id == node_results.c.build_id)
        .where(builds.c.domain == domain, node_results.c.resource_type.in_(_KINDS))
        .order_by(builds.c.started_at)
    )
    for schema in ("dq", "etl"):
        connection.execute(f"create schema if not exists {schema}")
    copy_query(
        connection,
        engine,
        "dq.test_failures",
        _TEST_FAILURES,
        failures.order_by(test_failures.c.failure_id),
    )
    copy_query(
        connection,
        engine,
        "dq.test_incidents",
        _TEST_INCIDENTS,
        incidents.order_by(test_incidents.c.incident_id),
    )
    copy_query(connection, engine, "etl.model_runs", _MODEL_RUNS, models)
