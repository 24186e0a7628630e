"""The SELECTs that read one table: its columns, new rows only, cut into ranges."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pyarrow as pa
from sqlalchemy import Connection, Engine

from lakehouse.connector_options import DatabaseOptions
from lakehouse.connectors.database.dialect import Dialect, Relation, ServerColumn
from lakehouse.connectors.database.engine import run_row, sql_name
from lakehouse.errors import CatalogInvalid, DatabaseUnavailable, SchemaChanged
from lakehouse.source_catalog import METADATA_COLUMNS, Table

# A row is stamped when its transaction writes it, and seen when that is committed.
USUAL_OVERLAP_SECONDS = 300
_MOMENTS = ("date", "timestamp", "timestamptz")


@dataclass(frozen=True)
class TableQuery:
    """How a table is read.

    Attributes:
        header: names of the relation's columns as the contract writes them.
        new_columns: those that the contract does not declare.
        condition: SQL that holds for the rows that are read; empty for all.
        selects: a query for each range, together all of these rows.
        cursor: place of the cursor column; None if all rows are read each time.
        cursor_name: the same column, quoted.
        notes: what somebody should know of how the table is read.
    """

    table: Table
    relation: Relation
    header: tuple[str, ...]
    new_columns: tuple[str, ...]
    condition: str
    selects: tuple[str, ...]
    cursor: int | None = None
    cursor_name: str = ""
    notes: tuple[str, ...] = ()

    def assert_complete(self, connection: Connection, rows: int) -> list[str]:
        """Hold what was read against what the same snapshot counts.

        Returns:
            Notes about rows that no incremental load will read again.

        Raises:
            DatabaseUnavailable: another number of rows was read.
        """
        there = run_row(connection, f"select count(*) from {self._source(self.condition)}")[0]
        if there != rows:
            raise DatabaseUnavailable(
                f"{rows} rows were read, but the server counts {there} in the same snapshot. "
                "Tables of an engine without transactions change while they are read."
            )
        if self.cursor is None:
            return []
        lost = f"select count(*) from {self._source(f'{self.cursor_name} is null')}"
        count = run_row(connection, lost)[0]
        name = self.header[self.cursor]
        return [f"{count} rows have no {name}, so that no later load reads them"] if count else []

    def _source(self, condition: str) -> str:
        return self.relation.quoted + (f" where {condition}" if condition else "")


def plan_query(
    engine: Engine,
    dialect: Dialect,
    connection: Connection,
    table: Table,
    last_cursor: str | None,
    ranges: int,
) -> TableQuery:
    """Look at a table on its server and say how it is read.

    Args:
        engine: of the database, which knows how names are quoted.
        dialect: of its server.
        connection: of the snapshot.
        table: with its contract.
        last_cursor: greatest value loaded before; None reads all rows.
        ranges: at most so many queries, one for each connection.

    Raises:
        RelationMissing: see `Dialect.describe`.
        SchemaChanged: a declared column is missing, or a name cannot be a column of the lake.
        CatalogInvalid: cursor or range_column cannot serve as one.
    """
    options = table.meta.database or DatabaseOptions()
    relation = dialect.describe(connection, options.relation or table.name)
    header, new_columns = _names(table, relation)
    cursor, cursor_name, condition = None, "", ""
    if table.meta.load == "incremental" and table.meta.cursor:
        cursor = header.index(table.meta.cursor)
        column = relation.columns[cursor]
        cursor_name = sql_name(engine, column.name)
        if last_cursor is not None:
            last = dialect.literal(column, last_cursor)
            overlap = _overlap(column, options)
            condition = f"{cursor_name} >= {dialect.before(column, last, overlap)}"
    conditions, notes = [condition], []
    if options.connections > 1:
        if ranges < options.connections:
            notes.append(_fewer(ranges, options.connections))
        by = _range_column(relation, header, options)
        if ranges > 1 and by is not None:
            conditions = _ranges(engine, dialect, connection, relation, by, condition, ranges)
    ordered = ", ".join(sql_name(engine, name) for name in relation.primary_key)
    selected = ", ".join(column.expression for column in relation.columns)
    selects = [
        f"select {selected} from {relation.quoted}"
        + (f" where {part}" if part else "")
        + (f" order by {ordered}" if ordered else "")
        for part in conditions
    ]
    return TableQuery(
        table,
        relation,
        header,
        new_columns,
        condition,
        tuple(selects),
        cursor,
        cursor_name,
        tuple(notes),
    )


def _overlap(column: ServerColumn, options: DatabaseOptions) -> float:
    if options.overlap is not None:
        return options.overlap
    return USUAL_OVERLAP_SECONDS if column.data_type in _MOMENTS else 0


def _names(table: Table, relation: Relation) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Header in the contract's letters, and the columns it does not declare."""
    declared = {column.name.lower(): column.name for column in table.columns}
    there = [column.name for column in relation.columns]
    folded = [name.lower() for name in there]
    if missing := [name for key, name in declared.items() if key not in folded]:
        raise SchemaChanged(
            f"{table.full_name}: {relation.name} has no column {', '.join(missing)}. It has: "
            f"{', '.join(there)}. Correct the declaration, or the table."
        )
    doubled = {name for name in folded if folded.count(name) > 1}
    if strange := [n for n in there if n.lower() in doubled or n.lower() in METADATA_COLUMNS]:
        raise SchemaChanged(
            f"{table.full_name}: {relation.name} has columns whose names the lake cannot tell from "
            f"others: {', '.join(strange)}. Make a view with other names; name it as relation."
        )
    header = tuple(declared.get(name.lower(), name) for name in there)
    return header, tuple(name for name in header if name.lower() not in declared)


