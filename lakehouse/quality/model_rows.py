"""How many rows the tables of a build hold: DuckDB does not tell dbt."""

from dataclasses import replace

import duckdb

from lakehouse.quality.build_results import BuildResults, NodeResult
from lakehouse.quality.warehouse_catalog import WarehouseCatalog


def with_row_counts(connection: duckdb.DuckDBPyConnection, results: BuildResults) -> BuildResults:
    """The results with `rows` of every model that was built as a table; views are not counted.

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

    def counted(node: NodeResult) -> NodeResult:
        relation = catalog.of_relation_name(node.relation_name or "")
        if node.is_test or node.status != "pass" or relation is None:
            return node
        if (relation.database, relation.schema, relation.name) not in tables:
            return node
        row = connection.execute(f"select count(*) from {relation.sql}").fetchone()
        return replace(node, rows=int(row[0]) if row else None)

    return replace(results, nodes=tuple(counted(node) for node in results.nodes))
