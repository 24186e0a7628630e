"""Keys that the dbt project declares, on a table of PostgreSQL.

They carry the names that PostgreSQL would give them. Which of a table's keys are ours is noted with
the publication: one that is declared no more goes, and what people made stays.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from psycopg import sql

from lakehouse.errors import PublishRefused
from lakehouse.publish.postgres.column_types import PublishedColumn
from lakehouse.publish.serving_copy import PublishedTable

_LONGEST_NAME_BYTES = 63
_NOT_NULL = "not null "


def noted_keys(
    table: PublishedTable, columns: Sequence[PublishedColumn], before: Mapping[str, str]
) -> dict[str, str]:
    """Declared keys by name, as they are noted: such as `orders_pkey` and its definition.

    A NOT NULL has no name of its own and is noted as `not null <column>`.

    Args:
        table: as the project declares it.
        columns: as they are published.
        before: keys that were declared before; they stay where the project is not known, as in a
            roll back.

    Raises:
        PublishRefused: a key names a column that the table has not.
    """
    if table.keys is None:
        return dict(before)
    spelled = {one.name.lower(): one.name for one in columns}
    found = {}
    for key in table.keys:
        missing = [name for name in key.columns if name.lower() not in spelled]
        if missing:
            raise PublishRefused(
                f"{table.schema}.{table.name}: the project declares {key.kind} for "
                f"{', '.join(missing)}, which the table has not. Nothing was published. Correct "
                "the constraint of the model."
            )
        names = [spelled[name.lower()] for name in key.columns]
        if key.kind == "not null":
            found[f"{_NOT_NULL}{names[0]}"] = ""
            continue
        quoted = ", ".join(sql.Identifier(name).as_string() for name in names)
        suffix = ["pkey"] if key.kind == "primary key" else [*names, "key"]
        found[_short("_".join([table.name, *suffix]))] = f"{key.kind} ({quoted})"
    return found


def key_statements(keys: Mapping[str, str], relation: sql.Composable) -> Iterator[sql.Composable]:
    """Statements that make keys, as `noted_keys` gives them, on a table."""
    for name, definition in keys.items():
        if name.startswith(_NOT_NULL) and not definition:
            column = sql.Identifier(name.removeprefix(_NOT_NULL))
            yield sql.SQL("alter table {} alter column {} set not null").format(relation, column)
        else:
            yield sql.SQL("alter table {} add constraint {} {}").format(
                relation,
                sql.Identifier(name),
                sql.SQL(definition),
            )


def drop_statements(keys: Mapping[str, str], relation: sql.Composable) -> Iterator[sql.Composable]:
    """Statements that take keys away again."""
    for name, definition in keys.items():
        if name.startswith(_NOT_NULL) and not definition:
            column = sql.Identifier(name.removeprefix(_NOT_NULL))
            yield sql.SQL("alter table {} alter column {} drop not null").format(relation, column)
        else:
            yield sql.SQL("alter table {} drop constraint if exists {}").format(
                relation, sql.Identifier(name)
            )


def _short(name: str) -> str:
    if len(name.encode()) <= _LONGEST_NAME_BYTES:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name.encode()[:50].decode(errors='ignore')}_{digest}"
