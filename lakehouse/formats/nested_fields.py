"""Fields that objects inside a nested column have and its declared type has not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lakehouse.formats.nested_structure import child_types, parsed_type
from lakehouse.source_catalog import Table
from lakehouse.sql_quoting import sql_string


@dataclass(frozen=True)
class ObjectPlace:
    """Where objects of one declared kind are.

    Attributes:
        steps: keys from the record on; None for every item of a list.
        fields: that are declared there.
    """

    steps: tuple[str | None, ...]
    fields: frozenset[str]

    @property
    def shown(self) -> str:
        """The place in words, as `tracking.history`."""
        return ".".join(step for step in self.steps if step is not None)

    @property
    def path(self) -> str:
        """DuckDB's JSON path."""
        return "$" + "".join("[*]" if step is None else _quoted(step) for step in self.steps)


def object_places(table: Table, keys: dict[str, tuple[str, ...]]) -> tuple[ObjectPlace, ...]:
    """Objects that the nested columns of a table declare.

    Args:
        table: with its contract.
        keys: where in a record each column is.
    """
    nested = [column for column in table.columns if column.type.kind == "nested"]
    return tuple(
        place
        for column in nested
        if column.name in keys
        for place in _places(column.type.duckdb, keys[column.name])
    )


def undeclared_fields_sql(place: ObjectPlace, records: str) -> str:
    """SQL of the distinct fields of the objects at a place.

    Args:
        place: of the objects.
        records: SQL of a relation with the JSON column `json`.
    """
    found = f"json_extract(json, {sql_string(place.path)})"
    if None in place.steps:
        keys = f"flatten(list_transform({found}, lambda item: json_keys(item)))"
    else:
        keys = f"json_keys({found})"
    return f"select distinct unnest({keys}) from {records}"


def fields_at(value: Any, steps: tuple[str | None, ...]) -> Iterator[str]:
    """Fields of the objects that are below a parsed value."""
    if not steps:
        yield from value if isinstance(value, dict) else ()
    elif steps[0] is None:
        for item in value if isinstance(value, list) else ():
            yield from fields_at(item, steps[1:])
    elif isinstance(value, dict):
        yield from fields_at(value.get(steps[0]), steps[1:])


def left_out_warnings(found: Mapping[str, set[str]]) -> tuple[str, ...]:
    """A finding about fields that were left out, by their place."""
    return tuple(
        f"{place} holds fields that its type does not declare, which were left out: "
        f"{', '.join(sorted(fields)[:20])}"
        for place, fields in found.items()
        if fields
    )


def _places(duckdb_type: str, steps: tuple[str | None, ...]) -> Iterator[ObjectPlace]:
    kind = parsed_type(duckdb_type)
    children = child_types(kind)
    if kind.id == "list":
        yield from _places(str(children["child"]), (*steps, None))
    if kind.id == "struct":
        yield ObjectPlace(steps, frozenset(children))
        for name, child in children.items():
            yield from _places(str(child), (*steps, name))


def _quoted(step: str) -> str:
    escaped = step.replace("\\", "\\\\").replace('"', '\\"')
    return f'."{escaped}"'
