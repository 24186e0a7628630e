"""How many rows and bytes the tables of a build hold: DuckDB does not tell dbt."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import duckdb

from lakehouse.quality.build_results import BuildResults, NodeResult
from lakehouse.quality.dbt_manifest import Manifest
from lakehouse.quality.warehouse_catalog import Relation, WarehouseCatalog
from lakehouse.sql_quoting import sql_string

_AT_ONCE = 100


def with_sizes(connection: duckdb.DuckDBPyConnection, results: BuildResults) -> BuildResults:
    """The results with `rows` and `bytes` of every model that was built as a table.

    Views hold nothing of their own. Bytes are whole blocks of the file (256 KiB each), so that
    small tables that share a block each count it; of a lake they are those of the data files.

    Raises:
        duckdb.Error: the warehouse cannot be read.
    """
    tables = {
        (str(database), str(schema), str(name))
        for database, schema, name in connection.execute(
            "select database_name, schema_name, table_name from duckdb_tables() where not internal"
        ).fetchall()
    }
    catalog = WarehouseCatalog(connection)
    built: dict[str, Relation] = {}
    for node in results.nodes:
        relation = catalog.of_relation_name(node.relation_name or "")
        if node.is_test or node.status != "pass" or relation is None:
            continue
        if (relation.database, relation.schema, relation.name) in tables:
            built[node.unique_id] = relation
    sizes = _sizes(connection, list({one.sql: one for one in built.values()}.values()))

    def sized(node: NodeResult) -> NodeResult:
        if node.unique_id not in built:
            return node
        rows, size = sizes[built[node.unique_id].sql]
        return replace(node, rows=rows, bytes=size)

    return replace(results, nodes=tuple(sized(node) for node in results.nodes))


def rows_tested(
    connection: duckdb.DuckDBPyConnection, manifest: Manifest, test_ids: Iterable[str]
) -> dict[str, int]:
    """Rows of the model that each test is about, views too; without what cannot be read."""
    catalog = WarehouseCatalog(connection)
    counted: dict[str, int] = {}
    for test_id in test_ids:
        relation = catalog.of_node(manifest.node(manifest.tested_node(test_id) or ""))
        if relation is None:
            continue
        try:
            row = connection.execute(f"select count(*) from {relation.sql}").fetchone()
        except duckdb.Error:
            # A view over files that are gone: its share cannot be told, its rows still can.
            continue
        counted[test_id] = int(row[0]) if row else 0
    return counted


def _sizes(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[Relation]
) -> dict[str, tuple[int, int]]:
    """Rows and bytes of each table, a hundred tables a query."""
    found: dict[str, tuple[int, int]] = {}
    bytes_sql = _of_lake if _is_lake(connection) else _of_file
    for first in range(0, len(tables), _AT_ONCE):
        some = tables[first : first + _AT_ONCE]
        # The tables are named by their place: a name is SQL here and a text there.
        counted = " union all ".join(
            f"select {at}, count(*) from {table.sql}" for at, table in enumerate(some)
        )
        held = " union all ".join(bytes_sql(at, table) for at, table in enumerate(some))
        sizes = dict(connection.execute(held).fetchall())
        for at, rows in connection.execute(counted).fetchall():
            found[some[at].sql] = (int(rows), int(sizes.get(at) or 0))
    return found


def _is_lake(connection: duckdb.DuckDBPyConnection) -> bool:
    row = connection.execute(
        "select type from duckdb_databases() where database_name = current_database()"
    ).fetchone()
    return row is not None and row[0] == "ducklake"


def _of_file(at: int, table: Relation) -> str:
    return (
        f"select {at}, count(distinct block_id) * (select max(block_size) from "
        f"pragma_database_size()) from pragma_storage_info({sql_string(table.sql)}) "
        "where persistent and block_id >= 0"
    )


def _of_lake(at: int, table: Relation) -> str:
    place = ", ".join(sql_string(part) for part in (table.database, table.name))
    return (
        f"select {at}, sum(data_file_size_bytes + coalesce(delete_file_size_bytes, 0)) "
        f"from ducklake_list_files({place}, schema => {sql_string(table.schema)})"
    )
