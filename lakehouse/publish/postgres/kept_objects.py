"""What people made on and around a table of PostgreSQL, as the SQL that makes it again.

Definitions come from the server's own functions (pg_get_indexdef and others), as pg_dump uses
them: https://www.postgresql.org/docs/current/functions-info.html. The session's search_path is
empty, so that every name in them is complete.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg import sql

from lakehouse.errors import ServingRefused
from lakehouse.publish.postgres.server import Session, one_value, run

_INDEXES: LiteralString = """
    select c.relname, pg_get_indexdef(i.indexrelid),
        format('CREATE %%sINDEX %%I ON %%I.%%I USING ', case when i.indisunique then 'UNIQUE ' end,
            c.relname, n.nspname, t.relname),
        obj_description(i.indexrelid, 'pg_class'), i.indisclustered
    from pg_catalog.pg_index i
    join pg_catalog.pg_class c on c.oid = i.indexrelid
    join pg_catalog.pg_class t on t.oid = i.indrelid
    join pg_catalog.pg_namespace n on n.oid = t.relnamespace
    where i.indrelid = %s and i.indisvalid and not exists (
        select from pg_catalog.pg_constraint k
        where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x'))
    order by c.relname"""
_CONSTRAINTS: LiteralString = """
    select conname, pg_get_constraintdef(oid), obj_description(oid, 'pg_constraint')
    from pg_catalog.pg_constraint
    where conrelid = %s and contype in ('p', 'u', 'x', 'c')
    order by contype <> 'p', conname"""
_NOT_NULL: LiteralString = """
    select attname from pg_catalog.pg_attribute
    where attrelid = %s and attnum > 0 and not attisdropped and attnotnull and not exists (
        select from pg_catalog.pg_constraint k
        where k.conrelid = attrelid and k.contype = 'p' and attnum = any(k.conkey))"""
_GRANTS: LiteralString = """
    select coalesce(r.rolname, ''), a.privilege_type, a.is_grantable, ''
    from pg_catalog.pg_class c, aclexplode(c.relacl) a
    left join pg_catalog.pg_roles r on r.oid = a.grantee
    where c.oid = %(oid)s and a.grantee <> c.relowner
    union all
    select coalesce(r.rolname, ''), a.privilege_type, a.is_grantable, t.attname
    from pg_catalog.pg_class c
    join pg_catalog.pg_attribute t on t.attrelid = c.oid and not t.attisdropped,
    aclexplode(t.attacl) a
    left join pg_catalog.pg_roles r on r.oid = a.grantee
    where c.oid = %(oid)s and a.grantee <> c.relowner
    order by 1, 2, 4"""
_COMMENTS: LiteralString = """
    select '', obj_description(%(oid)s, 'pg_class')
    union all
    select attname, col_description(attrelid, attnum) from pg_catalog.pg_attribute
    where attrelid = %(oid)s and attnum > 0 and not attisdropped"""
_DEFAULTS: LiteralString = """
    select coalesce(r.rolname, ''), a.privilege_type, a.is_grantable, '', n.nspname is not null
    from pg_catalog.pg_default_acl d
    left join pg_catalog.pg_namespace n on n.oid = d.defaclnamespace,
    aclexplode(d.defaclacl) a
    left join pg_catalog.pg_roles r on r.oid = a.grantee
    where d.defaclrole = current_user::regrole and d.defaclobjtype = 'r'
        and (d.defaclnamespace = 0 or n.nspname = %s) and a.grantee <> d.defaclrole
    order by 1, 2"""


@dataclass(frozen=True)
class Privilege:
    """A right that was granted on a table, view or column; `grantee` is empty for PUBLIC."""

    grantee: str
    privilege: str
    grantable: bool
    column: str

    def statement(self, relation: sql.Composable) -> sql.Composable:
        """The GRANT that gives it."""
        column = (
            sql.SQL(" ({})").format(sql.Identifier(self.column)) if self.column else sql.SQL("")
        )
        return sql.SQL("grant {}{} on {} to {}{}").format(
            _raw(self.privilege),
            column,
            relation,
            role(self.grantee),
            sql.SQL(" with grant option" if self.grantable else ""),
        )


def role(name: str) -> sql.Composable:
    """A role in SQL; an empty name is everybody."""
    return sql.Identifier(name) if name else sql.SQL("public")


def relation_owner(session: Session, oid: int) -> str:
    """Name of the role that owns a relation."""
    return str(
        one_value(session, "select pg_get_userbyid(relowner) from pg_class where oid = %s", oid)
    )


def keep_owner_and_grants(
    session: Session, old: int, relation: sql.Composable, new: int
) -> Iterator[sql.Composable]:
    """Statements after which a new relation belongs to and is granted to whom the old was.

    Default privileges, which the new one has from its making, end where the old one has them not.
    """
    owner = relation_owner(session, old)
    if owner != relation_owner(session, new):
        yield sql.SQL("alter table {} owner to {}").format(relation, sql.Identifier(owner))
    wanted = privileges(session, old)
    given = {one.grantee for one in privileges(session, new)}
    for grantee in sorted(given):
        yield sql.SQL("revoke all on {} from {}").format(relation, role(grantee))
    for one in wanted:
        yield one.statement(relation)


def default_privileges(session: Session, schema: str, *, only_there: bool) -> list[Privilege]:
    """What others may do with a table or view that this user makes in a schema.

    Args:
        session: on the serving database.
        schema: where it is made.
        only_there: leave out what holds in every schema.
    """
    rows = session.execute(_DEFAULTS, [schema]).fetchall()
    return [Privilege(*row[:4]) for row in rows if row[4] or not only_there]


def privileges(session: Session, oid: int) -> list[Privilege]:
    """What others than its owner may do with a relation."""
    return [Privilege(*row) for row in session.execute(_GRANTS, {"oid": oid})]


def comments(session: Session, oid: int) -> dict[str, str]:
    """Comments of a relation's columns by name, and its own under the empty name."""
    return {name: text for name, text in session.execute(_COMMENTS, {"oid": oid}) if text}


def comment_statements(
    relation: sql.Composable, texts: dict[str, str], *, kind: LiteralString = "table"
) -> Iterator[sql.Composable]:
    """Statements that set comments, as `comments` gives them."""
    for name, text in texts.items():
        if name:
            yield sql.SQL("comment on column {}.{} is {}").format(
                relation, sql.Identifier(name), sql.Literal(text)
            )
        else:
            yield sql.SQL(f"comment on {kind} {{}} is {{}}").format(relation, sql.Literal(text))


def index_statements(session: Session, old: int, schema: str, name: str) -> list[sql.Composable]:
    """Statements that make the indexes of an old table on a new one in another schema.

    Args:
        session: on the serving database.
        old: oid of the old table.
        schema: of the new one.
        name: of the new one.

    Raises:
        ServingRefused: the definition of one cannot be read.
    """
    found: list[sql.Composable] = []
    relation = sql.Identifier(schema, name)
    rows = session.execute(_INDEXES, [old]).fetchall()
    for index, definition, start, comment, clustered in rows:
        if not definition.startswith(start):
            raise ServingRefused(
                f"PostgreSQL: the index {index} cannot be kept: {definition}. Drop it, and make it "
                "again as a plain index."
            )
        head, rest = start.rpartition(" ON ")[0], definition[len(start) :]
        found.append(_raw(f"{head} ON {relation.as_string(session)} USING {rest}"))
        if comment:
            found.append(
                sql.SQL("comment on index {} is {}").format(
                    sql.Identifier(schema, index), sql.Literal(comment)
                )
            )
        if clustered:
            found.append(
                sql.SQL("alter table {} cluster on {}").format(relation, sql.Identifier(index))
            )
    return found


def definitions_of(session: Session, oid: int) -> tuple[str, ...]:
    """Keys and indexes of a table in words, to see whether they changed."""
    found = [f"not null {row[0]}" for row in session.execute(_NOT_NULL, [oid])]
    found += [f"{row[0]}: {row[1]}" for row in session.execute(_CONSTRAINTS, [oid])]
    return tuple(found + [str(row[1]) for row in session.execute(_INDEXES, [oid])])


def constraint_statements(
    session: Session, old: int, relation: sql.Composable, *, without: Collection[str] = ()
) -> list[sql.Composable]:
    """Statements that put the constraints of an old table on a new one; foreign keys are apart.

    Args:
        session: on the serving database.
        old: oid of the old table.
        relation: quoted name of the new one.
        without: names of constraints that are left out, and `not null <column>`.
    """
    found: list[sql.Composable] = [
        sql.SQL("alter table {} alter column {} set not null").format(
            relation, sql.Identifier(name)
        )
        for (name,) in session.execute(_NOT_NULL, [old])
        if f"not null {name}" not in without
    ]
    for name, definition, comment in session.execute(_CONSTRAINTS, [old]):
        if name in without:
            continue
        found.append(
            sql.SQL("alter table {} add constraint {} {}").format(
                relation, sql.Identifier(name), _raw(definition)
            )
        )
        if comment:
            found.append(
                sql.SQL("comment on constraint {} on {} is {}").format(
                    sql.Identifier(name), relation, sql.Literal(comment)
                )
            )
    return found


def run_all(session: Session, statements: Sequence[sql.Composable] | Iterator[Any]) -> None:
    """Run statements in their order."""
    for statement in list(statements):
        run(session, statement)


def _raw(text: str) -> sql.Composable:
    """SQL that the server itself wrote."""
    return sql.SQL(text)
