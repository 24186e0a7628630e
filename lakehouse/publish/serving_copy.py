"""The serving copy: the published tables of a domain in one DuckDB file that only changes whole.

It is written beside its final place, compared with the warehouse, and renamed. Readers that have
the old file open go on reading it; who connects after the rename reads the new one.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from lakehouse.errors import PublishRefused, PublishUnverified
from lakehouse.lake.duckdb_session import quoted, text_literal


@dataclass(frozen=True)
class PublishedTable:
    """A table that readers get.

    Attributes:
        schema: schema in the warehouse and in the copy.
        name: table name in both.
        description: comment on the table.
        columns: description of each column that has one.
    """

    schema: str
    name: str
    description: str
    columns: Mapping[str, str]

    @property
    def relation(self) -> str:
        """Quoted name inside a catalog."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"


def published_tables(manifest: Mapping[str, Any], domain: str | None) -> list[PublishedTable]:
    """Find what a manifest marks with `meta.publish: true`.

    Args:
        manifest: dbt's manifest.
        domain: only models below `models/<domain>/`; None takes all.
    """
    found = []
    for node in manifest.get("nodes", {}).values():
        config = node.get("config") or {}
        meta = {**(node.get("meta") or {}), **(config.get("meta") or {})}
        if (
            node.get("resource_type") not in ("model", "seed", "snapshot")
            or config.get("materialized") == "ephemeral"
            or meta.get("publish") is not True
            or (domain and domain not in (node.get("fqn") or [])[1:2])
        ):
            continue
        columns = node.get("columns") or {}
        found.append(
            PublishedTable(
                schema=node["schema"],
                name=node.get("alias") or node["name"],
                description=(node.get("description") or "").strip(),
                columns={
                    name: text
                    for name, column in columns.items()
                    if (text := (column.get("description") or "").strip())
                },
            )
        )
    return sorted(found, key=lambda table: (table.schema, table.name))


def write_serving_copy(
    warehouse: Path, serving: Path, tables: Sequence[PublishedTable], *, memory: str
) -> dict[str, int]:
    """Write, verify and put in place the serving copy.

    Args:
        warehouse: DuckDB file that nobody writes meanwhile.
        serving: final path; the catalog inside carries its stem.
        tables: what to publish.
        memory: DuckDB's memory limit, such as `256MB`.

    Returns:
        Rows of each published table, by `schema.table`.

    Raises:
        PublishRefused: the warehouse or one of the tables does not exist.
        PublishUnverified: the copy differs from the warehouse; nothing was replaced.
    """
    if not warehouse.is_file():
        raise PublishRefused(f"There is no warehouse {warehouse}; run a build first.")
    with _workplace(serving) as fresh, duckdb.connect(str(fresh)) as connection:
        connection.execute(f"set memory_limit = {text_literal(memory)}")
        connection.execute(f"attach {text_literal(str(warehouse))} as source (read_only)")
        rows = {f"{t.schema}.{t.name}": _copy(connection, t) for t in tables}
        connection.execute("detach source")
        connection.execute("checkpoint")
        connection.close()
        _replace(fresh, serving)
    return rows


def _copy(connection: duckdb.DuckDBPyConnection, table: PublishedTable) -> int:
    connection.execute(f"create schema if not exists {quoted(table.schema)}")
    try:
        connection.execute(
            f"create table {table.relation} as select * from source.{table.relation}"
        )
    except duckdb.CatalogException:
        raise PublishRefused(
            f"{table.schema}.{table.name} is marked for publishing but is not in the warehouse; "
            "run a full build of the domain first."
        ) from None
    copied, original = (
        _signature(connection, table.relation),
        _signature(connection, f"source.{table.relation}"),
    )
    if copied != original:
        raise PublishUnverified(
            f"{table.schema}.{table.name}: {copied[0]} rows copied of {original[0]}, or with "
            "other values. Nothing was published; run again."
        )
    if table.description:
        connection.execute(
            f"comment on table {table.relation} is {text_literal(table.description)}"
        )
    known = {row[0] for row in connection.execute(f"describe {table.relation}").fetchall()}
    for column, text in table.columns.items():
        if column in known:
            connection.execute(
                f"comment on column {table.relation}.{quoted(column)} is {text_literal(text)}"
            )
    return copied[0]


def _signature(connection: duckdb.DuckDBPyConnection, relation: str) -> tuple[int, int]:
    # A sum of row hashes is the same in any order, and flat in memory.
    row = connection.execute(
        f"select count(*), coalesce(sum(hash(t)::hugeint), 0) from {relation} as t"
    ).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


@contextmanager
def _workplace(serving: Path) -> Iterator[Path]:
    # DuckDB names the catalog after the file, so the name is final and the folder is not.
    folder = serving.parent / f".{serving.stem}.next"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder / serving.name
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _replace(fresh: Path, serving: Path) -> None:
    for target in (fresh, fresh.parent):
        _sync(target)
    fresh.rename(serving)
    _sync(serving.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
