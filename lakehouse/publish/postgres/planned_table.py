"""What becomes of each table in a publication, decided before anything is loaded."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, LiteralString

import duckdb
from psycopg import sql

from lakehouse.errors import PublishRefused, ServingRefused
from lakehouse.publish.postgres.column_types import PublishedColumn, published_column
from lakehouse.publish.postgres.declared_keys import noted_keys
from lakehouse.publish.postgres.dependents import Dependent, dependents_of
from lakehouse.publish.postgres.published_state import TableState
from lakehouse.publish.postgres.server import Session
from lakehouse.publish.serving_copy import PublishedTable, Signature, schema_name

# new: made; swap: another table takes its name; refill: emptied and filled while readers wait,
# because views of another user are bound to it; keep: its content is there already.
Step = Literal["new", "swap", "refill", "keep"]
# Counts up where a type comes to be carried in another way, so that every table is loaded anew.
_WAY_OF_CARRYING = 2
_LONGEST_NAME_BYTES = 63
_COLUMNS: LiteralString = """
    select attname, format_type(atttypid, atttypmod) from pg_catalog.pg_attribute
    where attrelid = %s and attnum > 0 and not attisdropped order by attnum"""


@dataclass(frozen=True)
class PlannedTable:
    """A table on its way into PostgreSQL.

    Attributes:
        table: as the project declares it.
        schema: its schema in PostgreSQL.
        columns: as they are published.
        content_hash: of columns and rows.
        rows: as the serving copy has them.
        step: what becomes of it.
        old: oid of the table that is there; None if there is none.
        keys: that the project declares, as `declared_keys.noted_keys` gives them.
        before: what is noted of the table that is there.
        loaded_by: the transaction that wrote the rows that were loaded beside it.
        dressed: keys and indexes of the old table when the new one got them.
    """

    table: PublishedTable
    schema: str
    columns: tuple[PublishedColumn, ...]
    content_hash: str
    rows: int
    step: Step
    old: int | None
    keys: Mapping[str, str] = field(default_factory=dict)
    before: TableState | None = None
    loaded_by: str | None = None
    dressed: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`schema.table` in PostgreSQL, for messages."""
        return f"{self.schema}.{self.table.name}"

    @property
    def key(self) -> tuple[str, str]:
        """Schema and name in PostgreSQL."""
        return self.schema, self.table.name

    @property
    def relation(self) -> sql.Identifier:
        """Its final name, quoted."""
        return sql.Identifier(self.schema, self.table.name)

    def definition(self, relation: sql.Composable) -> sql.Composable:
        """The statement that makes it under another name."""
        columns: list[sql.Composable] = [
            sql.SQL("{} {}").format(sql.Identifier(one.name), sql.SQL(one.postgres_type))
            for one in self.columns
        ]
        return sql.SQL("create table {} ({})").format(relation, sql.SQL(", ").join(columns))

    def descriptions(self) -> dict[str, str]:
        """Comments that the project declares, as `kept_objects.comments` gives them."""
        spelled = {one.name.lower(): one.name for one in self.columns}
        found = {
            spelled[name.lower()]: text
            for name, text in self.table.columns.items()
            if name.lower() in spelled
        }
        return {**({"": self.table.description} if self.table.description else {}), **found}


