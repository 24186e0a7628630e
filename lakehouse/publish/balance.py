"""The receipt of a publication: every row from its delivery to PostgreSQL, and what is missing.

Deliveries = RAW + refused; RAW = staging + what newer deliveries replaced + what the model leaves
out; the receipts of the domain (`meta.receipt`); warehouse = PostgreSQL. How it is shown does not
belong here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import duckdb

from lakehouse.lake.duckdb_session import open_warehouse
from lakehouse.lake.warehouse import Warehouse
from lakehouse.quality.dbt_manifest import Manifest, node_meta
from lakehouse.quality.warehouse_catalog import Relation, WarehouseCatalog
from lakehouse.source_catalog import Catalog
from lakehouse.source_catalog import Table as SourceTable
from lakehouse.sql_quoting import sql_identifier

Step = Literal["load", "staging", "receipt", "publish"]
_UNACCOUNTED = "unaccounted"
_LOADS = """
    select sum(rows_delivered)::bigint, sum(rows_rejected)::bigint
    from etl.load_log
    where source_name = ? and table_name = ? and delivery_id in (
        select sequence from etl.current_batches where source_name = ? and table_name = ?)
"""


_CURRENT = "select batch_id from etl.current_batches where source_name = ? and table_name = ?"


@dataclass(frozen=True)
class BalanceRow:
    """What went into a step and came out of it.

    Attributes:
        step: load (delivered, in RAW), staging (in RAW, in staging), receipt (a table of the
            project that must not leave rows unaccounted for) or publish (warehouse, PostgreSQL).
        table: whose rows.
        rows_in: before the step; None for receipts.
        explained: rows that are missing for a known reason: refused, or replaced by newer ones.
        rows_out: after the step; None for receipts.
        unaccounted: rows that are missing, or too many (negative), without a reason.
        replaced: of the explained ones of staging, those that newer rows of the same key replaced;
            the others were left out by the model's own SQL.
    """

    step: Step
    table: str
    rows_in: int | None
    explained: int
    rows_out: int | None
    unaccounted: int
    replaced: int = 0


def read_balance(
    warehouse: Warehouse,
    catalog: Catalog,
    manifest: Manifest,
    written: Mapping[str, int],
    there: Mapping[str, int],
) -> list[BalanceRow]:
    """Count the rows of a domain from its deliveries to what readers have.

    Args:
        warehouse: of the domain; nothing is written.
        catalog: its source tables.
        manifest: of its last build.
        written: rows of each published table in the warehouse, by `schema.table`.
        there: the same in PostgreSQL.

    Raises:
        WarehouseUnusable: another process has the warehouse open.
    """
    with open_warehouse(warehouse, read_only=True) as connection:
        relations = WarehouseCatalog(connection)
        loaded = list(_loads(connection, catalog, manifest, relations))
        return [
            *loaded,
            *_staging(connection, catalog, manifest, relations, loaded),
            *_receipts(connection, catalog, manifest, relations),
            *(
                BalanceRow("publish", name, rows, 0, there.get(name), rows - there.get(name, 0))
                for name, rows in written.items()
            ),
        ]


def _loads(
    connection: duckdb.DuckDBPyConnection,
    catalog: Catalog,
    manifest: Manifest,
    relations: WarehouseCatalog,
) -> Iterator[BalanceRow]:
    for table in catalog.tables:
        node = manifest.node(_source_id(manifest, table))
        relation = relations.of_node(node) if node else None
        if relation is None:
            continue
        names = [table.source, table.name]
        row = connection.execute(_LOADS, [*names, *names]).fetchone()
        delivered, refused = (int(value or 0) for value in row or (0, 0))
        # Of a snapshot only the newest counts, and older ones stay in RAW.
        kept = _count(connection, f"{relation.sql} where _batch_id in ({_CURRENT})", names)
        yield BalanceRow(
            "load", table.full_name, delivered, refused, kept, delivered - refused - kept
        )


def _staging(
    connection: duckdb.DuckDBPyConnection,
    catalog: Catalog,
    manifest: Manifest,
    relations: WarehouseCatalog,
    loaded: list[BalanceRow],
) -> Iterator[BalanceRow]:
    raw = {row.table: row.rows_out or 0 for row in loaded}
    for table in catalog.tables:
        source = _source_id(manifest, table)
        for node in _models(manifest, catalog.domain):
            parents = (node.get("depends_on") or {}).get("nodes") or []
            relation = relations.of_node(node)
            if node.get("schema") != "staging" or parents != [source] or relation is None:
                continue
            staged, before = _count(connection, relation.sql), raw.get(table.full_name, 0)
            explained = max(0, before - staged)
            delivered = relations.of_node(manifest.node(source) or {})
            replaced = _replaced(connection, table, delivered) if explained and delivered else 0
            yield BalanceRow(
                *("staging", str(node["name"]), before, explained, staged),
                *(min(0, before - staged), min(explained, replaced)),
            )


def _replaced(connection: duckdb.DuckDBPyConnection, table: SourceTable, raw: Relation) -> int:
    """Rows of RAW of whose key a newer delivery has rows, as the macro `current_rows` tells."""
    if table.meta.load != "incremental":
        return 0
    key = ", ".join(sql_identifier(name) for name in table.meta.key)
    row = connection.execute(
        f"""
        select cast(coalesce(sum(in_all - in_newest), 0) as bigint) from (
            select sum(number) as in_all, max_by(number, sequence) as in_newest from (
                select {key}, sequence, count(*) as number
                from {raw.sql} join (
                    select batch_id, max(sequence) as sequence from etl.current_batches
                    where source_name = ? and table_name = ? group by batch_id
                ) as batches on _batch_id = batches.batch_id
                group by all
            ) group by {key})""",
        [table.source, table.name],
    ).fetchone()
    return int(row[0]) if row else 0


def _receipts(
    connection: duckdb.DuckDBPyConnection,
    catalog: Catalog,
    manifest: Manifest,
    relations: WarehouseCatalog,
) -> Iterator[BalanceRow]:
    for node in _models(manifest, catalog.domain):
        relation = relations.of_node(node)
        if node_meta(node).get("receipt") is not True or relation is None:
            continue
        checked = [name for name in relation.columns if name.lower().startswith(_UNACCOUNTED)]
        if checked:
            total = " + ".join(f"coalesce(sum(abs({sql_identifier(one)})), 0)" for one in checked)
            row = connection.execute(f"select cast({total} as bigint) from {relation.sql}")
            (missing,) = row.fetchone() or (0,)
            yield BalanceRow("receipt", str(node["name"]), None, 0, None, int(missing))


def _models(manifest: Manifest, domain: str) -> Iterator[Mapping[str, Any]]:
    for unique_id, node in sorted(manifest.content.get("nodes", {}).items()):
        if node.get("resource_type") == "model" and domain in (node.get("fqn") or [])[1:2]:
            yield {"unique_id": unique_id, **node}


def _source_id(manifest: Manifest, table: SourceTable) -> str:
    project = (manifest.content.get("metadata") or {}).get("project_name", "")
    return f"source.{project}.{table.source}.{table.name}"


def _count(connection: duckdb.DuckDBPyConnection, of: str, values: Sequence[str] = ()) -> int:
    row = connection.execute(f"select count(*) from {of}", list(values)).fetchone()
    return int(row[0]) if row else 0
