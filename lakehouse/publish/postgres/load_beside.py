"""A table loaded beside the one that readers see, with the keys, indexes and comments of that."""

import hashlib
from dataclasses import replace

import duckdb
from psycopg import errors, sql

from lakehouse.errors import ServingRefused
from lakehouse.publish.postgres.copy_rows import copy_rows
from lakehouse.publish.postgres.declared_keys import key_statements
from lakehouse.publish.postgres.kept_objects import (
    comment_statements,
    comments,
    constraint_statements,
    definitions_of,
    index_statements,
    run_all,
)
from lakehouse.publish.postgres.planned_table import PlannedTable
from lakehouse.publish.postgres.published_state import loaded_by
from lakehouse.publish.postgres.server import Session, one_value, run


def shadow_schema(session: Session, schema: str) -> str:
    """Schema for what is loaded beside `schema`; never committed, so no other session sees it."""
    digest = hashlib.sha256(schema.encode()).hexdigest()[:12]
    return f"aljibe_next_{session.info.backend_pid}_{digest}"


def shadow_relation(session: Session, table: PlannedTable) -> sql.Identifier:
    """Quoted name that a table has while it is loaded."""
    return sql.Identifier(shadow_schema(session, table.schema), table.table.name)


def load_beside(session: Session, source: duckdb.DuckDBPyConnection, table: PlannedTable) -> None:
    """Make a table beside the one that readers see, and fill it."""
    schema = shadow_schema(session, table.schema)
    if one_value(session, "select to_regnamespace(quote_ident(%s))", schema) is None:
        run(session, sql.SQL("create schema {}").format(sql.Identifier(schema)))
    shadow = shadow_relation(session, table)
    run(session, table.definition(shadow))
    copy_rows(source, table.table.relation, session, shadow, table.columns, table=table.name)


def dress(session: Session, table: PlannedTable) -> PlannedTable:
    """Give a loaded table what the old one has, and what the project says of it.

    Returns:
        The table, with what the old one had, and by whom the new one was loaded.

    Raises:
        PublishRefused: the project declares a key of a column that the table has not.
        ServingRefused: rows or columns do not fit a key or index that somebody made or declared.
    """
    shadow, texts = shadow_relation(session, table), table.descriptions()
    statements: list[sql.Composable] = []
    dressed: tuple[str, ...] = ()
    ours = table.before.keys if table.before else {}
    if table.old is not None:
        dressed = definitions_of(session, table.old)
        known = {"", *(one.name for one in table.columns)}
        kept = {key: text for key, text in comments(session, table.old).items() if key in known}
        texts = {**kept, **texts}
        # Declared keys are made anew, as they are declared now.
        schema = shadow_schema(session, table.schema)
        statements += [
            *constraint_statements(session, table.old, shadow, without=ours),
            *index_statements(session, table.old, schema, table.table.name),
        ]
    # One that somebody had made just so is kept already.
    made = {_plain(one) for one in dressed}
    keys = {
        name: how
        for name, how in table.keys.items()
        if name in ours or _plain(f"{name}: {how}") not in made
    }
    for statement in [*statements, *key_statements(keys, shadow)]:
        fit(session, table, statement)
    run_all(session, comment_statements(shadow, texts))
    run(session, sql.SQL("analyze {}").format(shadow))
    return replace(table, loaded_by=loaded_by(session, shadow), dressed=dressed)


def fit(session: Session, table: PlannedTable, statement: sql.Composable) -> None:
    """Make a key or index.

    Raises:
        ServingRefused: rows or columns do not fit it.
    """
    try:
        run(session, statement)
    except (errors.IntegrityError, errors.ProgrammingError, errors.DataError) as error:
        if isinstance(error, errors.InsufficientPrivilege):
            raise
        what = error.diag.constraint_name or error.diag.column_name
        shown = str(error).splitlines()[0] if isinstance(error, errors.ProgrammingError) else ""
        is_declared = what in table.keys or f"not null {what}" in table.keys
        whose = "the project declares" if is_declared else "the published table has there"
        raise ServingRefused(
            f"PostgreSQL: {table.name}: the new rows or columns do not fit "
            f"{what or 'a key or index'} that {whose}"
            f"{f': {shown}' if shown else ''} ({error.sqlstate}). Nothing was published. Correct "
            f"the model, or drop the key or index from {table.name}."
        ) from None


def _plain(definition: str) -> str:
    return definition.replace('"', "").lower()
