"""SQL that turns JSON text into a declared list, struct or map, strictly and without loss.

DuckDB's own transformation casts leaf by leaf, and rounds: here every leaf is first text, and then
converted as any cell of its type. A missing key is NULL, as is a JSON null; keys that the type does
not name are left out.
"""

import json
from collections.abc import Callable

from duckdb.sqltypes import DuckDBPyType

from lakehouse.formats.json.numbers import (
    has_long_number_sql,
    holds_mark_sql,
    marked_numbers_sql,
    unmarked_sql,
)
from lakehouse.formats.nested_structure import (
    child_type,
    child_types,
    field_sql,
    parsed_type,
    text_structure,
)
from lakehouse.sql_quoting import sql_string

# DuckDB ends the process on deep nesting from some hundred thousand levels on.
MOST_BRACKETS = 20_000
LeafSql = Callable[[str, str], str | None]


def nested_value_sql(duckdb_type: str, text: str, leaf_value: LeafSql) -> str:
    """SQL of the nested value of a text; leaves that do not convert are NULL.

    Args:
        duckdb_type: such as `STRUCT(estado VARCHAR, fecha TIMESTAMP)[]`.
        text: SQL of the JSON text.
        leaf_value: SQL of a leaf's value, for its type and the SQL of its text.
    """
    kind = parsed_type(duckdb_type)

    def unmarked(leaf: str, item: str) -> str | None:
        return leaf_value(leaf, unmarked_sql(item))

    return _bound("root", _read(kind, text), _value(kind, "root", 0, unmarked))


def nested_leaves_sql(duckdb_type: str, value: str, leaf_value: LeafSql) -> str:
    """SQL of a nested value whose leaves are text, typed leaf by leaf."""
    return _value(parsed_type(duckdb_type), value, 0, leaf_value)


def nested_fault_sql(duckdb_type: str, text: str, declared: str, leaf_fault: LeafSql) -> str:
    """SQL of the reason why a text does not convert, NULL where it does.

    Args:
        duckdb_type: such as `STRUCT(estado VARCHAR, fecha TIMESTAMP)[]`.
        text: SQL of the JSON text; NULL where it is empty.
        declared: the type as the contract says it.
        leaf_fault: SQL of a leaf's fault, for its type and the SQL of its text; None for text.
    """
    kind = parsed_type(duckdb_type)
    fault = _fault(kind, "root", 0, leaf_fault) or "null"
    unfit = sql_string(f"does not fit {declared}")
    found = _bound(
        "root", _read(kind, "cell"), f"case when root is null then {unfit} else {fault} end"
    )
    reason = (
        "case when cell is null then null when not json_valid(cell) then 'not JSON' "
        f"when {_is_unreadable('cell')} "
        f"then 'holds more than {MOST_BRACKETS} lists and objects, or the character U+E000' "
        f"when {has_long_number_sql('cell')} and not json_valid({marked_numbers_sql('cell')}) "
        "then 'holds numbers of many digits beside text that looks like numbers' "
        f"when json_type(cell) = 'NULL' then null else {found} end"
    )
    return _bound("cell", text, reason)


def _read(kind: DuckDBPyType, text: str) -> str:
    """SQL of the value with leaves of text; NULL where the text has another structure."""
    structure = sql_string(json.dumps(text_structure(kind)))
    shaped = (
        f"case when {_fits(kind, 'shown::json', 0)} then json_transform(shown, {structure}) end"
    )
    strict = f"try(json_transform_strict(shown, {structure}))"
    found = _bound("read", strict, f"case when read is not null then read else {shaped} end")
    exact = _bound(
        "marked",
        marked_numbers_sql("given"),
        "case when json_valid(marked) then marked else given end",
    )
    readable = f"json_valid(given) and not {_is_unreadable('given')}"
    return _bound("given", text, f"case when {readable} then {_bound('shown', exact, found)} end")