def _fewer(connections: int, wanted: int) -> str:
    return (
        f"read over {connections} of {wanted} connections: this user may not let them share one "
        "snapshot. MySQL wants the right RELOAD, or LOCK TABLES on every table, for that"
    )


def _range_column(
    relation: Relation, header: Sequence[str], options: DatabaseOptions
) -> ServerColumn | None:
    """Column whose ranges are read apart; None if nobody named one and the key cannot serve."""
    columns = dict(zip(header, relation.columns, strict=True))
    by_server = {column.name: column for column in relation.columns}
    name = options.range_column
    if name is None:
        key = relation.primary_key
        only = by_server.get(key[0]) if len(key) == 1 else None
        return only if only and pa.types.is_integer(only.arrow_type) else None
    column = columns.get(name) or by_server.get(name)
    if column is None or not pa.types.is_integer(column.arrow_type):
        raise CatalogInvalid(
            f"field config.meta.range_column: {name} is no integer column of {relation.name}."
        )
    return column


def _ranges(
    engine: Engine,
    dialect: Dialect,
    connection: Connection,
    relation: Relation,
    column: ServerColumn,
    condition: str,
    ranges: int,
) -> list[str]:
    """Conditions that cut the rows by equal steps of a column; the first one takes the NULLs."""
    name = sql_name(engine, column.name)
    where = f" where {condition}" if condition else ""
    row = run_row(connection, f"select min({name}), max({name}) from {relation.quoted}{where}")
    if row[0] is None or row[1] is None:
        return [condition]
    least, greatest = int(row[0]), int(row[1])
    steps = min(ranges, greatest - least + 1)
    bounds = [least + (greatest - least + 1) * step // steps for step in range(1, steps)]
    literals = [dialect.literal(column, str(bound)) for bound in bounds]
    if not literals:
        return [condition]
    parts = [f"({name} < {literals[0]} or {name} is null)"]
    parts += [f"{name} >= {low} and {name} < {high}" for low, high in pairwise(literals)]
    parts.append(f"{name} >= {literals[-1]}")
    return [f"{condition} and {part}" if condition else part for part in parts]
