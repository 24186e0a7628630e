"""What our ingest of a MySQL table costs against connectorx, DuckDB, dlt and pandas.

Run: python -m benchmarks.mysql_ingest [--rows 2000000] [--rounds 3] [--without pandas dlt]
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from sqlalchemy import URL

from benchmarks.mysql_loaders import TABLE
from benchmarks.peer_environment import CACHE, make_environment
from benchmarks.side_by_side import SideBySide, conclude

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "integration"))

from servers.mariadb import connect_to, running_mariadb

LOADS = SideBySide(
    "mysql_loaders",
    "connectorx",
    {
        "connectorx": "connectorx, Arrow stream",
        "aljibe": "our ingest: snapshot, count, hash, ledger",
        "duckdb": "DuckDB mysql extension",
        "dlt": "dlt on connectorx",
        "pandas": "pandas read_sql, to_parquet",
    },
)
# As a server has that is used: the table is in memory, and no disk is measured.
BUFFER_POOL = "1G"
# MySQL's type, ours, and the value in row `seq`.
COLUMNS = {
    "id": ("bigint primary key", "bigint", "seq"),
    "customer_id": ("int unsigned not null", "uinteger", "seq * 7919 % 300000"),
    "status": ("varchar(20) not null", "varchar", "elt(1 + seq % 3, 'pending', 'sent', 'done')"),
    "amount": ("decimal(12,2)", "decimal(12,2)", "if(seq % 17, seq * 31 % 1000000 / 100, null)"),
    "rate": ("decimal(18,6)", "decimal(18,6)", "seq * 17 % 1000003 / 1000000"),
    "quantity": ("smallint", "smallint", "seq % 500"),
    "is_gift": ("tinyint(1)", "tinyint", "seq % 2"),
    "created_at": (
        "datetime(6)",
        "timestamp",
        "timestamp '2024-01-01 00:00:00.123456' + interval seq second",
    ),
    "updated_at": ("timestamp not null", "timestamptz", "from_unixtime(1700000000 + seq)"),
    "order_date": ("date", "date", "date '2020-01-01' + interval seq % 2000 day"),
    "note": ("varchar(200)", "varchar", "if(seq % 10 = 0, null, concat('nota ñ ', md5(seq)))"),
    "attributes": ("json", "json", "json_object('k', seq, 'tag', 'x')"),
}


def make_table(url: URL, rows: int) -> URL:
    """Fill a database with generated orders of 12 columns; its URL."""
    database = url.set(database="measured")
    columns = ", ".join(f"{name} {kind}" for name, (kind, _, _) in COLUMNS.items())
    values = ", ".join(value for _, _, value in COLUMNS.values())
    with connect_to(url) as session, session.cursor() as cursor:
        cursor.execute("create database measured")
        cursor.execute("use measured")
        cursor.execute(f"create table {TABLE} ({columns})")
        cursor.execute(f"insert into {TABLE} select {values} from seq_1_to_{rows}")
        cursor.execute(f"analyze table {TABLE}")
    return database


def write_source(path: Path, url: URL) -> None:
    """Tell `mysql_loaders` where the table is, with the password, and its columns."""
    columns = {name: kind for name, (_, kind, _) in COLUMNS.items()}
    told = {"url": url.render_as_string(hide_password=False), "columns": columns}
    path.write_text(json.dumps(told), "utf-8")


def main() -> None:
    """Read the options, start a server, fill it, measure in turns."""
    parser = LOADS.option_parser(__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument(
        "--cache", type=Path, default=CACHE, help="folder for the peers' virtual environment"
    )
    options = parser.parse_args()
    console = Console()
    peers = make_environment("peers", options.cache) / "python"
    pythons = {name: peers for name in LOADS.labels if name != "aljibe"}
    with (
        TemporaryDirectory(prefix="aljibe-mysql-ingest-", dir=options.folder) as name,
        running_mariadb(buffer_pool=BUFFER_POOL) as server,
    ):
        folder = Path(name)
        source = folder / "source.json"
        write_source(source, make_table(server.url, options.rows))
        runs = LOADS.measure(options, source, folder, options.rows, pythons)
    title = f"MariaDB on loopback, {options.rows:,} rows x {len(COLUMNS)} columns"
    LOADS.report(runs, title, console)
    conclude(options, console, {"rows": options.rows, "runs": runs}, f"{options.threads} threads")


if __name__ == "__main__":
    main()
