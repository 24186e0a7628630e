"""The tables of a domain shared out over parts of about the same time."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Engine, distinct, func, select

from lakehouse.lake.audit_schema import deliveries
from lakehouse.source_catalog import Table

_UNKNOWN_SECONDS = 1.0


def split_tables(
    tables: Sequence[Table], most_parts: int, seconds: Mapping[str, float]
) -> list[tuple[str, ...]]:
    """Share out tables; those of a database stay together, as they are read at one moment.

    Args:
        tables: in the order of their declaration.
        most_parts: at most this many parts.
        seconds: that a run spends on a table, by `source.table`, where that is known.

    Returns:
        Names of the tables of each part, in the order of the declaration; the longest part first.
    """
    units: dict[str, list[str]] = {}
    for table in tables:
        key = table.source if table.connector == "database" else table.full_name
        units.setdefault(key, []).append(table.full_name)
    weights = {
        key: sum(seconds.get(name, _UNKNOWN_SECONDS) for name in names)
        for key, names in units.items()
    }
    shares: list[list[str]] = [[] for _ in range(most_parts)]
    loads = [0.0] * most_parts
    for key in sorted(units, key=lambda key: (-weights[key], key)):
        lightest = loads.index(min(loads))
        shares[lightest] += units[key]
        loads[lightest] += weights[key]
    order = {table.full_name: at for at, table in enumerate(tables)}
    heaviest_first = sorted(range(most_parts), key=lambda at: -loads[at])
    return [tuple(sorted(shares[at], key=order.__getitem__)) for at in heaviest_first if shares[at]]


def seconds_of_tables(engine: Engine, tables: Sequence[Table]) -> dict[str, float]:
    """Seconds that a run which brought something spent on each table, on average."""
    runs = func.count(distinct(deliveries.c.run_id))
    query = (
        select(
            deliveries.c.source_name,
            deliveries.c.table_name,
            (func.sum(deliveries.c.seconds) / runs).label("seconds"),
        )
        .where(
            deliveries.c.run_id.is_not(None),
            deliveries.c.source_name.in_({table.source for table in tables}),
        )
        .group_by(deliveries.c.source_name, deliveries.c.table_name)
    )
    with engine.connect() as connection:
        return {
            f"{row.source_name}.{row.table_name}": float(row.seconds)
            for row in connection.execute(query)
        }
