"""What PostgreSQL says itself of the publications it holds: schema `aljibe`, beside the data.

It changes in the transaction that changes the tables, so that it is right after any kill, and also
where the database was restored from a backup.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import LiteralString

from psycopg import sql
from psycopg.errors import InsufficientPrivilege, UndefinedTable
from psycopg.types.json import Jsonb
from sqlalchemy import URL

from lakehouse.errors import ServingRefused
from lakehouse.publish.postgres.server import (
    Session,
    one_value,
    serving_faults,
    serving_session,
    without_password,
)

SCHEMA = "aljibe"
_LOCK_NAMESPACE = 0x616C6A69  # "alji"
_SETUP = 0
_TABLES: tuple[LiteralString, ...] = (
    "create schema if not exists aljibe",
    """create table if not exists aljibe.published_domains (
        domain text primary key,
        build_id text not null,
        run_id text,
        published_at timestamp with time zone not null
    )""",
    """create table if not exists aljibe.published_tables (
        domain text not null,
        schema_name text not null,
        table_name text not null,
        content_hash text not null,
        row_count bigint not null,
        oid oid not null,
        build_id text not null,
        published_at timestamp with time zone not null,
        primary key (schema_name, table_name)
    )""",
    "alter table aljibe.published_tables add column if not exists loaded_by text",
    "alter table aljibe.published_tables add column if not exists declared_keys jsonb "
    "not null default '{}'",
    "comment on schema aljibe is 'What is published here, kept by Aljibe'",
    "comment on table aljibe.published_domains is 'Build that each domain shows'",
    "comment on table aljibe.published_tables is "
    "'Content of each published table, and the build that last changed it'",
)


@dataclass(frozen=True)
class TableState:
    """A published table as the database knows it.

    Attributes:
        content_hash: of its columns and rows.
        oid: of the relation that was put in place; another one was made by somebody else.
        loaded_by: id of the transaction that wrote every row; None where there are no rows.
        keys: that the project declared, as `declared_keys.noted_keys` gives them.
    """

    content_hash: str
    oid: int
    loaded_by: str | None = None
    keys: Mapping[str, str] = field(default_factory=dict)


def ensure_state(session: Session) -> None:
    """Make the schema if it or a column is missing; two that do so at once wait for each other."""
    newest = (
        "select attname from pg_catalog.pg_attribute where attname = 'declared_keys' "
        "and attrelid = to_regclass('aljibe.published_tables')"
    )
    if one_value(session, newest) is not None:
        return
    session.execute("select pg_advisory_xact_lock(%s, %s)", [_LOCK_NAMESPACE, _SETUP])
    for statement in _TABLES:
        session.execute(statement)
    session.commit()


def take_domain(session: Session, domain: str, wait_seconds: float) -> None:
    """Be the only one that publishes a domain, until the transaction ends.

    Raises:
        psycopg.errors.LockNotAvailable: somebody else was for `wait_seconds`.
    """
    session.execute("select set_config('lock_timeout', %s, true)", [f"{int(wait_seconds * 1000)}"])
    session.execute(
        "select pg_advisory_xact_lock(%s, hashtext(%s))", [_LOCK_NAMESPACE, f"publish {domain}"]
    )


def published_tables_of(session: Session, domain: str) -> dict[tuple[str, str], TableState]:
    """Every table of a domain that was published and not dropped since, by schema and name."""
    rows = session.execute(
        "select schema_name, table_name, content_hash, oid, loaded_by, declared_keys "
        "from aljibe.published_tables where domain = %s order by 1, 2",
        [domain],
    )
    return {
        (schema, name): TableState(digest, oid, loaded_by, keys)
        for schema, name, digest, oid, loaded_by, keys in rows
    }


def is_untouched(session: Session, relation: sql.Identifier, state: TableState, rows: int) -> bool:
    """Whether a table has the rows that were loaded: each says which transaction wrote it."""
    query = sql.SQL("select count(*), count(*) filter (where xmin = {}::xid) from {}")
    found = session.execute(query.format(sql.Literal(state.loaded_by or "0"), relation)).fetchone()
    return found == (rows, rows)


def loaded_by(session: Session, relation: sql.Identifier) -> str | None:
    """The transaction that wrote the rows of a table that was just loaded; None without rows."""
    query = sql.SQL("select xmin::text from {} limit 1").format(relation)
    row = session.execute(query).fetchone()
    return str(row[0]) if row else None


def shown_build(session: Session, domain: str) -> str | None:
    """The build that a domain shows; None if it was never published here."""
    try:
        found = one_value(
            session, "select build_id from aljibe.published_domains where domain = %s", domain
        )
    except (UndefinedTable, InsufficientPrivilege):
        session.rollback()
        return None
    return None if found is None else str(found)


def build_shown_at(url: URL, domain: str) -> str | None:
    """The build that a domain shows in a serving database; None if it was never published there.

    Raises:
        ServingRefused: it answers, but not to this user, password or name.
        ServingUnavailable: it does not answer.
    """
    with serving_session(url) as session, serving_faults(f"{domain} cannot be looked up"):
        return shown_build(session, domain)


def examine_serving(url: URL) -> str:
    """Look whether a serving database can be published to; what was found, in words.

    Raises:
        ServingRefused: it cannot; says what the user lacks.
        ServingUnavailable: it does not answer.
    """
    with serving_session(url) as session, serving_faults("it cannot be looked at"):
        may_create, standby = session.execute(
            "select has_database_privilege(current_database(), 'CREATE'), pg_is_in_recovery()"
        ).fetchone() or (False, False)
        shown = without_password(url)
        if standby:
            raise ServingRefused(
                f"{shown} is a standby. ALJIBE_SERVING_URL has to name the primary."
            )
        if not may_create:
            raise ServingRefused(
                f"{shown}: this user may not create schemas. As an administrator: GRANT CREATE ON "
                f"DATABASE {url.database} TO {url.username}."
            )
        there = one_value(session, "select to_regclass('aljibe.published_domains')")
        domains = (
            one_value(session, "select count(*) from aljibe.published_domains") if there else 0
        )
    return f"{shown}, {domains} domains published"


def record_domain(session: Session, domain: str, build_id: str, run_id: str | None) -> None:
    """Note the build that a domain shows once the transaction is committed."""
    session.execute(
        """insert into aljibe.published_domains values (%s, %s, %s, clock_timestamp())
        on conflict (domain) do update set build_id = excluded.build_id,
            run_id = excluded.run_id, published_at = excluded.published_at""",
        [domain, build_id, run_id],
    )


def record_tables(
    session: Session,
    domain: str,
    build_id: str,
    tables: Mapping[tuple[str, str], tuple[TableState, int]],
) -> None:
    """Note the content and rows of tables that are put in place."""
    for (schema, name), (state, rows) in tables.items():
        session.execute(
            """insert into aljibe.published_tables
                (domain, schema_name, table_name, content_hash, row_count, oid, build_id,
                published_at, loaded_by, declared_keys)
            values (%s, %s, %s, %s, %s, %s, %s, clock_timestamp(), %s, %s)
            on conflict (schema_name, table_name) do update set domain = excluded.domain,
                content_hash = excluded.content_hash, row_count = excluded.row_count,
                oid = excluded.oid, build_id = excluded.build_id,
                published_at = excluded.published_at, loaded_by = excluded.loaded_by,
                declared_keys = excluded.declared_keys""",
            [
                *(domain, schema, name, state.content_hash, rows, state.oid, build_id),
                *(state.loaded_by, Jsonb(dict(state.keys))),
            ],
        )


def forget_table(session: Session, schema: str, name: str) -> None:
    """Note that a table is not published any more."""
    session.execute(
        "delete from aljibe.published_tables where schema_name = %s and table_name = %s",
        [schema, name],
    )
