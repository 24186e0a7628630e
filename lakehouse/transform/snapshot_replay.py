"""Deliveries that a dbt snapshot has not seen one by one, so that none of them is passed over.

A snapshot compares what it has with what is current. Where two deliveries came since its last
build, or where it is built anew, the older ones are brought before it first, in their order.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any

import duckdb
import yaml

from lakehouse.errors import CatalogInvalid
from lakehouse.sql_quoting import sql_identifier

SCHEMA = "snapshots"
_REF = re.compile(r"""\s*ref\(\s*['"]([a-z0-9_]+)['"]\s*\)\s*""")


@dataclass(frozen=True)
class DeliveredSnapshot:
    """A snapshot that takes its times from the deliveries of one table of load snapshot.

    Attributes:
        staging: the model it reads, which reads the table with `rows_as_of`.
    """

    name: str
    staging: str
    source: str
    table: str

    @property
    def delivered_by(self) -> str:
        """Its table, as `DbtBuild.as_of` names it."""
        return f"{self.source}.{self.table}"


@dataclass(frozen=True)
class ReplayStep:
    """Bring one delivery before one snapshot."""

    snapshot: DeliveredSnapshot
    delivery_id: int
    batch_id: str


def delivered_snapshots(project_dir: Path, domain: str) -> list[DeliveredSnapshot]:
    """Snapshots of a domain with `config.meta.delivered_by`, from dbt's own YAML.

    Raises:
        CatalogInvalid: naming the file and the snapshot that lacks a part.
    """
    folder = project_dir / SCHEMA / domain
    return [
        _snapshot(entry, path.relative_to(project_dir))
        for path in sorted({*folder.rglob("*.yml"), *folder.rglob("*.yaml")})
        for entry in _entries(path)
        if "delivered_by" in _meta(entry)
    ]


def _entries(path: Path) -> list[dict[str, Any]]:
    content = yaml.safe_load(path.read_text("utf-8")) or {}
    return [entry for entry in content.get(SCHEMA) or [] if isinstance(entry, dict)]


def _meta(entry: dict[str, Any]) -> dict[str, Any]:
    return (entry.get("config") or {}).get("meta") or {}


def _snapshot(entry: dict[str, Any], path: Path) -> DeliveredSnapshot:
    by = _meta(entry)["delivered_by"]
    reads = _REF.fullmatch(str(entry.get("relation")))
    if not (isinstance(by, dict) and by.get("source") and by.get("table") and reads):
        raise CatalogInvalid(
            f"{path}: snapshot {entry.get('name')}: config.meta.delivered_by needs source and "
            "table, and relation must be ref('...') of the staging model over that table."
        )
    return DeliveredSnapshot(str(entry["name"]), reads[1], str(by["source"]), str(by["table"]))


def pending_rounds(
    connection: duckdb.DuckDBPyConnection, snapshots: list[DeliveredSnapshot]
) -> list[tuple[ReplayStep, ...]]:
    """Deliveries to replay before the build, which itself brings the newest of each table.

    Snapshots do not read one another, so that a round shows each of them its next delivery.

    A snapshot tells by its rows how far it has come. A delivery after which nothing changed leaves
    no row and is replayed once more, which changes nothing either.

    Args:
        connection: the warehouse, with `etl.load_log` and `etl.current_batches`.
        snapshots: those of the domain.

    Returns:
        Rounds with a step of every snapshot that is not done, in the order of its deliveries.
    """
    each = [list(_steps(connection, snapshot)) for snapshot in snapshots]
    return [tuple(step for step in steps if step) for steps in zip_longest(*each)]


def _steps(
    connection: duckdb.DuckDBPyConnection, snapshot: DeliveredSnapshot
) -> Iterator[ReplayStep]:
    newest_seen = _newest_seen(connection, snapshot.name)
    rows = connection.execute(
        """
        select delivery_id, batch_id, $seen is null or started_at > $seen
        from etl.load_log
        where source_name = $source and table_name = $table and status <> 'quarantined'
          and delivery_id <= (
            select max(sequence) from etl.current_batches
            where source_name = $source and table_name = $table
          )
        order by delivery_id
        """,
        {"seen": newest_seen, "source": snapshot.source, "table": snapshot.table},
    ).fetchall()
    # The same content twice in a row is one state.
    states = [next(same) for _, same in groupby(rows, key=lambda row: row[1])]
    for delivery_id, batch_id, is_pending in states[:-1]:
        if is_pending:
            yield ReplayStep(snapshot, delivery_id, batch_id)


def _newest_seen(connection: duckdb.DuckDBPyConnection, name: str) -> object:
    exists = connection.execute(
        "select 1 from duckdb_tables() where schema_name = ? and table_name = ?", [SCHEMA, name]
    ).fetchone()
    if not exists:
        return None
    table = f"{SCHEMA}.{sql_identifier(name)}"
    found = connection.execute(f"select max(dbt_updated_at) from {table}").fetchone()
    return found[0] if found else None


def forget_snapshots(
    connection: duckdb.DuckDBPyConnection, snapshots: list[DeliveredSnapshot]
) -> None:
    """Drop the tables of the snapshots, which a replay of all deliveries makes anew."""
    for snapshot in snapshots:
        connection.execute(f"drop table if exists {SCHEMA}.{sql_identifier(snapshot.name)}")
