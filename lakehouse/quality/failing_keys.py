"""What tells one failing row from another: its key, or all that was delivered of it."""

import duckdb

from lakehouse.quality.failure_ledger import FailingKey, FailingKeys
from lakehouse.quality.masking import MASK
from lakehouse.quality.row_selection import RowSelection
from lakehouse.quality.warehouse_catalog import Relation
from lakehouse.sql_quoting import sql_identifier

MOST_KEYS = 2000
_LONGEST_LABEL = 200


def key_hash(shape: Relation, key: tuple[str, ...]) -> str:
    """SQL of the hash that identifies a row.

    Args:
        shape: the relation that the row is of.
        key: its key; without one every column counts that is not technical (starts with `_`), so
            that the same row of another file is the same row.
    """
    # The mark in front keeps a missing value apart from a text, the separator one from the next.
    parts = ", ".join(
        f"coalesce('=' || cast({sql_identifier(name)} as varchar), '-')"
        for name in _identifying(shape, key)
    )
    return f"sha256(concat_ws(chr(31), {parts}))"


def read_keys(
    connection: duckdb.DuckDBPyConnection, selection: RowSelection, key: tuple[str, ...]
) -> FailingKeys:
    """Every key of the rows that fail, the first 2,000 by hash.

    Args:
        connection: the warehouse.
        selection: the failing rows; its masked columns are bullets in the labels.
        key: columns that identify a row; empty without a key.

    Raises:
        duckdb.Error: the rows cannot be read.
    """
    shape = selection.shape
    label = "''"
    if key:
        shown = [
            f"'{MASK}'"
            if name.lower() in selection.masked
            else f"coalesce(cast({sql_identifier(name)} as varchar), '')"
            for name in _identifying(shape, key)
        ]
        label = f"left(concat_ws(', ', {', '.join(shown)}), {_LONGEST_LABEL})"
    found = connection.execute(
        f"select {key_hash(shape, key)} as row_key, any_value({label}), count(*) "
        f"from {selection.source} group by row_key order by row_key limit {MOST_KEYS + 1}"
    ).fetchall()
    keys = tuple(FailingKey(*row) for row in found[:MOST_KEYS])
    return FailingKeys(keys, complete=len(found) <= MOST_KEYS)


def _identifying(shape: Relation, key: tuple[str, ...]) -> list[str]:
    if key:
        return [shape.column(name) or name for name in key]
    delivered = [name for name in shape.columns if not name.startswith("_")]
    return delivered or list(shape.columns)