def plan(
    session: Session,
    source: duckdb.DuckDBPyConnection,
    domain: str,
    states: Mapping[tuple[str, str], TableState],
    table: PublishedTable,
    signature: Signature,
) -> PlannedTable:
    """Compare a table with what PostgreSQL has of it.

    Args:
        session: on the serving database.
        source: DuckDB session that has the table.
        domain: whose table it is.
        states: what the domain has published there.
        table: what to publish.
        signature: content of it.

    Raises:
        PublishRefused: a type that PostgreSQL has not, or a name that is too long for it.
        ServingRefused: something that was not published has its name.
    """
    schema = schema_name(domain, table.schema)
    described = source.execute(f"select * from {table.relation} limit 0").description or []
    columns = tuple(published_column(f"{schema}.{table.name}", one[0], one[1]) for one in described)
    _refuse_long_names(schema, table.name, columns)
    old, is_hidden = _existing_table(session, schema, table.name, states)
    digest = _content_hash(columns, signature)
    state = states.get((schema, table.name))
    keys = noted_keys(table, columns, state.keys if state else {})
    step: Step = "new" if old is None else "swap"
    is_same = state and (state.oid, state.content_hash, state.keys) == (old, digest, keys)
    # Whether rows that are hidden from their owner are still the same cannot be seen.
    if is_same and not is_hidden:
        step = "keep"
    return PlannedTable(table, schema, columns, digest, signature.rows, step, old, keys, state)


def ways_of_replacing(session: Session, tables: Sequence[PlannedTable]) -> list[PlannedTable]:
    """Let tables that views of others are bound to keep their identity, and be filled in place.

    Raises:
        PublishRefused: the columns of such a table changed.
    """
    swapped = [one.old for one in tables if one.step == "swap" and one.old is not None]
    foreign = [one for one in dependents_of(session, swapped) if not one.is_ours]
    found = []
    for table in tables:
        needed_by = [one for one in foreign if table.old in one.origins]
        if table.step != "swap" or table.old is None or not needed_by:
            found.append(table)
        elif _fits(session, table.old, table.columns):
            found.append(replace(table, step="refill"))
        else:
            raise _columns_changed(table, needed_by)
    return found


def _content_hash(columns: Sequence[PublishedColumn], signature: Signature) -> str:
    told = [
        *(_WAY_OF_CARRYING, duckdb.__version__, signature.rows, str(signature.digest)),
        *((one.name, one.duckdb_type, one.postgres_type) for one in columns),
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _refuse_long_names(schema: str, table: str, columns: Sequence[PublishedColumn]) -> None:
    # PostgreSQL would cut a longer name without a word.
    for name in (schema, table, *(column.name for column in columns)):
        if len(name.encode()) > _LONGEST_NAME_BYTES:
            raise PublishRefused(
                f"{schema}.{table}: PostgreSQL's names have at most {_LONGEST_NAME_BYTES} bytes, "
                f"and {name} has {len(name.encode())}. Shorten it, or give the model an alias."
            )


def _existing_table(
    session: Session, schema: str, table: str, states: Mapping[tuple[str, str], TableState]
) -> tuple[int | None, bool]:
    """Its oid, and whether its rows are hidden from its owner as well."""
    row = session.execute(
        "select c.oid, c.relkind::text, c.relrowsecurity and c.relforcerowsecurity "
        "from pg_catalog.pg_class c "
        "join pg_catalog.pg_namespace n on n.oid = c.relnamespace "
        "where n.nspname = %s and c.relname = %s",
        [schema, table],
    ).fetchone()
    if row is None:
        return None, False
    if row[1] != "r" or (schema, table) not in states:
        raise ServingRefused(
            f"PostgreSQL: {schema}.{table} is there and was not published by this domain, so it is "
            "not replaced. Nothing was published. Rename or drop it."
        )
    return int(row[0]), bool(row[2])


def _fits(session: Session, oid: int, columns: Sequence[PublishedColumn]) -> bool:
    """Whether a table has exactly these columns, in this order and of these types."""
    there = [(name, kind) for name, kind in session.execute(_COLUMNS, [oid])]
    return there == [(one.name, one.postgres_type) for one in columns]


def _columns_changed(table: PlannedTable, needed_by: Sequence[Dependent]) -> PublishRefused:
    names = ", ".join(one.name for one in needed_by)
    return PublishRefused(
        f"PostgreSQL: {table.name} has other columns than before, and {names}, which belongs to "
        "another user, is bound to it. Nothing was published. Make the publishing user a member "
        "of that role, or have it dropped."
    )
