"""All tables of a source out of one snapshot of its database, into scratch Parquet files."""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
from sqlalchemy import URL, Connection

from lakehouse.connectors.database.content_hash import joined_hash
from lakehouse.connectors.database.dialect import Dialect
from lakehouse.connectors.database.engine import dialect_of, make_engine
from lakehouse.connectors.database.staged_rows import StagedRows, cursor_text, stage_rows
from lakehouse.connectors.database.table_query import TableQuery, plan_query
from lakehouse.errors import DatabaseRefused, DatabaseUnavailable, RelationMissing, about
from lakehouse.formats.staged_file import StagedFile
from lakehouse.progress import Progress
from lakehouse.source_catalog import Table

_SAID = (DatabaseRefused, DatabaseUnavailable, RelationMissing)
OnProgress = Callable[[Progress], None]


@dataclass(frozen=True)
class StagedTable:
    """What was read of a table.

    Attributes:
        relation: its name on the server.
        parts: scratch files, of which the caller is in charge.
        sha256: of the rows, in the order of the primary key where there is one.
        bytes: of the parts.
        cursor_value: greatest value of the cursor column that was read, as text.
        seconds: that reading it took.
    """

    table: Table
    relation: str
    parts: tuple[StagedFile, ...]
    sha256: str
    rows: int
    bytes: int
    cursor_value: str | None
    seconds: float


def read_tables(
    url: URL,
    tables: Sequence[Table],
    cursors: Mapping[str, str | None],
    scratch: Path,
    *,
    on_progress: OnProgress = lambda _: None,
) -> list[StagedTable]:
    """Read tables of one database as they were at one moment.

    Args:
        url: of the database, with its secrets.
        tables: of one source.
        cursors: greatest value loaded before, by name of the table; only of incremental ones.
        scratch: existing folder for the parts.
        on_progress: told the rows read so far; the last time of a table `done` is `total`.

    Raises:
        RelationMissing, SchemaChanged, DatabaseRefused: the contract and the server disagree, or
            the server refuses.
        DatabaseUnavailable: the connection was lost, or fewer rows came than there are.
        OSError: the disk is full.
    """
    dialect, engine = dialect_of(url), make_engine(url)
    wanted = max(_connections(table) for table in tables)
    with ExitStack() as opened:
        with about(f"{tables[0].source}, block {tables[0].block}", *_SAID), dialect.faults():
            connections = opened.enter_context(dialect.snapshot(engine, wanted))
        queries = []
        for table in tables:
            with about(table.full_name, *_SAID), dialect.faults():
                cursor = cursors.get(table.name)
                parts = min(len(connections), _connections(table))
                queries.append(plan_query(engine, dialect, connections[0], table, cursor, parts))
        staged = []
        for query in queries:
            with about(query.table.full_name, *_SAID):
                staged.append(_read_table(dialect, connections, query, scratch, on_progress))
    return staged


def _connections(table: Table) -> int:
    return table.meta.database.connections if table.meta.database else 1


def _read_table(
    dialect: Dialect,
    connections: Sequence[Connection],
    query: TableQuery,
    scratch: Path,
    on_progress: OnProgress,
) -> StagedTable:
    clock = time.monotonic()
    table = query.table
    step = Progress(f"extract {table.full_name}", query.relation.name)
    on_progress(replace(step, total=query.relation.estimated_rows))
    counts = [0] * len(query.selects)

    def read(part: int) -> StagedRows:
        def tell_rows(rows: int) -> None:
            counts[part] = rows
            done, total = sum(counts), query.relation.estimated_rows
            on_progress(replace(step, done=done, total=total if total and total > done else None))

        # Closed at once, not when memory is tidied: the connection is in the middle of an answer.
        with closing(_rows(dialect, connections[part], query, part)) as batches:
            return stage_rows(
                batches,
                query.relation.columns,
                scratch / f"{table.name}-{part}.parquet",
                cursor=query.cursor,
                on_rows=tell_rows,
            )

    if len(query.selects) == 1:
        staged = [read(0)]
    else:
        with ThreadPoolExecutor(len(query.selects)) as threads:
            staged = list(threads.map(read, range(len(query.selects))))
    rows = sum(part.rows for part in staged)
    with dialect.faults():
        notes = [*query.notes, *query.assert_complete(connections[0], rows)]
    greatest = [part.greatest for part in staged if part.greatest is not None]
    seconds, size = time.monotonic() - clock, sum(part.bytes for part in staged)
    said = f"{rows} rows, {size / 1e6:.1f} MB in {seconds:.1f} s"
    on_progress(replace(step, text=said, done=rows, total=rows))
    return StagedTable(
        table,
        query.relation.name,
        tuple(
            StagedFile(
                part.path,
                query.header,
                part.rows,
                new_columns=query.new_columns,
                warnings=tuple(notes),
                is_canonical=True,
            )
            for part in staged
        ),
        staged[0].sha256 if len(staged) == 1 else joined_hash([part.sha256 for part in staged]),
        rows,
        size,
        cursor_text(max(greatest, default=None)),
        seconds,
    )


def _rows(
    dialect: Dialect, connection: Connection, query: TableQuery, part: int
) -> Generator[pa.RecordBatch, None, None]:
    """Rows of a part; only what reading them raises becomes a fault of the database."""
    with dialect.faults():
        yield from dialect.batches(connection, query.selects[part], query.relation.columns)
