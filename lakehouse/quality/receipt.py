"""Receipts: small tables that people check a run against, such as rows delivered and rows kept.

A model with `config.meta.receipt: true` is one. How it is shown does not belong here.
"""

import re
from dataclasses import dataclass

import duckdb

from lakehouse.quality.build_results import BuildResults, NodeResult
from lakehouse.quality.dbt_manifest import Manifest, node_meta
from lakehouse.quality.masking import MASK, masked_columns
from lakehouse.quality.warehouse_catalog import Relation, WarehouseCatalog
from lakehouse.sql_quoting import sql_identifier

MOST_ROWS = 200
_LONGEST_VALUE = 1000
_WHOLE = re.compile(r"U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?")
_DECIMAL = re.compile(r"DECIMAL\(\d+,\s*(\d+)\)")


@dataclass(frozen=True)
class ReceiptColumn:
    """A column of a receipt.

    Attributes:
        description: what the project says of it; empty without.
        numeric: its values are numbers.
        decimals: digits behind the point that every value has; None for floating point and text.
    """

    name: str
    description: str = ""
    numeric: bool = False
    decimals: int | None = None


@dataclass(frozen=True)
class Receipt:
    """The rows of a receipt, in the order of the table.

    Attributes:
        name: of the model.
        description: what the project says of it; empty without.
        rows: values as exact text, in the order of the columns; masked ones are bullets.
        total: rows that the table has; at most 200 are in `rows`.
        readable: whether it could be read.
    """

    name: str
    description: str = ""
    columns: tuple[ReceiptColumn, ...] = ()
    rows: tuple[tuple[str | None, ...], ...] = ()
    total: int = 0
    readable: bool = True


def read_receipts(
    connection: duckdb.DuckDBPyConnection, results: BuildResults, manifest: Manifest
) -> tuple[Receipt, ...]:
    """Read the receipts among the models that were built, by name.

    Args:
        connection: the warehouse after the build; nothing is written.
        results: the build's results. What it could not build is left out: its rows are older.
        manifest: the build's manifest.

    Raises:
        duckdb.Error: the warehouse cannot be read.
    """
    models = [
        node
        for node in results.models
        if node.status == "pass" and node_meta(manifest.node(node.unique_id)).get("receipt") is True
    ]
    if not models:
        return ()
    catalog = WarehouseCatalog(connection)
    return tuple(
        _read(connection, catalog, manifest, node)
        for node in sorted(models, key=lambda one: (one.name, one.unique_id))
    )


def _read(
    connection: duckdb.DuckDBPyConnection,
    catalog: WarehouseCatalog,
    manifest: Manifest,
    node: NodeResult,
) -> Receipt:
    relation = catalog.of_node(manifest.node(node.unique_id))
    if relation is None:
        return Receipt(node.name, node.description, readable=False)
    masked = masked_columns(manifest, [node.unique_id])
    values = ", ".join(_value(name, masked) for name in relation.columns)
    try:
        counted = connection.execute(f"select count(*) from {relation.sql}").fetchone()
        # Without an order of its own a table gives its rows as its model ordered them.
        rows = connection.execute(
            f"select {values} from {relation.sql} limit {MOST_ROWS}"
        ).fetchall()
    except duckdb.Error:
        return Receipt(node.name, node.description, readable=False)
    return Receipt(
        name=node.name,
        description=node.description,
        columns=_columns(manifest, node.unique_id, relation, masked),
        rows=tuple(rows),
        total=int(counted[0]) if counted else 0,
    )


def _value(name: str, masked: frozenset[str]) -> str:
    column = sql_identifier(name)
    if name.lower() in masked:
        return f"case when {column} is not null then '{MASK}' end"
    return f"left(cast({column} as varchar), {_LONGEST_VALUE})"


def _columns(
    manifest: Manifest, unique_id: str, relation: Relation, masked: frozenset[str]
) -> tuple[ReceiptColumn, ...]:
    declared = manifest.node(unique_id).get("columns") or {}
    told = {name.lower(): str(one.get("description") or "") for name, one in declared.items()}
    found = []
    for name, data_type in relation.columns.items():
        description = told.get(name.lower(), "")
        decimal = _DECIMAL.fullmatch(data_type)
        if name.lower() in masked:
            column = ReceiptColumn(name, description)
        elif decimal or _WHOLE.fullmatch(data_type):
            column = ReceiptColumn(name, description, True, int(decimal[1]) if decimal else 0)
        else:
            column = ReceiptColumn(name, description, data_type in ("FLOAT", "DOUBLE"))
        found.append(column)
    return tuple(found)
