"""wells from files to gold: our whole flow beside plain DuckDB with the same reads and SQL.

Run: python -m benchmarks.wells_flow [--wells 5] [--rows 65000] [--rounds 3] [--json FILE]
"""

import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.equal_tables import assert_equal_rows
from benchmarks.measurements import Spread, peak_memory, ratios, timed
from benchmarks.olist_flow import Ours, Place, Seconds
from benchmarks.side_by_side import conclude, option_parser
from demo.wells.deliveries import FULL_ROWS, write_wells
from lakehouse.publish.serving_copy import published_tables

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "integration"))

from servers.prefect_server import running_prefect_server, without_prefect  # noqa: E402

DOMAIN = "wells"
MOST_TIMES = 3.0
_REJECTED = "core.registros_rechazados"


class Bare:
    """Plain DuckDB, in a process for the reads and one for the models; memory of the larger."""

    def __init__(self, place: Place, name: str) -> None:
        self.folder = place.folder / name
        self.folder.mkdir()
        self.warehouse = self.folder / f"{DOMAIN}.duckdb"
        self.peak = 0.0
        self.environment = without_prefect(os.environ) | {
            "ALJIBE_WAREHOUSE": str(self.warehouse),
            "PYTHONPATH": str(ROOT),
        }

    def run(self, files: Path) -> dict[str, float]:
        """Seconds of the reads and of the models, in an empty warehouse."""
        self.warehouse.unlink(missing_ok=True)
        read = self._step("read", files)
        if not self._manifest.is_file():
            self._compile()
        build = self._step("build", files)
        models = (line.split() for line in (self.folder / "build.log").read_text().splitlines())
        told = {f"bare {name}": float(seconds) for name, seconds in models}
        return {**told, "bare": read + build, "bare_read": read, "bare_build": build}

    @property
    def _manifest(self) -> Path:
        return self.folder / "target" / "manifest.json"

    def _step(self, step: str, files: Path) -> float:
        with _watched() as peak:
            seconds = timed(
                [
                    *(sys.executable, "-m", "benchmarks.wells_bare", step),
                    *(files, self.warehouse, self._manifest),
                ],
                environment=self.environment,
                folder=ROOT,
                log=self.folder / f"{step}.log",
            )
        self.peak = max(self.peak, float(peak[0]))
        return seconds

    def _compile(self) -> None:
        project = ROOT / "dbt"
        timed(
            [
                *(Path(sys.executable).parent / "dbt", "--log-level-file", "none", "compile"),
                *("--project-dir", project, "--profiles-dir", project),
                *("--target-path", self.folder / "target", "--select", f"path:models/{DOMAIN}"),
            ],
            environment=self.environment,
            folder=self.folder,
            log=self.folder / "compile.log",
        )


@contextmanager
def _watched() -> Iterator[list[int]]:
    """The most memory of the processes that are started inside."""
    others = {child.pid for child in psutil.Process().children()}
    with peak_memory(
        lambda: [child for child in psutil.Process().children() if child.pid not in others]
    ) as peak:
        yield peak


def measure(place: Place, files: Path, rounds: int, few: Path) -> tuple[Seconds, dict[str, float]]:
    """Both sides from files to gold, in turns.

    Args:
        place: where.
        files: the generated files.
        rounds: how often.
        few: files of a first, unmeasured round, in which dbt parses.

    Returns:
        Seconds of each round by what was measured, and of each node of dbt and each model of
        plain DuckDB; the most memory of each side in bytes.

    Raises:
        MeasurementError: a run failed, or the two sides ended with other tables.
    """
    _round(Bare(place, "first"), Ours(place, place.folder / "first_home", DOMAIN), few, 0)
    bare = Bare(place, "bare")
    seconds: Seconds = {}
    peak = 0.0
    for number in range(rounds):
        ours = Ours(place, place.folder / f"home_{number}", DOMAIN)
        for name, value in _round(bare, ours, files, number).items():
            seconds.setdefault(name, []).append(value)
        peak = max(peak, ours.peak)
    return seconds, {"ours": peak, "bare": bare.peak}


