"""A look at a database before its first load: what in its tables loses data elsewhere.

Counts are of the first rows of a table only where it is large; a hazard then says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
from sqlalchemy import URL, Connection, Engine

from lakehouse.connectors.database.dialect import Dialect, Relation
from lakehouse.connectors.database.engine import dialect_of, make_engine, run_row
from lakehouse.connectors.database.profile_catalog import CatalogFacts, catalog_facts
from lakehouse.connectors.database.profile_checks import Check, checks_of, named_hazards
from lakehouse.errors import DatabaseRefused

SAMPLE_ROWS = 1_000_000
_CHECKS_AT_ONCE = 100


@dataclass(frozen=True)
class Hazard:
    """Something to know of a table before it is loaded.

    Attributes:
        table: as the database names it.
        column: None where the whole table is concerned.
        what: in words, with counts, without values.
        advice: what to do about it.
    """

    table: str
    column: str | None
    what: str
    advice: str


@dataclass(frozen=True)
class TableProfile:
    """What was seen of one table.

    Attributes:
        name: of the table, as the database has it.
        relation: its columns and key; None where it cannot be read.
        rows: that were looked at.
        is_sample: whether there are more.
        cursor: column that may serve for load: incremental.
    """

    name: str
    relation: Relation | None
    rows: int
    is_sample: bool
    hazards: tuple[Hazard, ...]
    cursor: str | None = None


def profile_tables(
    url: URL, tables: Sequence[str] = (), *, sample_rows: int = SAMPLE_ROWS
) -> list[TableProfile]:
    """Look at tables of a database, all in one snapshot.

    Args:
        url: of the database, with its secrets.
        tables: names; empty for every table and view that its user sees.
        sample_rows: at most so many rows of a table are looked at.

    Raises:
        RelationMissing: a table that was named is not there; names those that are.
        DatabaseRefused: wrong user, password or name, and no table was named.
        DatabaseUnavailable: it does not answer.
    """
    dialect, engine = dialect_of(url), make_engine(url)
    names = list(tables)
    if not names:
        with dialect.snapshot(engine, 1) as (connection, *_):
            names = dialect.relations(connection)
    return [_profile_or_refusal(dialect, engine, name, sample_rows) for name in names]


def _profile_or_refusal(
    dialect: Dialect, engine: Engine, name: str, sample_rows: int
) -> TableProfile:
    try:
        # A transaction for each: some servers end it with the first error.
        with dialect.snapshot(engine, 1) as (connection, *_):
            relation = dialect.describe(connection, name)
            with dialect.faults():
                return _profile(dialect, connection, relation, sample_rows)
    except DatabaseRefused as refusal:
        advice = "correct that, or leave the table out"
        return TableProfile(name, None, 0, False, (Hazard(name, None, str(refusal), advice),))


def _profile(
    dialect: Dialect, connection: Connection, relation: Relation, sample_rows: int
) -> TableProfile:
    name = relation.name
    facts = catalog_facts(dialect.name, connection, relation)
    checks = checks_of(dialect.name, relation)
    looked, counts = relation.estimated_rows or 0, [0] * len(checks)
    if dialect.name != "generic":
        # How rows are limited is not the same everywhere.
        looked, counts = _counts(connection, relation, checks, sample_rows)
    is_sample = looked >= sample_rows and relation.estimated_rows != looked
    among = f" of the first {looked:,} rows" if is_sample else f" of {looked:,} rows"
    counted = list(zip(checks, counts, strict=True))
    hazards = [
        Hazard(name, check.column, f"{count:,}{among} {check.what}", check.advice)
        for check, count in counted
        if count and not check.is_cursor
    ]
    hazards += [Hazard(name, *hazard) for hazard in (*named_hazards(relation), *facts.hazards)]
    nulls = {check.column: count for check, count in counted if check.is_cursor}
    cursor, cursor_hazards = _cursor(relation, facts, nulls)
    hazards += [replace(hazard, table=name) for hazard in cursor_hazards]
    return TableProfile(name, relation, looked, is_sample, tuple(hazards), cursor)


def _counts(
    connection: Connection, relation: Relation, checks: Sequence[Check], sample_rows: int
) -> tuple[int, list[int]]:
    """Rows that were looked at, and of how many of them each check holds."""
    looked, counts = 0, []
    for begin in range(0, max(1, len(checks)), _CHECKS_AT_ONCE):
        sums = [
            f"sum(case when {check.condition} then 1 else 0 end)"
            for check in checks[begin : begin + _CHECKS_AT_ONCE]
        ]
        row = run_row(
            connection,
            f"select {', '.join(['count(*)', *sums])} from "
            f"(select * from {relation.quoted} limit {sample_rows}) looked",
        )
        looked = int(row[0])
        counts += [int(count or 0) for count in row[1:]]
    return looked, counts


def _cursor(
    relation: Relation, facts: CatalogFacts, nulls: dict[str, int]
) -> tuple[str | None, list[Hazard]]:
    """The column that may serve as cursor, and what speaks against it."""
    if not nulls:
        what = "has no column that tells when a row changed"
        advice = "load: snapshot reads it whole each time; incremental needs such a column"
        return None, [Hazard("", None, what, advice)]
    types = {column.name: column for column in relation.columns}
    best = min(nulls, key=lambda name: (nulls[name], name not in facts.indexed))
    hazards = []
    if nulls[best]:
        what = f"could be the cursor, but is NULL in {nulls[best]:,} rows"
        hazards.append(Hazard("", best, what, "such a row is loaded once and never again"))
    elif types[best].nullable:
        what = "could be the cursor, but may be NULL"
        hazards.append(Hazard("", best, what, "make it NOT NULL: no load reads such rows again"))
    if best not in facts.indexed:
        what = "could be the cursor, but no index begins with it"
        hazards.append(Hazard("", best, what, "each load would read the whole table"))
    if not relation.primary_key:
        return None, hazards
    if types[best].data_type == "date" or pa.types.is_floating(types[best].arrow_type):
        what = "could be the cursor, but many rows share a value"
        hazards.append(Hazard("", best, what, "the last value is read again each time"))
    return best, hazards
