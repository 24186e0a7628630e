"""The serving copy: the published tables of a domain in one DuckDB file that only changes whole.

It is written beside its final place, compared with the warehouse, and renamed. Readers that have
the old file open go on reading it; who connects after the rename reads the new one.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from lakehouse.errors import PublishRefused, PublishUnverified
from lakehouse.lake.duckdb_session import open_warehouse, resources_suffice
from lakehouse.lake.durable_files import publish_file, sync
from lakehouse.lake.s3_session import let_read_raw
from lakehouse.lake.warehouse import Warehouse, attach_to_read, warehouse_exists
from lakehouse.sql_quoting import sql_identifier, sql_string

_FRESH = '"copy being written"'
_ROW = '"row of this relation"'


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
        return f"{sql_identifier(self.schema)}.{sql_identifier(self.name)}"

    def column(self, name: str) -> str:
        """Quoted name of a column inside a catalog."""
        return f"{self.relation}.{sql_identifier(name)}"


@dataclass(frozen=True)
class Signature:
    """Content of a table in any order of its rows.

    Attributes:
        rows: how many.
        digest: sum of the hashes of the rows.
    """

    rows: int
    digest: int


@dataclass(frozen=True)
class PreparedCopy:
    """A serving copy that is complete, verified and on the disk, but not where readers look.

    Attributes:
        file: where it lies now.
        serving: where readers look.
        tables: what it holds, with the content of each.
    """

    file: Path
    serving: Path
    tables: tuple[tuple[PublishedTable, Signature], ...]

    @property
    def rows(self) -> dict[str, int]:
        """Rows of each table, by `schema.table`."""
        return {f"{table.schema}.{table.name}": found.rows for table, found in self.tables}

    def put_in_place(self) -> None:
        """Rename it to where readers look."""
        # What a writing reader of the old file may have left would be taken for this one's.
        self.serving.with_name(f"{self.serving.name}.wal").unlink(missing_ok=True)
        publish_file(self.file, self.serving)


def published_tables(manifest: Mapping[str, Any], domain: str | None) -> list[PublishedTable]:
    """Find what a manifest marks with `meta.publish: true`.

    Args:
        manifest: dbt's manifest.
        domain: only what is declared below `<domain>/`; None takes all.
    """
    found = []
    for part in ("nodes", "sources"):
        for node in manifest.get(part, {}).values():
            if not _is_published(node) or (domain and domain not in (node.get("fqn") or [])[1:2]):
                continue
            columns = node.get("columns") or {}
            found.append(
                PublishedTable(
                    schema=node["schema"],
                    name=node.get("identifier") or node.get("alias") or node["name"],
                    description=(node.get("description") or "").strip(),
                    columns={
                        name: text
                        for name, column in columns.items()
                        if (text := (column.get("description") or "").strip())
                    },
                )
            )
    return sorted(found, key=lambda table: (table.schema, table.name))


def schema_name(domain: str, layer: str) -> str:
    """Schema of a layer where several domains share a database."""
    return f"{domain}_{layer}"


def published_ids(manifest: Mapping[str, Any], domain: str | None) -> list[str]:
    """Ids of the nodes and sources that `published_tables` finds."""
    return sorted(
        unique_id
        for part in ("nodes", "sources")
        for unique_id, node in manifest.get(part, {}).items()
        if _is_published(node) and (not domain or domain in (node.get("fqn") or [])[1:2])
    )


def _is_published(node: Mapping[str, Any]) -> bool:
    config = node.get("config") or {}
    metas = (node.get("source_meta"), node.get("meta"), config.get("meta"))
    meta = {key: value for some in metas for key, value in (some or {}).items()}
    return (
        node.get("resource_type") in ("model", "seed", "snapshot", "source")
        and config.get("materialized") != "ephemeral"
        and config.get("enabled", True)
        and meta.get("publish") is True
    )


def write_serving_copy(
    warehouse: Warehouse, serving: Path, tables: Sequence[PublishedTable], *, memory: str
) -> dict[str, int]:
    """Write, verify and put in place the serving copy; arguments and errors of `prepared_copy`.

    Returns:
        Rows of each published table, by `schema.table`.
    """
    with prepared_copy(warehouse, serving, tables, memory=memory) as copy:
        copy.put_in_place()
        return copy.rows


@contextmanager
def prepared_copy(
    warehouse: Warehouse, serving: Path, tables: Sequence[PublishedTable], *, memory: str
) -> Iterator[PreparedCopy]:
    """Write and verify a serving copy; it is gone afterwards unless it was put in place.

    Args:
        warehouse: that nobody writes meanwhile, or a snapshot of a lake.
        serving: final path; the catalog inside carries its stem.
        tables: what to publish.
        memory: DuckDB's memory limit, such as `256MB`.

    Raises:
        PublishRefused: the warehouse or one of the tables does not exist.
        PublishUnverified: the copy differs from the warehouse; nothing was replaced.
        WarehouseUnusable: another process has the warehouse open.
        ResourcesExhausted: disk or memory did not suffice; nothing was replaced.
    """
    if not warehouse_exists(warehouse):
        raise PublishRefused(f"There is no warehouse {warehouse}; run a build first.")
    # An early look says clearly that somebody else has the file.
    with open_warehouse(warehouse, read_only=True):
        pass
    with _workplace(serving) as fresh:
        with resources_suffice(f"serving copy {serving}"), duckdb.connect() as connection:
            connection.execute(f"set memory_limit = {sql_string(memory)}")
            connection.execute(f"set temp_directory = {sql_string(str(fresh.parent / 'spill'))}")
            let_read_raw(connection)
            source = attach_to_read(connection, warehouse)
            connection.execute(f"attach {sql_string(str(fresh))} as {_FRESH}")
            copied = tuple((table, _copy(connection, source, table)) for table in tables)
            connection.execute(f"checkpoint {_FRESH}")
            connection.execute(f"detach {_FRESH}")
            sync(fresh)
        yield PreparedCopy(fresh, serving, copied)


@contextmanager
def kept_again(kept: Path, serving: Path) -> Iterator[PreparedCopy]:
    """Prepare the copy of an earlier publication; it stays kept, whether it is put in place or not.

    Args:
        kept: file of the earlier copy.
        serving: final path.

    Raises:
        PublishRefused: the file cannot be read.
    """
    with _workplace(serving) as fresh:
        fresh.hardlink_to(kept)
        try:
            with duckdb.connect(str(fresh), read_only=True) as connection:
                tables = tuple(
                    (table, _signature(connection, table.relation))
                    for table in _tables_in(connection)
                )
        except duckdb.Error as error:
            raise PublishRefused(
                f"{kept} cannot be read: {str(error).partition(chr(10))[0]}."
            ) from None
        yield PreparedCopy(fresh, serving, tables)


def _tables_in(connection: duckdb.DuckDBPyConnection) -> list[PublishedTable]:
    rows = connection.execute(
        "select schema_name, table_name, coalesce(comment, '') from duckdb_tables() order by all"
    ).fetchall()
    texts = connection.execute(
        "select schema_name, table_name, column_name, comment from duckdb_columns() "
        "where comment is not null and not internal"
    ).fetchall()
    return [
        PublishedTable(
            schema, name, comment, {row[2]: row[3] for row in texts if row[:2] == (schema, name)}
        )
        for schema, name, comment in rows
    ]


def _copy(connection: duckdb.DuckDBPyConnection, source: str, table: PublishedTable) -> Signature:
    original, copy = f"{source}.{table.relation}", f"{_FRESH}.{table.relation}"
    connection.execute(f"create schema if not exists {_FRESH}.{sql_identifier(table.schema)}")
    try:
        connection.execute(f"create table {copy} as select * from {original}")
    except duckdb.CatalogException as error:
        raise PublishRefused(
            f"{table.schema}.{table.name} is marked for publishing but is not in the warehouse, "
            "or reads something that is not; run a full build of the domain first. "
            f"{str(error).partition(chr(10))[0]}"
        ) from None
    copied, wanted = _signature(connection, copy), _signature(connection, original)
    if copied != wanted:
        raise PublishUnverified(
            f"{table.schema}.{table.name}: {copied.rows} rows copied of {wanted.rows}, or with "
            "other values. Nothing was published; run again."
        )
    # One commit for all: each would wait for the disk.
    connection.execute("begin")
    if table.description:
        connection.execute(f"comment on table {copy} is {sql_string(table.description)}")
    known = {row[0].lower() for row in connection.execute(f"describe {copy}").fetchall()}
    for column, text in table.columns.items():
        if column.lower() in known:
            connection.execute(
                f"comment on column {copy}.{sql_identifier(column)} is {sql_string(text)}"
            )
    connection.execute("commit")
    return copied


def _signature(connection: duckdb.DuckDBPyConnection, relation: str) -> Signature:
    # A sum of row hashes is the same in any order, and flat in memory.
    row = connection.execute(
        f"select count(*), coalesce(sum(hash({_ROW})::hugeint), 0) from {relation} as {_ROW}"
    ).fetchone()
    return Signature(int(row[0]), int(row[1])) if row else Signature(0, 0)


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
