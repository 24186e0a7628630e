"""What the reader of databases needs to know of one kind of server.

Nothing here reads rows into files or knows of contracts: that is `read_tables`. `engine` picks the
dialect of a URL and makes the connections.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa
from sqlalchemy import Connection, Engine


@dataclass(frozen=True)
class ServerColumn:
    """A column of a table on its server, and how it is asked for.

    Attributes:
        name: as on the server.
        server_type: as its catalog says, such as `decimal(12,2) unsigned`.
        arrow_type: in which it is staged; `pa.string()` for dates, datetimes and timestamps, as
            the text that DuckDB itself writes.
        expression: SQL on the server for it, identifiers quoted.
        data_type: the contract's type for it, such as `decimal(12,2)`, `timestamptz`, `bigint`.
        nullable: whether it may be NULL.
    """

    name: str
    server_type: str
    arrow_type: pa.DataType
    expression: str
    data_type: str
    nullable: bool = True


@dataclass(frozen=True)
class Relation:
    """A table or view on its server.

    Attributes:
        name: `table` or `schema.table`, as asked for.
        quoted: the same, quoted for SQL.
        columns: all of them, in the server's order.
        primary_key: its columns in their order; empty where there is none.
        estimated_rows: by the server's statistics, where it keeps any.
    """

    name: str
    quoted: str
    columns: tuple[ServerColumn, ...]
    primary_key: tuple[str, ...]
    estimated_rows: int | None


class Dialect(Protocol):
    """One kind of database server."""

    name: str

    def relations(self, connection: Connection) -> list[str]:
        """Names of the tables and views that this user can see."""

    def describe(self, connection: Connection, relation: str) -> Relation:
        """Columns and key of a table.

        Raises:
            RelationMissing: naming what does exist.
            DatabaseRefused: a column has a type that cannot be read without loss.
        """

    def snapshot(
        self, engine: Engine, connections: int
    ) -> AbstractContextManager[list[Connection]]:
        """Open connections that all see one state of the database, and only read.

        Args:
            engine: of this database.
            connections: wanted; fewer come where the server, or this user, cannot share a state.
        """

    def batches(
        self, connection: Connection, query: str, columns: Sequence[ServerColumn]
    ) -> Iterator[pa.RecordBatch]:
        """Rows of a query as they come, in memory that does not grow with their number.

        Args:
            connection: of a snapshot; it reads nothing else until the rows end.
            query: SQL whose columns are the `expression`s of `columns`, in their order.
            columns: names and types of the batches.
        """

    def literal(self, column: ServerColumn, value: str) -> str:
        """A cursor's value or a range's bound, from text to SQL that compares with the column."""

    def before(self, column: ServerColumn, literal: str, overlap: float) -> str:
        """SQL of the value `overlap` before `literal`: seconds for dates and times, else units."""

    def faults(self) -> AbstractContextManager[None]:
        """Turn what the driver raises into `DatabaseRefused` or `DatabaseUnavailable`.

        Neither message nor cause nor traceback of these carries a secret.
        """
