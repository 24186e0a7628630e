"""Which rows show best what fails a test: the model's whole rows, or what dbt stored.

`unique`, `accepted_values` and `relationships` store values only, tests of other packages often
some of the model's columns: both are joined back to the model. The names in the SQL come from the
warehouse's own catalog; a test's `where` and tested expression are the project's SQL.
"""

import re
from dataclasses import dataclass

from lakehouse.quality.build_results import NodeResult
from lakehouse.quality.dbt_manifest import Manifest
from lakehouse.quality.masking import masked_columns
from lakehouse.quality.row_origins import candidate_keys
from lakehouse.quality.warehouse_catalog import Relation, WarehouseCatalog
from lakehouse.sql_quoting import sql_identifier

# Columns of dbt's own failure tables: the values that fail, and how often each occurs.
_VALUE_TABLES = {
    frozenset({"unique_field", "n_records"}): "unique_field",
    frozenset({"value_field", "n_records"}): "value_field",
    frozenset({"from_field"}): "from_field",
}
# A whole row can stand in one of these without its columns being named.
_NESTED = re.compile(r"STRUCT|MAP|UNION|JSON|VARIANT|\]$")


@dataclass(frozen=True)
class RowSelection:
    """Rows to show.

    Attributes:
        shape: the relation whose columns they have.
        source: SQL after FROM.
        marked: columns because of which the rows fail.
        masked: lower-case names of the columns to mask.
    """

    shape: Relation
    source: str
    marked: tuple[str, ...]
    masked: frozenset[str]


def joined_to_model(
    manifest: Manifest, catalog: WarehouseCatalog, test: NodeResult, stored: Relation
) -> RowSelection | None:
    """Whole rows of the tested model that match the stored ones; None where they cannot be told."""
    tested = manifest.tested_node(test.unique_id)
    model = catalog.of_node(manifest.node(tested or ""))
    if tested is None or model is None:
        return None
    names = frozenset(name.lower() for name in stored.columns)
    known = {name.lower() for name in model.columns}
    if value := _VALUE_TABLES.get(names):
        own = model.column(test.column)
        if not test.column:
            return None
        # The tested column may be an expression of the project's own SQL.
        tested_sql = sql_identifier(own) if own else f"({test.column})"
        condition = f"{tested_sql} in (select {sql_identifier(value)} from {stored.sql})"
        marked: tuple[str, ...] = (own,) if own else ()
    elif names < known and _tells_rows(manifest, test, tested, stored):
        pairs = " and ".join(
            f"f.{sql_identifier(name)} is not distinct from m.{sql_identifier(name)}"
            for name in stored.columns
        )
        condition = f"exists (select 1 from {stored.sql} f where {pairs})"
        marked = tuple(name for name in model.columns if name.lower() in names)
    else:
        return None
    config = manifest.node(test.unique_id).get("config") or {}
    where = f" where {config['where']}" if config.get("where") else ""
    return RowSelection(
        shape=model,
        source=f"(select * from {model.sql}{where}) m where {condition}",
        marked=marked,
        masked=masked_columns(manifest, [tested]),
    )


def _tells_rows(manifest: Manifest, test: NodeResult, tested: str, stored: Relation) -> bool:
    # A singular test may store groups; joined back, rows without a fault would be shown.
    keys = candidate_keys(manifest, tested)
    return test.test_kind != "singular" or any(stored.has(*key) for key in keys)


def as_stored(
    manifest: Manifest, catalog: WarehouseCatalog, test: NodeResult, stored: Relation
) -> RowSelection:
    """The table of failing rows as dbt stored it."""
    masked = masked_columns(manifest, nodes_of_test(manifest, test))
    own = stored.column(test.column)
    values = [name for name in stored.columns if name.lower() in _VALUE_TABLES.values()]
    return RowSelection(
        shape=stored,
        source=stored.sql,
        marked=(own,) if own else tuple(values),
        masked=masked | _unnamed_personal_data(manifest, catalog, test, stored, masked),
    )


def nodes_of_test(manifest: Manifest, test: NodeResult) -> list[str]:
    """Ids of the nodes a test is about: the tested one first, then what else its SQL reads."""
    tested = manifest.tested_node(test.unique_id)
    others = manifest.parents(test.unique_id)
    return list(dict.fromkeys([*([tested] if tested else []), *others]))


def _unnamed_personal_data(
    manifest: Manifest,
    catalog: WarehouseCatalog,
    test: NodeResult,
    stored: Relation,
    masked: frozenset[str],
) -> frozenset[str]:
    """Columns that only the test knows and that may hold what a masked column holds."""
    if not masked:
        return frozenset()
    about = nodes_of_test(manifest, test)
    known = {"n_records"}
    for unique_id in {*about, *(a for one in about for a in manifest.ancestors(one))}:
        relation = catalog.of_node(manifest.node(unique_id))
        known |= {name.lower() for name in relation.columns} if relation else set()
    words = {word.lower() for word in re.findall(r"\w+", test.compiled_code or "")}
    spoken = {part for name in masked for part in re.findall(r"\w+", name)} & words
    every = bool(spoken) or not words or (test.column or "").lower() in masked
    return frozenset(
        name.lower()
        for name, data_type in stored.columns.items()
        if name.lower() not in known and (every or _NESTED.search(data_type))
    )