def _round(bare: Bare, ours: Ours, files: Path, number: int) -> dict[str, float]:
    ours.deliver(files)
    turns = [lambda: bare.run(files), ours.run]
    told: dict[str, float] = {}
    for run in reversed(turns) if number % 2 else turns:
        told |= run()
    results, manifest = (
        json.loads((ours.home / "target" / DOMAIN / f"{name}.json").read_text("utf-8"))
        for name in ("run_results", "manifest")
    )
    told |= {f"node {one['unique_id']}": one["execution_time"] for one in results["results"]}
    assert_equal_tables(bare.warehouse, ours.home / "warehouse" / f"{DOMAIN}.duckdb", manifest)
    told["nothing_new"] = ours.run()["ours"]
    shutil.rmtree(ours.home)
    return told


def assert_equal_tables(bare: Path, ours: Path, manifest: Mapping[str, Any]) -> None:
    """Make sure that both sides did the same work: every row of what a run publishes.

    Args:
        bare: plain DuckDB's file.
        ours: our warehouse.
        manifest: of its build, which says what is published.

    Raises:
        MeasurementError: naming what differs.
    """
    # Plain DuckDB numbers the lines of all files of a table in one row, ours those of each file.
    first_lines = " union all ".join(
        f"select '{table}' as tabla, _source_file, min(_source_line) as first_line "
        f"from raw.{table} group by _source_file"
        for table in ("sensor_data", "equipos", "eventos")
    )
    rejected = (
        "select rejected.* exclude (_source_line), _source_line - first_line + 2 as _source_line "
        f"from {_REJECTED} as rejected join ({first_lines}) using (tabla, _source_file)"
    )
    names = [f"{one.schema}.{one.name}" for one in published_tables(manifest, DOMAIN)]
    tables = {name: (f"from {name}", f"from {name}") for name in names}
    tables[_REJECTED] = (
        rejected,
        f"select * exclude (_source_line), _source_line from {_REJECTED}",
    )
    assert_equal_rows(bare, ours, tables)


def report(seconds: Seconds, peaks: dict[str, float], title: str, console: Console) -> None:
    """Show the measurements, and whether the target was met."""
    table = Table("median (min-max)", "seconds", "x bare", title=title)
    labels = {
        "bare": "plain DuckDB, files to gold",
        "bare_read": "of that, reading the files",
        "bare_build": "the models",
        "ours": "our flow, the flow run",
        "ingest": "of that, ingest",
        "dbt-build": "dbt build with its tests and reports",
        "publish": "publish",
        "nothing_new": "our flow, nothing new",
    }
    for name, label in labels.items():
        ratio = ratios(seconds[name], seconds["bare"]).shown()
        table.add_row(label, Spread(tuple(seconds[name])).shown(), ratio)
    console.print(table)
    times = ratios(seconds["ours"], seconds["bare"]).median
    met = "met" if times <= MOST_TIMES else "MISSED"
    console.print(f"target: whole flow over plain DuckDB at most {MOST_TIMES}: {times:.2f}: {met}")
    shown = ", ".join(f"{side} {peak / 1e9:.2f} GB" for side, peak in peaks.items())
    console.print(f"peak memory: {shown}")


def main() -> None:
    """Read the options, write the files, start one Prefect server, measure."""
    parser = option_parser(__doc__)
    parser.add_argument("--wells", type=int, default=5)
    parser.add_argument("--rows", type=int, default=FULL_ROWS, help="ten-minute lines of a well")
    parser.add_argument("--folder", type=Path, help="scratch; default the temporary folder")
    options = parser.parse_args()
    console = Console()
    with TemporaryDirectory(prefix="aljibe-wells-", dir=options.folder) as folder:
        scratch = Path(folder)
        with running_prefect_server(scratch / "prefect") as prefect:
            place = Place(scratch, prefect)
            place.parsed.mkdir()
            files, few = scratch / "files", scratch / "few_files"
            write_wells(files, wells=options.wells, rows=options.rows)
            write_wells(few, wells=1, rows=300)
            seconds, peaks = measure(place, files, options.rounds, few)
    title = f"wells, {options.wells} x {options.rows:,} lines"
    report(seconds, peaks, title, console)
    conclude(options, console, {**seconds, "peak_bytes": peaks}, "after one of few lines")


if __name__ == "__main__":
    main()
