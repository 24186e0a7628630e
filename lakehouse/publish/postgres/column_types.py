"""Columns of DuckDB as PostgreSQL holds them: the type, and what COPY reads.

Types of PostgreSQL: https://www.postgresql.org/docs/current/datatype.html. What it cannot hold
exactly is refused, never rounded: picoseconds, geometries, a NUL character.
"""

from dataclasses import dataclass

from duckdb.sqltypes import DuckDBPyType

from lakehouse.errors import PublishRefused
from lakehouse.publish.postgres.binary_values import binary_value
from lakehouse.sql_quoting import sql_identifier, sql_string

_PLAIN = {
    "boolean": "boolean",
    "tinyint": "smallint",
    "smallint": "smallint",
    "utinyint": "smallint",
    "integer": "integer",
    "usmallint": "integer",
    "bigint": "bigint",
    "uinteger": "bigint",
    "ubigint": "numeric(20,0)",
    "hugeint": "numeric(39,0)",
    "uhugeint": "numeric(39,0)",
    "bignum": "numeric",
    "float": "real",
    "double": "double precision",
    "varchar": "text",
    "enum": "text",
    "blob": "bytea",
    "bit": "bit varying",
    "uuid": "uuid",
    "date": "date",
    "time": "time without time zone",
    "time with time zone": "time with time zone",
    "timestamp": "timestamp without time zone",
    "timestamp_s": "timestamp without time zone",
    "timestamp_ms": "timestamp without time zone",
    "timestamp with time zone": "timestamp with time zone",
    "interval": "interval",
}
_NANOSECONDS = {"time_ns": "time without time zone", "timestamp_ns": "timestamp without time zone"}
_NESTED = ("list", "array", "struct", "map", "union")
_NUMBERS = (
    *("tinyint", "smallint", "integer", "bigint", "hugeint", "bignum"),
    *("utinyint", "usmallint", "uinteger", "ubigint", "uhugeint"),
)


@dataclass(frozen=True)
class PublishedColumn:
    """A column on its way.

    Attributes:
        name: on both sides.
        duckdb_type: as DuckDB writes it.
        postgres_type: as PostgreSQL writes it.
        text: DuckDB expression of the text that COPY reads; NULL stays NULL.
        binary: DuckDB expression of what the binary COPY carries; None if it cannot.
    """

    name: str
    duckdb_type: str
    postgres_type: str
    text: str
    binary: str | None = None


def published_column(table: str, name: str, duckdb_type: DuckDBPyType) -> PublishedColumn:
    """Find how a column is published.

    Args:
        table: `schema.table`, for messages.
        name: of the column.
        duckdb_type: as DuckDB describes it.

    Raises:
        PublishRefused: PostgreSQL has no type that holds its values exactly.
    """
    column = sql_identifier(name)
    kind, text = _type_and_text(table, name, column, duckdb_type)
    json_text = text if kind == "jsonb" else None
    binary = binary_value(duckdb_type, column, json_text)
    return PublishedColumn(name, str(duckdb_type), kind, text, binary)


def _type_and_text(
    table: str, name: str, column: str, duckdb_type: DuckDBPyType
) -> tuple[str, str]:
    kind, shown = duckdb_type.id, str(duckdb_type)
    if kind == "decimal":
        (_, precision), (_, scale) = duckdb_type.children
        return f"numeric({precision},{scale})", column
    if shown == "JSON":
        return "jsonb", f"cast({column} as varchar)"
    if kind in _NESTED:
        return "jsonb", _json(table, name, column, duckdb_type, 0)
    if kind in _NANOSECONDS:
        return _NANOSECONDS[kind], _without_nanoseconds(table, name, column)
    if kind == "timestamp with time zone":
        return kind, _in_utc(column)
    if kind in _PLAIN:
        return _PLAIN[kind], rf"'\x' || hex({column})" if kind == "blob" else column
    raise _unfit(table, name, shown)


def with_leading_zero(text: str) -> str:
    """DuckDB's text of a decimal without digits before the point begins with the point."""
    return rf"regexp_replace({text}, '^(-?)\.', '\10.')"


