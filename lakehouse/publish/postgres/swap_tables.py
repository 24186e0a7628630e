"""All tables of a domain put in place at once: what readers see is the old state, then the new."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import duckdb
from psycopg import errors, sql

from lakehouse.errors import ServingUnavailable
from lakehouse.publish.postgres.attached_objects import attached_statements
from lakehouse.publish.postgres.checksums import verify
from lakehouse.publish.postgres.copy_rows import copy_rows
from lakehouse.publish.postgres.declared_keys import (
    drop_statements,
    key_statements,
)
from lakehouse.publish.postgres.dependents import Dependent, dependents_of
from lakehouse.publish.postgres.kept_objects import (
    comment_statements,
    comments,
    default_privileges,
    definitions_of,
    keep_owner_and_grants,
    run_all,
)
from lakehouse.publish.postgres.load_beside import fit, shadow_relation, shadow_schema
from lakehouse.publish.postgres.patient_lock import MomentaryLock
from lakehouse.publish.postgres.planned_table import PlannedTable
from lakehouse.publish.postgres.published_state import (
    TableState,
    forget_table,
    loaded_by,
    record_tables,
)
from lakehouse.publish.postgres.server import Session, one_value, run, serving_faults


@dataclass(frozen=True)
class RemovedTable:
    """A table that was published and is not any more."""

    schema: str
    name: str
    oid: int

    @property
    def relation(self) -> sql.Identifier:
        """Its quoted name."""
        return sql.Identifier(self.schema, self.name)


@dataclass
class Swap:
    """The change from what a domain shows to what it shall show.

    Attributes:
        tables: loaded and verified, except those that are filled in place.
        removed: what is not published any more.
        warnings: what should be looked at after it.
    """

    session: Session
    source: duckdb.DuckDBPyConnection
    domain: str
    build_id: str
    tables: Sequence[PlannedTable]
    removed: Sequence[RemovedTable]
    warnings: list[str] = field(default_factory=list)

    @property
    def relations(self) -> set[int]:
        """Oids of the tables that are locked."""
        changed = {one.old for one in self.tables if one.old and one.step in ("swap", "refill")}
        return changed | {one.oid for one in self.removed}

    def change(self, lock: MomentaryLock) -> None:
        """Do all of it inside the session's transaction; can be done again from a savepoint.

        Raises:
            psycopg.errors.LockNotAvailable: readers are in the way.
            ServingRefused: something needs a replaced table and cannot be made again.
            PublishUnverified: a table that was filled in place differs.
        """
        self.warnings.clear()
        swapped = [one for one in self.tables if one.step == "swap" and one.old]
        dependents = dependents_of(self.session, [one.old for one in swapped if one.old])
        _refuse_new_strangers(dependents)
        dropped = self._droppable()
        # Views first: who reads one holds it before its tables.
        for one in dependents:
            lock.run(one.drop)
        locked = {one.old: one.relation for one in self.tables if one.old in self.relations}
        locked |= {one.oid: one.relation for one in dropped}
        for _, relation in sorted(locked.items(), key=lambda item: item[0] or 0):
            lock.run(sql.SQL("lock table {} in access exclusive mode").format(relation))
        self._refuse_what_is_new(swapped)
        for table in dropped:
            lock.run(sql.SQL("drop table {}").format(table.relation))
            forget_table(self.session, table.schema, table.name)
        for planned in self.tables:
            self._put(planned, lock)
        for one in reversed(dependents):
            with serving_faults(f"{one.name} cannot be made again on what it reads"):
                run_all(self.session, one.create)
        self._record()

    def _refuse_what_is_new(self, swapped: Sequence[PlannedTable]) -> None:
        """What was made since it was looked at would be lost; the tables are locked by now."""
        if dependents_of(self.session, [one.old for one in swapped if one.old]):
            raise errors.LockNotAvailable("a view was made meanwhile")
        for one in swapped:
            if one.old and definitions_of(self.session, one.old) != one.dressed:
                raise ServingUnavailable(
                    f"PostgreSQL: {one.name} was given other keys or indexes while its next rows "
                    "were loading. Nothing was published; run again, and they are kept."
                )

    def _droppable(self) -> list[RemovedTable]:
        found = []
        for table in self.removed:
            there = one_value(
                self.session,
                "select to_regclass(%s)::oid",
                table.relation.as_string(self.session),
            )
            if there != table.oid:
                forget_table(self.session, table.schema, table.name)
                if there is not None:
                    self.warnings.append(
                        f"{table.schema}.{table.name} is not published any more, but stays in "
                        "PostgreSQL, because it is not the table that was published; drop it by "
                        "hand if nobody needs it"
                    )
                continue
            needed_by = dependents_of(self.session, [table.oid])
            if needed_by:
                names = ", ".join(one.name for one in needed_by)
                self.warnings.append(
                    f"{table.schema}.{table.name} is not published any more, but stays in "
                    f"PostgreSQL as it was, because {names} needs it"
                )
            else:
                found.append(table)
        return found

    def _put(self, table: PlannedTable, lock: MomentaryLock) -> None:
        if table.step == "keep":
            self._comment(table, lock)
        elif table.step == "refill":
            self._refill(table)
            self._comment(table, lock)
        else:
            self._move(table)

    def _move(self, table: PlannedTable) -> None:
        shadow, later = shadow_relation(self.session, table), []
        rights: list[sql.Composable] = []
        if table.old is None:
            ensure_schema(self.session, table.schema)
            # It was made in another schema, whose defaults it has.
            given = default_privileges(self.session, table.schema, only_there=True)
            rights = [one.statement(table.relation) for one in given]
        else:
            later = attached_statements(self.session, table.old)
            new = oid_of(self.session, shadow)
            rights = list(keep_owner_and_grants(self.session, table.old, table.relation, new))
            run(self.session, sql.SQL("drop table {}").format(table.relation))
        schema = sql.Identifier(table.schema)
        run(self.session, sql.SQL("alter table {} set schema {}").format(shadow, schema))
        run_all(self.session, [*later, *rights])

    def _refill(self, table: PlannedTable) -> None:
        before = table.before.keys if table.before else {}
        gone = {name: how for name, how in before.items() if table.keys.get(name) != how}
        new = {name: how for name, how in table.keys.items() if before.get(name) != how}
        for statement in drop_statements(gone, table.relation):
            fit(self.session, table, statement)
        run(self.session, sql.SQL("truncate {}").format(table.relation))
        copy_rows(
            *(self.source, table.table.relation, self.session, table.relation, table.columns),
            table=table.name,
        )
        verify(
            *(self.source, table.table.relation, self.session, table.relation, table.columns),
            table=table.name,
        )
        for statement in key_statements(new, table.relation):
            fit(self.session, table, statement)
        run(self.session, sql.SQL("analyze {}").format(table.relation))

    def _comment(self, table: PlannedTable, lock: MomentaryLock) -> None:
        known = comments(self.session, table.old) if table.old else {}
        texts = {key: text for key, text in table.descriptions().items() if known.get(key) != text}
        for statement in comment_statements(table.relation, texts):
            lock.run(statement)

    def _record(self) -> None:
        changed = [one for one in self.tables if one.step != "keep"]
        record_tables(
            self.session,
            self.domain,
            self.build_id,
            {
                one.key: (
                    TableState(
                        one.content_hash,
                        oid_of(self.session, one.relation),
                        loaded_by(self.session, one.relation)
                        if one.step == "refill"
                        else one.loaded_by,
                        one.keys,
                    ),
                    one.rows,
                )
                for one in changed
            },
        )
        for schema in {one.schema for one in changed}:
            shadow = sql.Identifier(shadow_schema(self.session, schema))
            run(self.session, sql.SQL("drop schema if exists {}").format(shadow))


def ensure_schema(session: Session, schema: str) -> None:
    """Make a schema; `if not exists` would ask for the right to create one even if it is there."""
    if one_value(session, "select to_regnamespace(quote_ident(%s))", schema) is None:
        run(session, sql.SQL("create schema {}").format(sql.Identifier(schema)))


def oid_of(session: Session, relation: sql.Identifier) -> int:
    """Oid of a table by its quoted name."""
    return int(one_value(session, "select %s::regclass::oid", relation.as_string(session)))


def _refuse_new_strangers(dependents: Collection[Dependent]) -> None:
    strangers = [one.name for one in dependents if not one.is_ours]
    if strangers:
        raise ServingUnavailable(
            f"PostgreSQL: {', '.join(strangers)} was made by another user while the publication "
            "was loading. Nothing was published; run again, and the tables keep their identity."
        )
