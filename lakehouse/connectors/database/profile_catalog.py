"""What a server's catalog says of a table besides its columns: indexes and character sets."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, inspect, text

from lakehouse.connectors.database.dialect import Relation
from lakehouse.sql_quoting import sql_string

CatalogHazard = tuple[str | None, str, str]


@dataclass(frozen=True)
class CatalogFacts:
    """What the catalog says.

    Attributes:
        indexed: columns with which an index begins.
        hazards: column, what and advice.
    """

    indexed: frozenset[str]
    hazards: tuple[CatalogHazard, ...] = ()


def catalog_facts(dialect: str, connection: Connection, relation: Relation) -> CatalogFacts:
    """Ask the catalog; a server that says nothing of indexes shows only the primary key."""
    key = frozenset(relation.primary_key[:1])
    if dialect == "mysql":
        schema, table = _parts(relation.quoted, "`")
        named = {"schema": schema, "table": table}
        return CatalogFacts(
            key | _first_column(connection.execute(_MYSQL_INDEXES, named)),
            tuple(_charsets(connection.execute(_MYSQL_CHARSETS, named).all())),
        )
    if dialect == "postgresql":
        found = connection.execute(_POSTGRESQL_INDEXES, {"relation": relation.quoted})
        return CatalogFacts(key | _first_column(found))
    if dialect == "sqlite":
        table = relation.quoted[1:-1].replace('""', '"')
        query = (
            f"select i.name from pragma_index_list({sql_string(table)}) as l, "
            "pragma_index_info(l.name) as i where i.seqno = 0"
        )
        options = {"no_parameters": True}
        found = connection.exec_driver_sql(query, execution_options=options)
        return CatalogFacts(key | _first_column(found))
    try:
        indexes = inspect(connection).get_indexes(relation.name)
    except NotImplementedError:
        indexes = []
    firsts = {index["column_names"][0] for index in indexes if index["column_names"]}
    return CatalogFacts(key | {name for name in firsts if name})


def _first_column(rows: Any) -> frozenset[str]:
    return frozenset(str(row[0]) for row in rows if row[0] is not None)


def _parts(quoted: str, mark: str) -> tuple[str, str]:
    """Schema and table of two quoted names with a point between them."""
    schema, table = quoted[1:-1].split(f"{mark}.{mark}", 1)
    return schema.replace(mark * 2, mark), table.replace(mark * 2, mark)


def _charsets(rows: Any) -> Iterator[CatalogHazard]:
    """Hazards of columns of text: name, character set and collation."""
    named = [(str(row[0]), str(row[1]), str(row[2])) for row in rows]
    charsets = sorted({charset for _, charset, _ in named})
    collations = sorted({collation for _, _, collation in named})
    if len(charsets) > 1:
        yield None, f"mixes character sets: {', '.join(charsets)}", "all are read as UTF-8"
    elif len(collations) > 1:
        shown = ", ".join(collations)
        yield None, f"mixes collations: {shown}", "'a' and 'A' may be one key there and two here"
    for name, charset, _ in named:
        if charset == "latin1":
            what = "is latin1"
            yield name, what, "check its accents: UTF-8 written through latin1 looks like Ã±"


_MYSQL_INDEXES = text(
    "select column_name from information_schema.statistics "
    "where table_schema = :schema and table_name = :table and seq_in_index = 1"
)
_MYSQL_CHARSETS = text(
    "select column_name, character_set_name, collation_name from information_schema.columns "
    "where table_schema = :schema and table_name = :table and character_set_name is not null "
    "and data_type not in ('json', 'enum', 'set') order by ordinal_position"
)
_POSTGRESQL_INDEXES = text(
    "select a.attname from pg_catalog.pg_index i "
    "join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0] "
    "where i.indrelid = cast(:relation as regclass) and i.indpred is null"
)
