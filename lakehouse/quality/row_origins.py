"""From which file and line of a delivery a row came, looked up by its key upstream.

A model that does not carry `_source_file` and `_source_line` itself, such as a fact table, has
ancestors that do: the row's key is looked up in the nearest of them on every path.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import duckdb

from lakehouse.quality.dbt_manifest import Manifest, node_meta, plain_column
from lakehouse.quality.warehouse_catalog import Relation, WarehouseCatalog
from lakehouse.sql_quoting import sql_identifier

FILE_COLUMN = "_source_file"
LINE_COLUMN = "_source_line"

_MOST_STEPS = 6
_MOST_LISTED = 10

Key = tuple[str | None, ...]


@dataclass(frozen=True)
class Origins:
    """Where rows of one key came from.

    Attributes:
        listed: file and line of the first ten, in order; no line where the format has none.
        total: number of them.
    """

    listed: tuple[tuple[str, int | None], ...]
    total: int

    @property
    def file(self) -> str:
        """The file, or every `file:line` where there are several."""
        if self.total == 1:
            return self.listed[0][0]
        places = [file if line is None else f"{file}:{line}" for file, line in self.listed]
        more = self.total - len(places)
        return ", ".join(places) + (f" and {more:,} more" if more else "")

    @property
    def line(self) -> int | None:
        """The line of the only origin; None where there are several or the format has none."""
        return self.listed[0][1] if self.total == 1 else None


@dataclass(frozen=True)
class OriginPlan:
    """How to find the origins of rows: their key columns, and the relations to look into."""

    key: tuple[str, ...]
    relations: tuple[Relation, ...]


def candidate_keys(manifest: Manifest, unique_id: str) -> Iterator[tuple[str, ...]]:
    """Columns that identify a row of a node, the most deliberate statement first.

    These are `config.meta.key`, a primary key constraint, the primary key that dbt infers, and
    columns with a `unique` test.
    """
    node = manifest.node(unique_id)
    key = node_meta(node).get("key")
    if isinstance(key, str | list | tuple) and key:
        yield (key,) if isinstance(key, str) else tuple(str(name) for name in key)
    for constraint in node.get("constraints") or ():
        if constraint.get("type") == "primary_key" and constraint.get("columns"):
            yield tuple(constraint["columns"])
    for name, column in (node.get("columns") or {}).items():
        if any(rule.get("type") == "primary_key" for rule in column.get("constraints") or ()):
            yield (str(column.get("name") or name),)
    if inferred := tuple(plain_column(name) or "" for name in node.get("primary_key") or ()):
        yield inferred
    for name in manifest.unique_columns.get(unique_id, ()):
        yield (name,)


def plan_origins(
    manifest: Manifest, catalog: WarehouseCatalog, start: Sequence[str], rows: Relation
) -> OriginPlan | None:
    """Choose the key and the nearest relations at or above `start` that know the origins of it.

    Args:
        manifest: the lineage.
        catalog: the relations that exist.
        start: ids of the nodes that the rows are about.
        rows: the shape of the rows; only keys whose columns are all in it can be looked up.
    """
    keys = [key for unique_id in start for key in candidate_keys(manifest, unique_id)]
    for key in dict.fromkeys(keys):
        if rows.has(*key):
            relations = tuple(_nearest(manifest, catalog, start, key))
            if relations:
                return OriginPlan(key, relations)
    return None


def _nearest(
    manifest: Manifest, catalog: WarehouseCatalog, start: Iterable[str], key: tuple[str, ...]
) -> Iterator[Relation]:
    seen = set(start)
    level = list(seen)
    for _ in range(_MOST_STEPS + 1):
        above: list[str] = []
        for unique_id in sorted(level):
            relation = catalog.of_node(manifest.node(unique_id))
            if relation and relation.has(FILE_COLUMN, *key):
                yield relation
                continue
            new = [parent for parent in manifest.parents(unique_id) if parent not in seen]
            seen.update(new)
            above += new
        level = above


def find_origins(
    connection: duckdb.DuckDBPyConnection, plan: OriginPlan, keys: Sequence[Key]
) -> dict[Key, Origins]:
    """Look up keys, compared as text, so that raw text columns match typed ones.

    Args:
        connection: the warehouse.
        plan: key and relations.
        keys: for each row the values of the plan's key as text; a NULL matches NULLs.

    Raises:
        duckdb.Error: a relation cannot be read.
    """
    wanted = list(dict.fromkeys(keys))
    if not wanted:
        return {}
    width = len(plan.key)
    # Literals, because duckdb imports pandas (a second) with the first bound parameter.
    values = ", ".join(
        f"({', '.join([str(number), *map(_literal, key)])})" for number, key in enumerate(wanted)
    )
    names = ", ".join(["number", *(f"k{at}" for at in range(width))])
    lookups = " union all ".join(_lookup(relation, plan.key) for relation in plan.relations)
    query = f"""
        with wanted({names}) as (values {values}),
        found as ({lookups}),
        places as (select distinct number, file, line from found where file is not null)
        select number, file, line, count(*) over (partition by number)
        from places
        qualify row_number() over (partition by number order by file, line) <= {_MOST_LISTED}
        order by number, file, line
    """
    places: dict[Key, list[tuple[str, int | None]]] = {}
    totals: dict[Key, int] = {}
    for number, file, line, total in connection.execute(query).fetchall():
        places.setdefault(wanted[number], []).append((file, line))
        totals[wanted[number]] = total
    return {key: Origins(tuple(listed), totals[key]) for key, listed in places.items()}


def _literal(value: str | None) -> str:
    return "null::varchar" if value is None else "'" + value.replace("'", "''") + "'"


def _lookup(relation: Relation, key: tuple[str, ...]) -> str:
    line = relation.column(LINE_COLUMN)
    matches = " and ".join(
        f"cast(a.{sql_identifier(relation.column(name) or name)} as varchar) "
        f"is not distinct from w.k{at}"
        for at, name in enumerate(key)
    )
    file_sql = f"cast(a.{sql_identifier(relation.column(FILE_COLUMN) or FILE_COLUMN)} as varchar)"
    line_sql = f"try_cast(a.{sql_identifier(line)} as bigint)" if line else "null::bigint"
    return (
        f"select w.number, {file_sql} as file, {line_sql} as line "
        f"from {relation.sql} a join wanted w on {matches}"
    )
