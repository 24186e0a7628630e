"""One publication of a domain, as a reader sees it: all of it, and nothing of another one."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Literal, Protocol

from sqlalchemy import Select, TableClause, column, table

Kind = Literal["number", "date", "moment", "boolean", "text", "other"]
Row = Sequence[Any]
Query = Select[*tuple[Any, ...]]

_KINDS: dict[Kind, tuple[str, ...]] = {
    "number": (
        *("decimal", "numeric", "integer", "bigint", "smallint", "tinyint", "hugeint"),
        *("uinteger", "ubigint", "usmallint", "utinyint", "uhugeint", "double", "real", "float"),
    ),
    "moment": ("timestamp",),
    "date": ("date",),
    "boolean": ("boolean",),
    "text": ("varchar", "text", "character", "uuid"),
}


@dataclass(frozen=True)
class PublishedColumn:
    """A column: its name, its type in the words of the database, and what it means."""

    name: str
    type: str
    description: str = ""

    @property
    def kind(self) -> Kind:
        """What the type means for showing a value."""
        type_name = self.type.lower()
        if type_name.endswith("[]"):
            return "other"
        return next(
            (kind for kind, names in _KINDS.items() if type_name.startswith(names)), "other"
        )

    @property
    def is_text(self) -> bool:
        """Whether it holds texts, which may be of any length."""
        return self.type.lower().startswith(("varchar", "text")) and not self.type.endswith("[]")


@dataclass(frozen=True)
class ReadableTable:
    """A published table.

    Attributes:
        layer: dbt's schema, such as `marts`.
        schema: schema in the database that is read.
        name: of the table.
        description: what a row is, from dbt.
        columns: in their order.
    """

    layer: str
    schema: str
    name: str
    description: str
    columns: tuple[PublishedColumn, ...]

    @property
    def full_name(self) -> str:
        """Layer and name."""
        return f"{self.layer}.{self.name}"

    @cached_property
    def clause(self) -> TableClause:
        """The table for SQLAlchemy, which quotes its names."""
        return table(self.name, *(column(one.name) for one in self.columns), schema=self.schema)

    def column(self, name: str) -> PublishedColumn | None:
        """A column by its name."""
        return next((one for one in self.columns if one.name == name), None)


class Publication(Protocol):
    """What a domain has published, held still for as long as it is open.

    Attributes:
        domain: its name.
        published_at: when it was published; None where the database does not say.
        tables: every table that may be read, by layer and name.
    """

    domain: str
    published_at: datetime | None
    tables: Mapping[str, ReadableTable]

    def rows(self, query: Query) -> list[Row]:
        """All rows of a query that answers with few.

        Raises:
            PublicationUnreadable: it could not be answered.
        """

    def batches(self, query: Query) -> Iterator[Sequence[Row]]:
        """The rows of a query that may answer with many.

        Raises:
            PublicationUnreadable: it could not be answered.
        """


class PublishedData(Protocol):
    """Where publications are read from."""

    def domains(self) -> list[str]:
        """Names of the domains that have published something, in order.

        Raises:
            PublicationUnreadable: that cannot be found out.
        """

    def open(self, domain: str) -> AbstractContextManager[Publication]:
        """Hold a domain's newest publication still.

        Raises:
            NotPublished: there is none.
            PublicationUnreadable: it cannot be read, here or at any later use.
        """

    def close(self) -> None:
        """Give back what is kept open between uses."""


def tables_of(shapes: Sequence[Sequence[Any]]) -> dict[str, ReadableTable]:
    """Tables by layer and name.

    Args:
        shapes: a row for each column, in order: layer, schema, table, description of the table,
            column, type, description of the column.
    """
    columns: dict[tuple[str, str, str, str], list[PublishedColumn]] = {}
    for layer, schema, name, said, column_name, type_name, meaning in shapes:
        key = (layer, schema, name, said or "")
        columns.setdefault(key, []).append(
            PublishedColumn(column_name, type_name, (meaning or "").strip())
        )
    found = [ReadableTable(*key, tuple(own)) for key, own in columns.items()]
    return {one.full_name: one for one in sorted(found, key=lambda one: (one.layer, one.name))}
