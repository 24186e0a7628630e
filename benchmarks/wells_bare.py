"""wells without us: plain DuckDB reads the files and runs the compiled SQL of the same models.

Run: python benchmarks/wells_bare.py read|build FILES WAREHOUSE MANIFEST
"""

import json
import re
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb

from lakehouse.lake.duckdb_session import open_warehouse
from lakehouse.settings import PROJECT_ROOT
from lakehouse.source_catalog import Table, load_catalog
from lakehouse.sql_quoting import sql_identifier, sql_string

DOMAIN = "wells"


def main(step: str, folder: str, warehouse: str, manifest: str) -> None:
    """Read the files into raw tables, or build every model on them."""
    with open_warehouse(Path(warehouse)) as connection:
        if step == "read":
            read_files(connection, Path(folder))
        else:
            build_models(connection, json.loads(Path(manifest).read_text("utf-8")))


def read_files(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Read each table's files into one table, by the names of their columns."""
    connection.execute("create schema raw")
    connection.execute("create schema etl")
    connection.execute(
        "create table etl.current_batches "
        "(source_name varchar, table_name varchar, batch_id varchar, sequence bigint)"
    )
    for table in load_catalog(PROJECT_ROOT / "dbt", DOMAIN).tables:
        _read(connection, table, folder)


def _read(connection: duckdb.DuckDBPyConnection, table: Table, folder: Path) -> None:
    pattern = re.compile(table.meta.regex or "")
    names = {path.name: pattern.fullmatch(path.name) for path in folder.iterdir()}
    files = ", ".join(sql_string(str(folder / name)) for name, fits in names.items() if fits)
    # The name without its folder is the batch, the file, and tells the well.
    name = "parse_filename(filename)"
    read = sql_identifier(f"{table.name}_read")
    connection.execute(
        f"create table raw.{read} as "
        f"select * exclude (filename), regexp_extract({name}, '[0-9]+') as pozo, "
        f"{name} as _batch_id, now() as _extracted_at, {name} as _source_file "
        f"from read_csv([{files}], header = true, all_varchar = true, union_by_name = true, "
        "filename = true, delim = ',', quote = '\"', escape = '\"')"
    )
    # Rows keep the order of the files and of their lines, so that their place numbers the lines.
    connection.execute(
        f"create view raw.{sql_identifier(table.name)} as "
        f"select *, rowid + 2 as _source_line from raw.{read}"
    )
    connection.execute(
        "insert into etl.current_batches select distinct ?, ?, _batch_id, 1 "
        f"from raw.{sql_identifier(table.name)}",
        [table.source, table.name],
    )


def build_models(connection: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any]) -> None:
    """Make every model of the domain, in the order of what it reads."""
    for node in _in_order(manifest["nodes"]):
        schema, kind = sql_identifier(node["schema"]), node["config"]["materialized"]
        connection.execute(f"create schema if not exists {schema}")
        began = time.perf_counter()
        connection.execute(
            f"create {kind} {schema}.{sql_identifier(node['alias'])} as {node['compiled_code']}"
        )
        print(node["alias"], f"{time.perf_counter() - began:.3f}")


def _in_order(nodes: Mapping[str, Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    left = {
        name: node
        for name, node in nodes.items()
        if node["resource_type"] == "model" and node["fqn"][1] == DOMAIN
    }
    while left:
        ready = [n for n in left if not set(left[n]["depends_on"]["nodes"]) & set(left)]
        for name in ready:
            yield left.pop(name)


if __name__ == "__main__":
    main(*sys.argv[1:])
