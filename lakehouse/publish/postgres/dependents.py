"""Views and foreign keys that need a published table, and how they are made again.

A view is bound to the table itself, not to its name: where another table takes the name, the view
has to be made anew, in the same transaction.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg import sql

from lakehouse.publish.postgres.attached_objects import attached_statements
from lakehouse.publish.postgres.kept_objects import (
    comment_statements,
    comments,
    default_privileges,
    index_statements,
    privileges,
    relation_owner,
    role,
)
from lakehouse.publish.postgres.server import Session

_DEEPEST = 50
_VIEWS: LiteralString = f"""
    with recursive readers(oid, origin, depth) as (
        select r.ev_class, d.refobjid, 1
        from pg_catalog.pg_depend d
        join pg_catalog.pg_rewrite r on r.oid = d.objid
        where d.classid = 'pg_catalog.pg_rewrite'::regclass
            and d.refclassid = 'pg_catalog.pg_class'::regclass
            and d.refobjid = any(%(tables)s) and r.ev_class <> d.refobjid
        union
        select r.ev_class, readers.origin, readers.depth + 1
        from readers
        join pg_catalog.pg_depend d on d.refobjid = readers.oid
        join pg_catalog.pg_rewrite r on r.oid = d.objid
        where d.classid = 'pg_catalog.pg_rewrite'::regclass
            and d.refclassid = 'pg_catalog.pg_class'::regclass
            and r.ev_class <> d.refobjid and readers.depth < {_DEEPEST}
    )
    select c.oid, n.nspname, c.relname, c.relkind = 'm', max(readers.depth),
        array_agg(distinct readers.origin),
        pg_has_role(c.relowner, 'USAGE') and c.relpersistence <> 't',
        pg_get_viewdef(c.oid), c.reloptions, c.relispopulated
    from readers
    join pg_catalog.pg_class c on c.oid = readers.oid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('v', 'm')
    group by c.oid, n.nspname, c.relname, c.relkind, c.relowner, c.relpersistence, c.reloptions,
        c.relispopulated
    order by max(readers.depth) desc, c.oid"""
_FOREIGN_KEYS: LiteralString = """
    select k.conname, n.nspname, c.relname, pg_get_constraintdef(k.oid),
        array[k.conrelid, k.confrelid], pg_has_role(c.relowner, 'USAGE')
    from pg_catalog.pg_constraint k
    join pg_catalog.pg_class c on c.oid = k.conrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where k.contype = 'f' and k.conparentid = 0
        and (k.conrelid = any(%(tables)s) or k.confrelid = any(%(tables)s))
    order by k.oid"""


@dataclass(frozen=True)
class Dependent:
    """Something that needs one of the tables.

    Attributes:
        name: `schema.name`, for messages.
        origins: oids of the tables that it needs.
        is_ours: whether this user may drop it and make it again; a temporary view belongs to the
            session that made it.
        drop: statement that takes it away.
        create: statements that make it again.
    """

    name: str
    origins: frozenset[int]
    is_ours: bool
    drop: sql.Composable
    create: tuple[sql.Composable, ...]


def dependents_of(session: Session, tables: Collection[int]) -> list[Dependent]:
    """Everything that has to go before the tables can, in an order in which it can be dropped.

    Args:
        session: on the serving database.
        tables: oids.

    Returns:
        Foreign keys, then views, those that read other views first. The other way round they can
        be made again.
    """
    found = [
        _foreign_key(*row)
        for row in session.execute(_FOREIGN_KEYS, {"tables": list(tables)}).fetchall()
    ]
    views = session.execute(_VIEWS, {"tables": list(tables)}).fetchall()
    return [*found, *(_view(session, row) for row in views)]


def _foreign_key(
    name: str, schema: str, table: str, definition: str, ends: list[int], is_ours: bool
) -> Dependent:
    relation = sql.Identifier(schema, table)
    return Dependent(
        f"foreign key {name} of {schema}.{table}",
        frozenset(ends),
        is_ours,
        sql.SQL("alter table {} drop constraint if exists {}").format(
            relation, sql.Identifier(name)
        ),
        (
            sql.SQL("alter table {} add constraint {} {}").format(
                relation,
                sql.Identifier(name),
                sql.SQL(definition),
            ),
        ),
    )


def _view(session: Session, row: Sequence[Any]) -> Dependent:
    oid, schema, name, stored, _, origins, is_ours, definition, options, filled = row
    kind: LiteralString = "materialized view" if stored else "view"
    relation = sql.Identifier(schema, name)
    body = sql.SQL(definition.rstrip().rstrip(";"))
    suffix = sql.SQL(" with no data" if stored and not filled else "")
    settings = sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(key), sql.Literal(value))
        for key, _, value in (option.partition("=") for option in options or [])
    )
    with_options = sql.SQL(" with ({})").format(settings) if options else sql.SQL("")
    create: list[sql.Composable] = [
        sql.SQL(f"create {kind} {{}}{{}} as {{}}{{}}").format(relation, with_options, body, suffix)
    ]
    # What it gets by default is not what it had.
    given = {one.grantee for one in default_privileges(session, schema, only_there=False)}
    create += [sql.SQL("revoke all on {} from {}").format(relation, role(one)) for one in given]
    create += [one.statement(relation) for one in privileges(session, oid)]
    create += comment_statements(relation, comments(session, oid), kind=kind)
    if stored:
        create += index_statements(session, oid, schema, name)
    create += attached_statements(session, oid)
    # Last: who gives a view away may not change it any more.
    create.append(
        sql.SQL(f"alter {kind} {{}} owner to {{}}").format(
            relation, sql.Identifier(relation_owner(session, oid))
        )
    )
    return Dependent(
        f"{kind} {schema}.{name}",
        frozenset(origins),
        is_ours,
        sql.SQL(f"drop {kind} {{}}").format(relation),
        tuple(create),
    )
