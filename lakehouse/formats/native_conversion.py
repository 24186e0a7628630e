"""SQL that casts a staged value to its declared type, strictly and without loss.

For columns that come with a type of their own (Parquet, databases), and for text that a
database wrote in DuckDB's own form of dates and times.
"""

from lakehouse.source_catalog import Column

# Casts between these may round or cut without an error: the way back shows it.
_LOSSY_TO = ("integer", "decimal", "double", "date", "timestamp", "time")


def cast_sql(column: Column, identifier: str) -> str:
    """SQL of the value in the declared type; NULL where it is NULL or does not convert."""
    return f"try_cast({identifier} as {column.type.duckdb})"


def cast_fault_sql(column: Column, staged_type: str, identifier: str) -> str | None:
    """SQL of the reason why a value does not convert, NULL where it does.

    Args:
        column: with its declared type.
        staged_type: name of the column's type in DuckDB.
        identifier: SQL of the value.

    Returns:
        None where every value converts.
    """
    if column.type.duckdb == staged_type or column.type.kind in ("text", "json"):
        return None
    cast = cast_sql(column, identifier)
    lost = f"{cast} is null"
    if column.type.kind in _LOSSY_TO and staged_type != "VARCHAR":
        lost += f" or try_cast({cast} as {staged_type}) is distinct from {identifier}"
    return (
        f"case when {identifier} is not null and ({lost}) "
        f"then 'a {staged_type.lower()} that is no {column.data_type}' end"
    )