def _bound(name: str, value: str, result: str) -> str:
    """SQL of `result`, in which `name` stands for `value`, computed once."""
    return f"list_transform([{value}], lambda {name}: {result})[1]"


def _is_unreadable(text: str) -> str:
    brackets = f"length({text}) - length(translate({text}, '[{{', ''))"
    # Counting costs more than all the rest, and few texts are long.
    deep = f"{brackets} > {MOST_BRACKETS}"
    is_deep = f"case when strlen({text}) > {MOST_BRACKETS} then {deep} else false end"
    return f"({is_deep} or {holds_mark_sql(text)})"


def _value(kind: DuckDBPyType, item: str, depth: int, leaf: LeafSql) -> str:
    inner = f"item_{depth}"
    if kind.id == "list":
        child = child_type(kind)
        return f"list_transform({item}, lambda {inner}: {_value(child, inner, depth + 1, leaf)})"
    if kind.id == "struct":
        fields = ", ".join(
            f"{sql_string(name)}: {_value(child, field_sql(item, name), depth, leaf)}"
            for name, child in child_types(kind).items()
        )
        return f"case when {item} is not null then {{{fields}}} end"
    if kind.id == "map":
        child = child_type(kind, "value")
        value = _value(child, f"{inner}.value", depth + 1, leaf)
        entries = f"list_transform(map_entries({item}), lambda {inner}: "
        entries += f"{{'key': {inner}.key, 'value': {value}}})"
        return f"case when {item} is not null then map_from_entries({entries}) end"
    return leaf(str(kind), item) or item


def _fault(kind: DuckDBPyType, item: str, depth: int, leaf: LeafSql) -> str | None:
    """SQL of the first reason among the leaves; None where every text converts."""
    inner = f"item_{depth}"
    if kind.id in ("list", "map"):
        if kind.id == "list":
            child, place, items = child_type(kind), inner, item
        else:
            child, place, items = (
                child_type(kind, "value"),
                f"{inner}.value",
                f"map_entries({item})",
            )
        fault = _fault(child, place, depth + 1, leaf)
        reasons = f"list_transform({items}, lambda {inner}: {fault})"
        return fault and f"list_filter({reasons}, lambda reason: reason is not null)[1]"
    if kind.id == "struct":
        faults = [
            f"{sql_string(f'{name}: ')} || ({fault})"
            for name, child in child_types(kind).items()
            if (fault := _fault(child, field_sql(item, name), depth, leaf))
        ]
        return f"coalesce({', '.join(faults)})" if faults else None
    return leaf(str(kind), unmarked_sql(item))


def _fits(kind: DuckDBPyType, node: str, depth: int) -> str:
    """SQL of whether JSON has the structure of a type, missing keys aside."""
    inner = f"node_{depth}"
    if kind.id == "list":
        child = _fits(child_type(kind), inner, depth + 1)
        items = f"json_transform({node}, '[\"JSON\"]')"
        bad = f"list_filter({items}, lambda {inner}: not ({child}))"
        fits, expected = f"len({bad}) = 0", "ARRAY"
    elif kind.id == "struct":
        parts = [f"len(json_keys({node})) = list_unique(json_keys({node}))"]
        parts += [
            _fits(child, f"json_extract({node}, {sql_string(_pointer(name))})", depth)
            for name, child in child_types(kind).items()
        ]
        fits, expected = " and ".join(parts), "OBJECT"
    elif kind.id == "map":
        fits, expected = f"len(json_keys({node})) = list_unique(json_keys({node}))", "OBJECT"
    elif str(kind) in ("VARCHAR", "JSON"):
        return "true"
    else:
        return f"coalesce(json_type({node}), 'NULL') not in ('ARRAY', 'OBJECT')"
    return (
        f"case coalesce(json_type({node}), 'NULL') when '{expected}' then {fits} "
        "when 'NULL' then true else false end"
    )


def _pointer(name: str) -> str:
    """JSON pointer (RFC 6901) to a key."""
    return "/" + name.replace("~", "~0").replace("/", "~1")
