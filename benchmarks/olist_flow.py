"""olist from files to marts: our whole flow beside plain DuckDB and `dbt build` of the same SQL.

Run: python -m benchmarks.olist_flow [--rounds 3] [--times 10 --times 30] [--json FILE]
"""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import httpx
import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.measurements import MeasurementError, Spread, peak_memory, ratios, timed
from benchmarks.olist_files import generate, split_published
from benchmarks.side_by_side import conclude, option_parser

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "integration"))

from servers.prefect_server import running_prefect_server, without_prefect  # noqa: E402

DOMAIN = "olist"
THREADS = 2
MOST_OVERHEAD, LEAST_GAIN, MOST_BYTES = 1.25, 10.0, 2e9
# Ten looks a second take a quarter of a core from what is measured.
_LOOK_EVERY_SECONDS = 0.5
Seconds = dict[str, list[float]]
_PARTS = ("ingest", "dbt-build", "publish")


@dataclass(frozen=True)
class Place:
    """Where a benchmark keeps its files, and the server that its runs report to."""

    folder: Path
    prefect: Mapping[str, str]

    @property
    def parsed(self) -> Path:
        """What dbt has parsed: neither side is to parse in a measured round."""
        return self.folder / "parsed"


class Bare:
    """Plain DuckDB and `dbt build`; the target folder stays, so that dbt parses once."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.folder = place.folder / "bare"
        self.folder.mkdir()

    def run(self, files: Path) -> dict[str, float]:
        """Files to marts in an empty warehouse: seconds of the load and of the build."""
        warehouse = self.folder / f"{DOMAIN}.duckdb"
        warehouse.unlink(missing_ok=True)
        environment = without_prefect(os.environ) | {
            "ALJIBE_WAREHOUSE": str(warehouse),
            "ALJIBE_DBT_THREADS": str(THREADS),
            "PYTHONPATH": str(ROOT),
        }
        load = timed(
            [sys.executable, "-m", "benchmarks.olist_bare", files, warehouse, str(THREADS)],
            environment=environment,
            folder=ROOT,
            log=self.folder / "load.log",
        )
        parts = ("models", "seeds", "snapshots", "tests/singular")
        selected = [f"path:{part}/{DOMAIN}" for part in parts]
        project = ROOT / "dbt"
        build = timed(
            [
                *(Path(sys.executable).parent / "dbt", "--log-level-file", "none", "build"),
                *("--project-dir", project, "--profiles-dir", project),
                *("--target-path", self.folder / "target", "--select", *selected),
            ],
            environment=environment,
            folder=self.folder,
            log=self.folder / "build.log",
        )
        return {"bare": load + build, "bare_load": load, "bare_build": build}


class Ours:
    """Our flow in a home, each run in a process of its own."""

    def __init__(self, place: Place, home: Path, domain: str = DOMAIN) -> None:
        self.place, self.home, self.domain = place, home, domain
        self.landing = home / "landing" / domain
        self.peak = 0.0

    def deliver(self, files: Path) -> None:
        """Put files into the landing folder."""
        shutil.copytree(files, self.landing, dirs_exist_ok=True)

    def run(self) -> dict[str, float]:
        """Seconds of `elt` and of its parts, by Prefect's record of the flow runs.

        Raises:
            MeasurementError: the run did not complete.
        """
        answer = self.home / "answer.json"
        environment = without_prefect(os.environ) | dict(self.place.prefect)
        environment |= {
            "ALJIBE_HOME": str(self.home),
            "ALJIBE_PARSE_DIR": str(self.place.parsed),
            "ALJIBE_DBT_THREADS": str(THREADS),
            # Made once for each deployment.
            "ALJIBE_DATA_CATALOG": "false",
        }
        for landing in ("OLIST_DIR", "WELLS_LANDING"):
            environment.pop(landing, None)
        others = {child.pid for child in psutil.Process().children()}
        with peak_memory(
            lambda: [child for child in psutil.Process().children() if child.pid not in others],
            _LOOK_EVERY_SECONDS,
        ) as peak:
            timed(
                [sys.executable, "-m", "benchmarks.elt_child", self.domain, answer],
                environment=environment,
                folder=ROOT,
                log=self.home / "run.log",
            )
        self.peak = max(self.peak, float(peak[0]))
        told = json.loads(answer.read_text("utf-8"))
        if not str(told["state"]).startswith("Completed"):
            raise MeasurementError(f"the flow run ended as {told['state']}: {told['message']}")
        return self._recorded(told["flow_run_id"])

    def _recorded(self, flow_run_id: str) -> dict[str, float]:
        url = self.place.prefect["PREFECT_API_URL"]
        whole = httpx.get(f"{url}/flow_runs/{flow_run_id}").raise_for_status().json()
        asked = {"flow_runs": {"parent_flow_run_id": {"any_": [flow_run_id]}}}
        parts = httpx.post(f"{url}/flow_runs/filter", json=asked).raise_for_status().json()
        names = {
            part["name"].removesuffix(f"-{self.domain}"): part["total_run_time"] for part in parts
        }
        return {"ours": whole["total_run_time"], **{name: names[name] for name in _PARTS}}


def measure_published(place: Place, published: Path, rounds: int) -> tuple[Seconds, float]:
    """The published data: both from files to marts, then ours with nothing new and a new day.

    Args:
        place: where.
        published: folder with the published files.
        rounds: measured ones; one more goes first, in which dbt parses.

    Returns:
        Seconds of each round by what was measured, and the most memory of ours in bytes.

    Raises:
        MeasurementError: a run failed, or the two sides ended with other marts.
    """
    history, day = place.folder / "history", place.folder / "day"
    split_published(published, history, day)
    bare = Bare(place)
    seconds: Seconds = {}
    peak = 0.0
    for number in range(rounds + 1):
        ours = Ours(place, place.folder / f"home_{number}")
        ours.deliver(history)
        if number % 2:
            told = {**ours.run(), **bare.run(history)}
        else:
            told = {**bare.run(history), **ours.run()}
        _assert_equal_marts(bare.folder / f"{DOMAIN}.duckdb", ours.home)
        told["nothing_new"] = ours.run()["ours"]
        ours.deliver(day)
        told["new_day"] = ours.run()["ours"]
        if number:
            peak = max(peak, ours.peak)
            for name, value in told.items():
                seconds.setdefault(name, []).append(value)
        shutil.rmtree(ours.home)
    return seconds, peak


def _assert_equal_marts(bare: Path, home: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"attach '{bare}' as bare (read_only)")
        connection.execute(f"attach '{home}/warehouse/{DOMAIN}.duckdb' as ours (read_only)")
        for mart in ("mart_executive_dashboard", "mart_seller_scorecard", "mart_cohort_analysis"):
            (differ,) = connection.execute(
                f"select count(*) from (from bare.marts.{mart} except all from ours.marts.{mart})"
            ).fetchone() or (None,)
            if differ:
                raise MeasurementError(f"{differ} rows of {mart} differ from those of bare dbt")


def measure_size(place: Place, times: int) -> dict[str, float]:
    """A generated history of so many times the published size, and one day after it.

    Returns:
        Seconds of the whole flow, of a run with nothing new and of a new day; peak memory in bytes.
    """
    folder = place.folder / f"times_{times}"
    generate(times, folder / "history", folder / "day")
    ours = Ours(place, folder / "home")
    ours.deliver(folder / "history")
    told = ours.run()
    told["nothing_new"] = ours.run()["ours"]
    ours.deliver(folder / "day")
    told["new_day"] = ours.run()["ours"]
    told["peak_bytes"] = ours.peak
    shutil.rmtree(folder)
    return told


def report_published(seconds: Seconds, peak: float, console: Console) -> None:
    """Show the published data, and whether the targets were met."""
    table = Table("median (min-max)", "seconds", "x bare", title="olist, published data")
    labels = {
        "bare": "plain DuckDB and dbt build",
        "bare_load": "of that, reading the files",
        "bare_build": "dbt build, the command",
        "ours": "our flow, the flow run",
        "ingest": "of that, ingest",
        "dbt-build": "dbt build with its reports",
        "publish": "publish",
        "nothing_new": "our flow, nothing new",
        "new_day": "our flow, one new day",
    }
    for name, label in labels.items():
        ratio = ratios(seconds[name], seconds["bare"]).shown()
        table.add_row(label, Spread(tuple(seconds[name])).shown(), ratio)
    console.print(table)
    overhead = ratios(seconds["ours"], seconds["bare"]).median
    gain = ratios(seconds["ours"], seconds["nothing_new"]).median
    for text, met in (
        (
            f"whole flow over bare at most {MOST_OVERHEAD}: {overhead:.2f}",
            overhead <= MOST_OVERHEAD,
        ),
        (f"nothing new at least {LEAST_GAIN:.0f} times faster: {gain:.1f}", gain >= LEAST_GAIN),
        (f"memory under {MOST_BYTES / 1e9:.0f} GB: {peak / 1e9:.2f} GB", peak < MOST_BYTES),
    ):
        console.print(f"target: {text}: {'met' if met else 'MISSED'}")


def report_sizes(sizes: Mapping[int, Mapping[str, float]], console: Console) -> None:
    """Show generated sizes beside each other."""
    table = Table("times the published size", "whole flow", "x the data", "nothing new", "new day")
    table.add_column("peak, MB")
    first = min(sizes)
    for times, told in sorted(sizes.items()):
        growth = told["ours"] / sizes[first]["ours"] / (times / first)
        cells = [f"{told['ours']:.1f} s", f"{growth:.2f}", f"{told['nothing_new']:.1f} s"]
        table.add_row(
            str(times), *cells, f"{told['new_day']:.1f} s", f"{told['peak_bytes'] / 1e6:.0f}"
        )
    console.print(table)


def main() -> None:
    """Read the options, start one Prefect server, measure what was asked for."""
    parser = option_parser(__doc__)
    parser.add_argument(
        "--published",
        type=Path,
        default=os.environ.get("OLIST_DIR"),
        help="folder of the published files; default OLIST_DIR; without it they are left out",
    )
    parser.add_argument(
        "--times", type=int, action="append", default=[], help="also generated data of this size"
    )
    options = parser.parse_args()
    console = Console()
    result: dict[str, object] = {}
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="aljibe-olist-")))
        prefect = stack.enter_context(running_prefect_server(scratch / "prefect"))
        place = Place(scratch, prefect)
        place.parsed.mkdir()
        if options.published:
            seconds, peak = measure_published(place, options.published, options.rounds)
            report_published(seconds, peak, console)
            result["published"] = {**seconds, "peak_bytes": peak}
        if options.times:
            sizes = {times: measure_size(place, times) for times in (1, *options.times)}
            report_sizes(sizes, console)
            result["generated"] = sizes
    conclude(options, console, result, "after one unmeasured")


if __name__ == "__main__":
    main()
