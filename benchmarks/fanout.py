"""One, two and four workers on the same tables to extract and the same models to build.

Run: python -m benchmarks.fanout [--tables 32] [--models 16] [--rows 20000] [--rounds 1]
"""

import subprocess
import sys
import time
import uuid
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.measurements import MeasurementError, Spread, ratios
from benchmarks.side_by_side import conclude, option_parser

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "integration"))

from servers.many_workers import ManyWorkers, write_shop
from servers.postgres import running_postgres
from servers.prefect_server import running_prefect_server

WORKERS = (1, 2, 4)
WORK = """
import sys, duckdb
for _ in range(int(sys.argv[1])):
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(sys.argv[2]).fetchall()
"""
# A second or so of one core: sums over pairs of hashes.
QUERY = "select sum(hash(a.range * 31 + b.range) % 1000) from range(20000) a, range({}) b"


def model_sql(number: int, rows: int) -> str:
    """A model of its own table, with something to compute."""
    return (
        f"select count(*) as payments, any_value(worked) as worked "
        f"from {{{{ source('shop_files', 'table_{number:02}') }}}}, "
        f"(select sum(hash(a.range * 31 + b.range + {number}) % 1000) as worked "
        f"from range(20000) a, range({rows}) b)"
    )


def allowed_by_cores(processes: int, units: int, rows: int) -> float:
    """Seconds of the same amount of work in so many processes, without anything of ours."""
    began = time.perf_counter()
    share = [units // processes] * processes
    command = [sys.executable, "-c", WORK]
    running = [
        subprocess.Popen([*command, str(part), QUERY.format(rows)], stdout=subprocess.DEVNULL)
        for part in share
    ]
    if any(process.wait() for process in running):
        raise MeasurementError("a process of the plain work ended badly")
    return time.perf_counter() - began


def measure(shop: ManyWorkers, flow: str, **parameters: Any) -> dict[str, float]:
    """Run a flow to its end.

    Raises:
        MeasurementError: it did not complete.
    """
    run = shop.wait(shop.request(flow, **parameters), 1800)
    if run["state_type"] != "COMPLETED":
        raise MeasurementError(f"{flow} {parameters}: {run['state']}\n{shop.logs()}")
    began, ended = (datetime.fromisoformat(run[key]) for key in ("start_time", "end_time"))
    return {"seconds": (ended - began).total_seconds()}


def one_round(shop: ManyWorkers, workers: int, options: Any) -> dict[str, dict[str, float]]:
    """Extraction of new files of every table, then a build of every model."""
    for at in range(workers):
        shop.start_worker(f"worker-{at + 1}")
    shop.wait_for_workers()
    try:
        shop.deliver(options.tables, options.rows)
        extracted = measure(shop, "ingest", parts=workers)
        built = measure(shop, "dbt-build", parts=workers, full_refresh=True)
    finally:
        shop.stop()
        shop.workers.clear()
    plain = allowed_by_cores(workers, options.models, options.work)
    return {"extraction": extracted, "build": built, "plain processes": {"seconds": plain}}


def main() -> None:
    """Measure, and print a table."""
    parser = option_parser(__doc__ or "")
    parser.add_argument("--tables", type=int, default=32)
    parser.add_argument("--models", type=int, default=16, help="a multiple of four")
    parser.add_argument("--rows", type=int, default=20_000, help="of each table")
    parser.add_argument("--work", type=int, default=20_000, help="what each model computes")
    parser.set_defaults(rounds=1)
    options = parser.parse_args()
    measured: dict[str, dict[int, list[float]]] = {}
    with (
        TemporaryDirectory(prefix="fanout-") as folder,
        running_postgres() as postgres,
        running_prefect_server(Path(folder) / "prefect", 300) as prefect,
    ):
        shop = ManyWorkers(Path(folder), prefect, postgres, f"bench_{uuid.uuid4().hex[:8]}")
        shop.environment |= {"ALJIBE_EXTRACT_WORKERS": "1", "ALJIBE_POOL_LIMIT": "8"}
        models = {
            f"marts/made_{number:02}": model_sql(number, options.work)
            for number in range(1, options.models + 1)
        }
        write_shop(shop.folder / "dbt", options.tables, models, "models: []\n")
        shop.deploy()
        # dbt parses, and the lake is made, before anything is measured.
        one_round(shop, 1, options)
        for turn in range(options.rounds):
            order = WORKERS if turn % 2 == 0 else WORKERS[::-1]
            for workers in order:
                for what, found in one_round(shop, workers, options).items():
                    by_workers = measured.setdefault(what, {one: [] for one in WORKERS})
                    by_workers[workers].append(found["seconds"])
    _show(options, measured)


def _show(options: Any, measured: dict[str, dict[int, list[float]]]) -> None:
    console = Console()
    table = Table(title=f"{options.tables} tables, {options.models} models that need no other")
    for name in ("", "workers", "seconds", "x one worker"):
        table.add_column(name)
    for what, by_workers in measured.items():
        for workers, seconds in by_workers.items():
            share = ratios(seconds, by_workers[1])
            table.add_row(what, str(workers), Spread(tuple(seconds)).shown(1), share.shown())
    console.print(table)
    conclude(options, console, {"seconds": measured})


if __name__ == "__main__":
    main()
