"""Publishes `marts.orders` of a warehouse once, and tells what loading and the whole took.

Run by `publish_postgres`, with the database's URL in MEASURED_URL.
"""

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
from sqlalchemy import make_url

from benchmarks.load_child import peak_bytes
from lakehouse.publish.postgres import publication as module
from lakehouse.publish.postgres.publication import ServingDatabase, prepared_publication
from lakehouse.publish.postgres.server import Session
from lakehouse.publish.serving_copy import PublishedTable, prepared_copy

# Seconds, and processor seconds of this process and of the server's.
LOADS: list[tuple[float, float]] = []


def used_by(process: psutil.Process) -> float:
    """Processor seconds of a process so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


def main(warehouse: Path) -> None:
    """Publish, whatever PostgreSQL has already."""
    real = module.load_beside

    def measured(session: Session, *arguments: object) -> None:
        server = psutil.Process(session.info.backend_pid)
        began, worked = time.perf_counter(), time.process_time() + used_by(server)
        real(session, *arguments)  # type: ignore[arg-type]
        used = time.process_time() + used_by(server) - worked
        LOADS.append((time.perf_counter() - began, used))

    module.load_beside = measured  # type: ignore[assignment]
    table = PublishedTable("marts", "orders", "", {})
    serving = warehouse.parent / "serving" / "measured.duckdb"
    database = ServingDatabase(make_url(os.environ["MEASURED_URL"]), serving.parent / "extensions")
    with prepared_copy(warehouse, serving, [table], memory="256MB") as copy:
        ((_, content),) = copy.tables
        # Another content each time, as far as PostgreSQL knows: it is loaded again.
        new = replace(copy, tables=((table, replace(content, digest=time.time_ns())),))
        began, worked = time.perf_counter(), time.process_time()
        with prepared_publication(database, "measured", "build", new) as publication:
            publication.commit()
        whole = (time.perf_counter() - began, time.process_time() - worked)
    peak = {"peak_rss_bytes": peak_bytes()}
    told = {
        name: {"seconds": seconds, "processor_seconds": used, **peak}
        for name, (seconds, used) in (("loaded", LOADS[0]), ("published", whole))
    }
    told["published"]["rows"] = publication.rows["marts.orders"]
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
