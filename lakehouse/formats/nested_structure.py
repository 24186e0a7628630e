"""Declared lists, structs and maps: their parts, and the same with leaves of text."""

from functools import cache
from typing import Any

import duckdb
from duckdb.sqltypes import DuckDBPyType

from lakehouse.sql_quoting import sql_identifier, sql_string


@cache
def parsed_type(duckdb_type: str) -> DuckDBPyType:
    """A type of DuckDB by its name."""
    with duckdb.connect() as session:
        return session.type(duckdb_type)


def child_types(kind: DuckDBPyType) -> dict[str, DuckDBPyType]:
    """Types of a struct's fields, `child` of a list, `key` and `value` of a map."""
    if kind.id not in ("list", "struct", "map"):
        return {}
    return {name: child for name, child in kind.children if isinstance(child, DuckDBPyType)}


def child_type(kind: DuckDBPyType, name: str = "child") -> DuckDBPyType:
    """Type of a list's items, or of one of a struct's or map's parts."""
    return child_types(kind)[name]


def field_sql(item: str, name: str) -> str:
    """SQL of a field of a struct."""
    return f"struct_extract({item}, {sql_string(name)})"


@cache
def holds_nested_map(duckdb_type: str) -> bool:
    """Whether a map of lists, structs or maps is in a type, which no text can be read as."""

    def holds(kind: DuckDBPyType) -> bool:
        parts = child_types(kind).values()
        return (kind.id == "map" and any(map(child_types, parts))) or any(map(holds, parts))

    return holds(parsed_type(duckdb_type))


def text_leaves_type(duckdb_type: str) -> str | None:
    """A nested type with leaves of text; None for one that holds a map or JSON."""

    def name(kind: DuckDBPyType) -> str:
        if kind.id == "list":
            return f"{name(child_type(kind))}[]"
        if kind.id == "struct":
            fields = [
                f"{sql_identifier(field)} {name(child)}"
                for field, child in child_types(kind).items()
            ]
            return f"STRUCT({', '.join(fields)})"
        return "VARCHAR"

    plain = "MAP(" not in duckdb_type and "JSON" not in duckdb_type
    return name(parsed_type(duckdb_type)) if plain else None


def text_structure(kind: DuckDBPyType) -> Any:
    """The structure that DuckDB's JSON functions take, all leaves text."""
    if kind.id == "list":
        return [text_structure(child_type(kind))]
    if kind.id == "struct":
        return {name: text_structure(child) for name, child in child_types(kind).items()}
    return "MAP(VARCHAR, VARCHAR)" if kind.id == "map" else "VARCHAR"


def filled_fields_sql(duckdb_type: str, value: str) -> str:
    """SQL of how many fields are not NULL in the structs of a nested value, in all."""
    return _filled(parsed_type(duckdb_type), value, 0)


def _filled(kind: DuckDBPyType, item: str, depth: int) -> str:
    if kind.id == "list":
        inner = f"item_{depth}"
        count = _filled(child_type(kind), inner, depth + 1)
        return f"coalesce(list_sum(list_transform({item}, lambda {inner}: {count})), 0)"
    counts = [
        f"case when {field_sql(item, name)} is null then 0 "
        f"else 1 + {_filled(child, field_sql(item, name), depth)} end"
        for name, child in child_types(kind).items()
    ]
    return f"({' + '.join(counts)})" if counts else "0"
