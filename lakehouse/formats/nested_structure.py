"""A declared list or struct as the structure that DuckDB's JSON functions take."""

import json
from functools import cache
from typing import Any

import duckdb
from duckdb.sqltypes import DuckDBPyType


@cache
def nested_structure(duckdb_type: str) -> str:
    """JSON of the structure, as `json_transform_strict` takes it.

    Args:
        duckdb_type: such as `STRUCT(estado VARCHAR, n INTEGER)[]`.
    """
    with duckdb.connect() as session:
        return json.dumps(_structure(session.type(duckdb_type)))


def _structure(kind: DuckDBPyType) -> Any:
    if kind.id == "list":
        return [_structure(dict(kind.children)["child"])]
    if kind.id == "struct":
        return {name: _structure(child) for name, child in kind.children}
    return str(kind)
