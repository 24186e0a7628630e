"""What our ingest of a MySQL table costs against connectorx, DuckDB, dlt and pandas.

Run: python -m benchmarks.mysql_ingest [--rows 2000000] [--rounds 3] [--without pandas dlt]
"""

import argparse
import json
import os
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import URL

from benchmarks.measurements import (
    MeasurementError,
    Spread,
    machine,
    ratios,
    timed,
    write_json,
)
from benchmarks.mysql_load_child import LOADERS
from benchmarks.peer_environment import make_peer_environment

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "integration"))

from servers.mariadb import connect_to, running_mariadb  # noqa: E402

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
LABELS = {
    "connectorx": "connectorx, Arrow stream",
    "aljibe": "our ingest: snapshot, count, hash, ledger",
    "duckdb": "DuckDB mysql extension",
    "dlt": "dlt on connectorx",
    "pandas": "pandas read_sql, to_parquet",
}


def make_table(url: URL, rows: int) -> URL:
    """Fill a database with generated orders of 12 columns; its URL."""
    database = url.set(database="measured")
    columns = ", ".join(f"{name} {kind}" for name, (kind, _, _) in COLUMNS.items())
    values = ", ".join(value for _, _, value in COLUMNS.values())
    with connect_to(url) as session, session.cursor() as cursor:
        cursor.execute("create database measured")
        cursor.execute("use measured")
        cursor.execute(f"create table orders ({columns})")
        cursor.execute(f"insert into orders select {values} from seq_1_to_{rows}")
        cursor.execute("analyze table orders")
    return database


def load_once(loader: str, python: Path, url: URL, folder: Path, rows: int) -> dict[str, float]:
    """Load the table in a new process into a new folder, which is removed afterwards.

    Returns:
        rows, seconds of the load, peak_rss_bytes.

    Raises:
        MeasurementError: the process failed, or loaded another number of rows.
    """
    target, answer = folder / loader, folder / f"{loader}.json"
    target.mkdir()
    types = {name: kind for name, (_, kind, _) in COLUMNS.items()}
    environment = {
        **os.environ,
        "MYSQL_URL": url.render_as_string(hide_password=False),
        "MYSQL_COLUMNS": json.dumps(types),
    }
    child = [ROOT / "benchmarks" / "mysql_load_child.py"]
    command = (
        [sys.executable, "-m", "benchmarks.mysql_load_child"]
        if loader == "aljibe"
        else [python, *child]
    )
    try:
        timed(
            [*command, loader, target, answer],
            environment=environment,
            folder=ROOT if loader == "aljibe" else target,
            log=folder / f"{loader}.log",
        )
    finally:
        shutil.rmtree(target)
    told: dict[str, float] = json.loads(answer.read_text("utf-8"))
    if told["rows"] != rows:
        raise MeasurementError(f"{loader} loaded {told['rows']} of {rows} rows")
    return told


def markdown(measured: dict[str, list[dict[str, float]]]) -> str:
    """Seconds, ratio to connectorx and peak memory, as a table."""
    lines = [
        "| median (min-max) | seconds | x connectorx | peak memory, MB |",
        "|---|---|---|---|",
    ]
    seconds = {name: [run["seconds"] for run in runs] for name, runs in measured.items()}
    for name, runs in measured.items():
        memory = Spread(tuple(run["peak_rss_bytes"] / 1e6 for run in runs))
        ratio = ratios(seconds[name], seconds["connectorx"])
        lines.append(
            f"| {LABELS[name]} | {Spread(tuple(seconds[name])).shown()} | {ratio.shown()} | "
            f"{memory.shown(0)} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Read the options, start a server, fill it, measure in turns."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without", nargs="*", default=[], choices=sorted(set(LOADERS)))
    parser.add_argument("--folder", type=Path, help="scratch; default the temporary folder")
    parser.add_argument("--cache", type=Path, default=Path("data/benchmarks"))
    parser.add_argument("--json", type=Path, help="write every measurement to this file")
    options = parser.parse_args()
    python = make_peer_environment(options.cache.expanduser().resolve())
    loaders = [name for name in LOADERS if name not in options.without or name == "connectorx"]
    measured: dict[str, list[dict[str, float]]] = {loader: [] for loader in loaders}
    with (
        TemporaryDirectory(prefix="aljibe-mysql-ingest-", dir=options.folder) as name,
        running_mariadb() as server,
    ):
        url = make_table(server.url, options.rows)
        for number in range(options.rounds):
            for loader in loaders if number % 2 == 0 else reversed(loaders):
                told = load_once(loader, python, url, Path(name), options.rows)
                measured[loader].append(told)
    print(f"MariaDB on loopback, {options.rows:,} rows x {len(COLUMNS)} columns\n")
    print(markdown(measured))
    print(f"\n{machine()}; {options.rounds} rounds, in turns")
    if options.json:
        write_json(options.json, {"machine": machine(), "rows": options.rows, "runs": measured})


if __name__ == "__main__":
    main()
