"""`python -m demo.fill`: sample data for systems that run elsewhere, such as those of compose.yaml.

The demo has stand-ins of its own; this fills a real database and real folders. Again it changes
nothing: what is there already is left alone.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from sqlalchemy import Connection, create_engine, func, inspect, select, text
from sqlalchemy import table as sql_table
from sqlalchemy.exc import SQLAlchemyError

from demo.domains import DOMAINS
from demo.techstore_database import SCHEMA, Row, client_rows, line_rows, order_rows, product_rows
from demo.techstore_deliveries import write_deliveries
from demo.techstore_shop import Shop
from lakehouse.errors import AljibeError, SettingsInvalid
from lakehouse.settings import load_settings

DATABASE = "DEMO_DATABASE_URL"
# In the order of their foreign keys.
TABLES: dict[str, Callable[[Shop], Iterator[Row]]] = {
    "clientes": client_rows,
    "productos": product_rows,
    "pedidos": order_rows,
    "detalle_pedidos": line_rows,
}
_BATCH = 1000


def fill_database(shop: Shop, url: str) -> list[str]:
    """Make the four tables of the shop in a database of any kind, and fill those that are empty.

    Args:
        shop: what to write.
        url: SQLAlchemy URL of a user that may make tables.

    Returns:
        A line for each table.

    Raises:
        SettingsInvalid: the database does not take it; without the password.
    """
    lines = []
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            known = set(inspect(connection).get_table_names())
            for statement in SCHEMA.split(";"):
                name = statement.partition("(")[0].split()
                if name and name[-1] not in known:
                    connection.execute(text(statement))
        # One transaction: a kill leaves all tables full or all empty.
        with engine.begin() as connection:
            lines = [
                f"{name}: {_fill(connection, name, rows(shop))}" for name, rows in TABLES.items()
            ]
    except SQLAlchemyError as error:
        where = engine.url.render_as_string(hide_password=True)
        cause = getattr(error, "orig", None) or type(error).__name__
        raise SettingsInvalid(f"{DATABASE}: {where} cannot be filled: {cause}.") from None
    finally:
        engine.dispose()
    return lines


def _fill(connection: Connection, name: str, rows: Iterator[Row]) -> str:
    there = connection.scalar(select(func.count()).select_from(sql_table(name))) or 0
    if there:
        return f"{there} rows are there"
    columns = [str(column["name"]) for column in inspect(connection).get_columns(name)]
    values = ", ".join(f":{column}" for column in columns)
    statement = text(f"insert into {name} ({', '.join(columns)}) values ({values})")
    written = 0
    batch: list[dict[str, str | int | None]] = []
    for row in rows:
        batch.append(dict(zip(columns, row, strict=True)))
        if len(batch) == _BATCH:
            connection.execute(statement, batch)
            written, batch = written + len(batch), []
    if batch:
        connection.execute(statement, batch)
    return f"{written + len(batch)} rows written"


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill what was asked for; returns the exit code."""
    parser = argparse.ArgumentParser(prog="demo.fill", description=__doc__)
    parser.add_argument("--sftp", type=Path, help="folder that the SFTP server shows as /upload")
    parser.add_argument("--landing", action="store_true", help="also the folders of ALJIBE_HOME")
    parser.add_argument("--scale", type=int, default=1, help="times the data; default 1")
    chosen = parser.parse_args(arguments)
    shop, settings = Shop(scale=chosen.scale), load_settings()
    if url := os.environ.get(DATABASE):
        _say(fill_database(shop, url))
    if chosen.sftp:
        _say([str(file) for file in write_deliveries(shop, chosen.sftp)])
    for domain in DOMAINS.values() if chosen.landing else ():
        if domain.folder(settings) == settings.landing(domain.name):
            files = domain.write(settings, chosen.scale)
            _say([f"{domain.name}: {len(files)} files"])
    return 0


def _say(lines: Sequence[str]) -> None:
    for line in lines:
        print(f"demo.fill: {line}", flush=True)  # noqa: T201


if __name__ == "__main__":
    try:
        sys.exit(main())
    except AljibeError as error:
        sys.exit(f"demo.fill: {error}")
