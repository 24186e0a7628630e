"""Types that DuckDB sees in a file, as a contract can declare them."""

import duckdb
from duckdb.sqltypes import DuckDBPyType

from lakehouse.formats.nested_structure import child_types
from lakehouse.lake.column_types import parse_column_type

_NEAREST = {
    "timestamp_s": "timestamp",
    "timestamp_ms": "timestamp",
    "timestamp_ns": "timestamp",
    "time_ns": "time",
    "hugeint": "decimal(38,0)",
}
_AS_TEXT = ("uuid", "enum", "bit", "interval")
_NESTED = ("struct", "map", "list")


def is_nested(seen: DuckDBPyType) -> bool:
    """Whether values of the type hold other values."""
    return seen.id in _NESTED


def holds(seen: DuckDBPyType, *names: str) -> bool:
    """Whether a type is, or has inside, one of these, named as DuckDB does but in lower case."""
    if seen.id in names or str(seen).lower() in names:
        return True
    return any(holds(inner, *names) for inner in child_types(seen).values())


def declared_type(seen: DuckDBPyType) -> str | None:
    """The type of a contract that takes values of a type; None where contracts have none.

    Fields of structs keep their case, by which a load finds them.
    """
    if holds(seen, "map") and holds(seen, *_AS_TEXT):
        # A map is not made out of text.
        return None
    written = _written(seen) if is_nested(seen) else _NEAREST.get(str(seen).lower(), _leaf(seen))
    try:
        parse_column_type(written)
    except ValueError:
        return None
    return written


def type_doubt(name: str, seen: DuckDBPyType) -> str | None:
    """What a person should check about the declared type of a column."""
    if declared_type(seen) is None:
        return f"{name} has the type {seen}, which no contract declares: it is loaded as text"
    if str(seen) in ("TIMESTAMP_NS", "TIME_NS"):
        return f"{name} has nanoseconds; rows with parts of a microsecond will be refused"
    return None


def _written(seen: DuckDBPyType) -> str:
    if not is_nested(seen):
        return _leaf(seen)
    children = {name: _written(inner) for name, inner in child_types(seen).items()}
    if seen.id == "struct":
        return (
            f"struct({', '.join(f'{_quoted(name)} {inner}' for name, inner in children.items())})"
        )
    if seen.id == "map":
        return f"map({children['key']}, {children['value']})"
    return f"{children['child']}[]"


def _leaf(seen: DuckDBPyType) -> str:
    return "varchar" if holds(seen, *_AS_TEXT) else str(seen).lower()


def _quoted(field: str) -> str:
    """A field as DuckDB writes it: in quotes where it needs them."""
    written = str(duckdb.struct_type({field: duckdb.type("INTEGER")}))
    return written.removeprefix("STRUCT(").removesuffix(" INTEGER)")
