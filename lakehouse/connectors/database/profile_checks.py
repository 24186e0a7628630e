"""What is counted in a table, by kind of database, and what its names and types alone show."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import duckdb
import pyarrow as pa

from lakehouse.connectors.database.dialect import Relation, ServerColumn
from lakehouse.connectors.database.mysql.types import quoted as mysql_quoted
from lakehouse.connectors.database.sqlite.types import SqliteColumn
from lakehouse.sql_quoting import sql_identifier
from lakehouse.table_contract import METADATA_COLUMNS

_MONEY = re.compile(
    r"(?:^|_)(?:precio|price|preco|monto|importe|amount|total|subtotal|costo|cost|custo|saldo"
    r"|balance|comision|fee|tax|iva|valor|pago)(?:_|$)",
    re.IGNORECASE,
)
_CHANGED = re.compile(
    r"updat|modif|actualiz|atualiz|chang|cambi|alterad|row_?version", re.IGNORECASE
)
_MOMENTS = ("date", "timestamp", "timestamptz")
_NO_DATE = "hold a date that does not exist"
_EMPTIED = "the cell is loaded as NULL and reported; invalid_dates: fail refuses the load instead"
_ISO = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"


@dataclass(frozen=True)
class Check:
    """A condition whose rows are counted.

    Attributes:
        column: that it is about.
        condition: SQL that holds for the rows.
        what: such rows do, in words.
        advice: what to do about it.
        is_cursor: it counts the NULLs of a column that may serve as cursor.
    """

    column: str
    condition: str
    what: str
    advice: str
    is_cursor: bool = False


def checks_of(dialect: str, relation: Relation) -> list[Check]:
    """What to count in a table."""
    found: list[Check] = []
    for column in relation.columns:
        if dialect == "mysql":
            found += _mysql(column)
        elif dialect == "postgresql":
            found += _postgresql(column)
        elif isinstance(column, SqliteColumn):
            found += _sqlite(column)
        if may_be_cursor(column):
            name = mysql_quoted(column.name) if dialect == "mysql" else _name(column, dialect)
            found.append(Check(column.name, f"{name} is null", "", "", is_cursor=True))
    return found


def may_be_cursor(column: ServerColumn) -> bool:
    """Whether a column looks as if it told when its row changed."""
    fits = column.data_type in _MOMENTS or pa.types.is_integer(column.arrow_type)
    fits = fits or (isinstance(column, SqliteColumn) and column.data_type == "varchar")
    return fits and _CHANGED.search(column.name) is not None


def named_hazards(relation: Relation) -> Iterator[tuple[str | None, str, str]]:
    """What shows without looking at rows: column, what, advice."""
    if not relation.primary_key:
        yield None, "has no primary key", "say in the contract which columns identify a row"
    folded = [column.name.lower() for column in relation.columns]
    for column in relation.columns:
        name = column.name
        if folded.count(name.lower()) > 1 or name.lower() in METADATA_COLUMNS:
            advice = "read a view with another name, as relation"
            yield name, "has a name that the lake cannot tell from another", advice
        elif name.lower() in _reserved():
            yield name, "is named like a word of SQL", "quote it in staging, or rename it there"
        if pa.types.is_floating(column.arrow_type) and _MONEY.search(name):
            what = f"keeps money as a binary number ({column.server_type})"
            yield name, what, "declare decimal(18,2) if its values have two decimals; others refuse"
        yield from _too_wide(column)


def _too_wide(column: ServerColumn) -> Iterator[tuple[str | None, str, str]]:
    kind = column.server_type.lower()
    match = re.match(r"(?:decimal|numeric)\((\d+)", kind)
    if kind in ("numeric", "decimal") and column.data_type == "varchar":
        yield column.name, "is a numeric without limits", "text, or declare a decimal that fits"
    elif match and int(match[1]) > 38:
        what = f"has {match[1]} digits, more than the 38 of a decimal"
        yield column.name, what, "text, or declare a decimal that fits"


@cache
def _reserved() -> frozenset[str]:
    with duckdb.connect() as session:
        rows = session.execute(
            "select keyword_name from duckdb_keywords() where keyword_category = 'reserved'"
        ).fetchall()
    return frozenset(row[0] for row in rows)


def _name(column: ServerColumn, dialect: str) -> str:
    return column.expression if dialect == "generic" else sql_identifier(column.name)


def _mysql(column: ServerColumn) -> Iterator[Check]:
    name, kind = mysql_quoted(column.name), column.server_type.lower()
    if kind.startswith(("date", "timestamp")):
        last = f"dayofmonth(last_day(date_format({name}, '%Y-%m-01')))"
        wrong = f"month({name}) = 0 or dayofmonth({name}) = 0 or dayofmonth({name}) > {last}"
        yield Check(column.name, f"{name} is not null and ({wrong})", _NO_DATE, _EMPTIED)
    if kind.startswith("tinyint(1)"):
        advice = "declare tinyint, not boolean"
        yield Check(column.name, f"{name} not in (0, 1)", "hold other values than 0 and 1", advice)
    if kind.startswith("bigint") and "unsigned" in kind:
        advice = "declare ubigint; a bigint cannot hold it"
        yield Check(column.name, f"{name} > 9223372036854775807", "are above 2^63", advice)
    if kind.startswith("time") and not kind.startswith("timestamp"):
        wrong = f"{name} < '00:00:00' or {name} >= '24:00:00'"
        what = "are no time of day: negative, or 24 hours and more"
        yield Check(column.name, wrong, what, "declare bigint: microseconds")


def _postgresql(column: ServerColumn) -> Iterator[Check]:
    name, kind = sql_identifier(column.name), column.server_type.lower()
    if column.data_type in _MOMENTS:
        yield Check(column.name, f"not isfinite({name})", "hold infinity", _EMPTIED)
        yield Check(
            column.name,
            f"isfinite({name}) and extract(year from {name}) < 1",
            "hold a date before Christ",
            _EMPTIED,
        )
    if kind.startswith("numeric"):
        condition = f"{name}::text in ('NaN', 'Infinity', '-Infinity')"
        is_whole = pa.types.is_decimal(column.arrow_type)
        refused = "the load is refused: read a view that makes NULL of it"
        yield Check(
            column.name, condition, "hold NaN or infinity", refused if is_whole else _EMPTIED
        )
    if kind.startswith(("real", "double")):
        condition = f"{name}::text in ('NaN', 'Infinity', '-Infinity')"
        yield Check(column.name, condition, "hold NaN or infinity", "sums over it are NaN")


def _sqlite(column: SqliteColumn) -> Iterator[Check]:
    name = sql_identifier(column.name)
    if column.held.classes > 1 and not _are_numbers(column):
        for kind, is_held in column.held._asdict().items():
            if is_held:
                advice = "values of several classes: read as text, numbers as they are written"
                yield Check(column.name, f"typeof({name}) = '{kind}'", f"are {kind}", advice)
    if column.data_type in _MOMENTS:
        day = f"substr({name}, 1, 10)"
        # SQLite takes the 30th of February for the 1st of March.
        form = f"{day} not glob '{_ISO}' or date({day}, '+0 days') is not {day}"
        wrong = f"typeof({name}) = 'text' and ({form})"
        yield Check(column.name, wrong, "are no date in the order of ISO 8601", _EMPTIED)
    elif column.server_type.lower().startswith(("date", "timestamp")):
        wrong = f"typeof({name}) in ('integer', 'real')"
        advice = "declare bigint or double: seconds, milliseconds and days are all in use"
        yield Check(column.name, wrong, "hold a moment as a number", advice)


def _are_numbers(column: SqliteColumn) -> bool:
    return not column.held.text and not column.held.blob