def _unfit(table: str, name: str, shown: str) -> PublishRefused:
    return PublishRefused(
        f"{table}, column {name}: PostgreSQL has no type for {shown}. Cast it in the model, for "
        "example to varchar, or leave it out."
    )


def _in_utc(column: str) -> str:
    # Both sessions are in UTC; DuckDB's own text with an offset takes five times as long.
    moment = f"cast(make_timestamp(epoch_us({column})) as varchar)"
    return f"case when isfinite({column}) then {moment} else cast({column} as varchar) end"


def _without_nanoseconds(table: str, name: str, column: str) -> str:
    said = (
        f"{table}, column {name}: PostgreSQL keeps microseconds, and a value has nanoseconds. "
        "Round it in the model: cast(... as timestamp)."
    )
    whole = f"cast({column} as varchar)"
    return (
        f"case when length(regexp_extract({whole}, '\\.(\\d*?)0*$', 1)) > 6 "
        f"then error({sql_string(said)}) else {whole} end"
    )


def _json(table: str, name: str, value: str, kind: DuckDBPyType, depth: int) -> str:
    """JSON text of a value. Not to_json: that makes doubles of decimals."""
    one = f"element_{depth}"

    def inside(inner: DuckDBPyType, where: str, deeper: int = 0) -> str:
        return f"coalesce({_json(table, name, where, inner, depth + deeper)}, 'null')"

    match kind.id:
        case "list" | "array":
            (_, inner) = _parts(kind)[0]
            each = f"lambda {one}: {inside(inner, one, 1)}"
            values = f"list_transform({_as_list(value, kind)}, {each})"
            text = f"'[' || array_to_string({values}, ',') || ']'"
        case "struct":
            fields = [
                f"{_json_name(field)} || ':' || "
                + inside(inner, f"struct_extract({value}, {sql_string(field)})")
                for field, inner in _parts(kind)
            ]
            text = "'{' || " + " || ',' || ".join(fields) + " || '}'"
        case "map":
            (_, inner) = _parts(kind)[1]
            pair = f"{_quoted(f'{one}.key')} || ':' || {inside(inner, f'{one}.value', 1)}"
            pairs = f"list_transform(map_entries({value}), lambda {one}: {pair})"
            text = f"'{{' || array_to_string({pairs}, ',') || '}}'"
        case "union":
            cases = [
                f"when {sql_string(tag)} then '{{' || {_json_name(tag)} || ':' || "
                + inside(inner, f"union_extract({value}, {sql_string(tag)})")
                + " || '}'"
                for tag, inner in _parts(kind)
                if tag
            ]
            text = f"case cast(union_tag({value}) as varchar) {' '.join(cases)} end"
        case _:
            return _json_scalar(table, name, value, kind)
    return f"case when {value} is not null then {text} end"


def _parts(kind: DuckDBPyType) -> list[tuple[str, DuckDBPyType]]:
    return [(name, part) for name, part in kind.children if isinstance(part, DuckDBPyType)]


def _json_scalar(table: str, name: str, value: str, kind: DuckDBPyType) -> str:
    shown = str(kind)
    if kind.id == "decimal":
        return with_leading_zero(f"cast({value} as varchar)")
    if shown == "JSON" or kind.id == "boolean" or kind.id in _NUMBERS:
        return f"cast({value} as varchar)"
    if kind.id in ("float", "double"):
        # JSON has no infinity and no NaN: those become text.
        return (
            f"case when isfinite({value}) then cast({value} as varchar) else {_quoted(value)} end"
        )
    if kind.id == "blob":
        return rf"""'"\\x' || hex({value}) || '"'"""
    if shown != "NULL" and not shown.startswith('"') and kind.id not in {*_PLAIN, *_NANOSECONDS}:
        raise _unfit(table, name, shown)
    return _quoted(value)


def _as_list(value: str, kind: DuckDBPyType) -> str:
    if kind.id == "list":
        return value
    (_, inner) = _parts(kind)[0]
    return f"cast({value} as {inner}[])"


def _quoted(value: str) -> str:
    return f"cast(to_json(cast({value} as varchar)) as varchar)"


def _json_name(name: str) -> str:
    return f"cast(to_json({sql_string(name)}) as varchar)"
