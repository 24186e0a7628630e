"""What our flow adds to a bare `dbt build`, and what Dagster adds, side by side.

Run: python -m benchmarks.dbt_overhead [--rounds 3] [--size small] [--json FILE]
"""

import json
import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import httpx
from rich.console import Console
from rich.table import Table

from benchmarks.dagster_project import DagsterProject
from benchmarks.generated_project import SIZES, ProjectSize, write_project
from benchmarks.measurements import MeasurementError, Spread, ratios, timed
from benchmarks.peer_environment import CACHE, make_environment
from benchmarks.side_by_side import conclude, option_parser

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "integration"))

from servers.prefect_server import running_prefect_server, without_prefect  # noqa: E402

THREADS = 2


@dataclass(frozen=True)
class FlowRun:
    """One run of our flow, in seconds: the process, its imports, the run by Prefect's record."""

    process: float
    imports: float
    run: float


class Contest:
    """One generated project, once for each system, each with its own DuckDB file."""

    def __init__(self, size: ProjectSize, folder: Path, systems: tuple[str, ...]) -> None:
        self.size, self.folder = size, folder
        self.folder.mkdir(parents=True)
        for system in systems:
            write_project(folder / system, size, self.warehouse(system), THREADS)

    def warehouse(self, system: str) -> Path:
        """The DuckDB file that only this system builds."""
        return self.folder / f"{system}.duckdb"

    def assert_built(self, system: str) -> None:
        """See that a build was no empty one.

        Raises:
            MeasurementError: models, or the stored rows of tests that warn, are not there.
        """
        with duckdb.connect(self.warehouse(system), read_only=True) as session:
            counted = session.execute(
                "select count(*) from information_schema.tables "
                "where table_name like 'model_%' or table_name like 'warns_%'"
            ).fetchone()
        expected = self.size.models + self.size.warnings
        if counted != (expected,):
            raise MeasurementError(f"{system} left {counted} of {expected} tables and views")

    def build_bare(self, system: str, *options: str) -> float:
        """`dbt build` as a command; wall time in seconds."""
        project = self.folder / system
        dbt = Path(sys.executable).parent / "dbt"
        command = [*options, "build", "--full-refresh", "--project-dir"]
        return timed(
            [dbt, *command, project, "--profiles-dir", project],
            environment=without_prefect(os.environ),
            folder=project,
            log=self.folder / f"{system}.log",
        )

    def build_by_flow(self, prefect: dict[str, str]) -> FlowRun:
        """Our flow in a new process; its run's duration is asked of the Prefect API.

        Raises:
            MeasurementError: the process failed, or the flow run did not end with warnings.
        """
        answer = self.folder / "flow.json"
        answer.unlink(missing_ok=True)
        home = {"ALJIBE_HOME": str(self.folder / "aljibe"), "ALJIBE_DBT_THREADS": str(THREADS)}
        process = timed(
            [sys.executable, "-m", "benchmarks.flow_child", self.folder / "flow", answer],
            environment=without_prefect(os.environ) | prefect | home,
            folder=ROOT,
            log=self.folder / "flow.log",
        )
        told = json.loads(answer.read_text("utf-8"))
        # Every generated project has tests that warn: another state means they went unseen.
        if told["state"] != "CompletedWithWarnings":
            raise MeasurementError(f"the flow run ended as {told['state']}: {told['message']}")
        run = httpx.get(f"{prefect['PREFECT_API_URL']}/flow_runs/{told['flow_run_id']}").json()
        return FlowRun(process, told["import_seconds"], float(run["total_run_time"]))


def measure(
    size: ProjectSize, rounds: int, folder: Path, prefect: dict[str, str], dagster: Path | None
) -> dict[str, list[float]]:
    """Build the project `rounds` times with each system, in turns, after one round unmeasured.

    Args:
        size: the project to generate.
        rounds: measured rounds.
        folder: a new folder for everything.
        prefect: variables of the running Prefect server; empty leaves our flow out.
        dagster: Dagster's executables; None leaves Dagster out.

    Returns:
        Seconds of each round: bare, bare_quiet (no log file, as in our flow), flow_run,
        flow_process, flow_imports (part of it), dagster_run, dagster_command.
    """
    taking_part = {"bare": True, "bare_quiet": True, "flow": prefect, "dagster": dagster}
    systems = tuple(name for name, part in taking_part.items() if part)
    contest = Contest(size, folder, systems)
    by_dagster = DagsterProject(dagster, folder / "dagster", folder / "home") if dagster else None
    seconds: dict[str, list[float]] = {}
    for number in range(rounds + 1):
        turn = number % len(systems)
        measured: dict[str, float] = {}
        for system in systems[turn:] + systems[:turn]:
            contest.warehouse(system).unlink(missing_ok=True)
            if system == "bare":
                measured["bare"] = contest.build_bare("bare")
            elif system == "bare_quiet":
                measured[system] = contest.build_bare(system, "--log-level-file", "none")
            elif system == "flow":
                ours = contest.build_by_flow(prefect)
                measured |= {"flow_run": ours.run, "flow_process": ours.process}
                measured["flow_imports"] = ours.imports
            elif by_dagster:
                theirs = by_dagster.build(folder / "dagster.log")
                measured |= {"dagster_run": theirs.run, "dagster_command": theirs.command}
            contest.assert_built(system)
        if number:
            for name, value in measured.items():
                seconds.setdefault(name, []).append(value)
    return seconds


def report(size: ProjectSize, seconds: dict[str, list[float]], console: Console) -> None:
    """Show one size: seconds, ratios to bare, and whether the target was met."""
    shape = f"{size.models} models, {size.tests} tests ({size.warnings} warn)"
    table = Table("median (min-max)", "seconds", "x bare", title=shape)
    told = {
        "bare": "dbt build, the command",
        "bare_quiet": "dbt build without its log file",
        "flow_run": "our flow, the flow run",
        "flow_process": "our flow, with process start",
        "flow_imports": "of that, importing the flow",
        "dagster_run": "Dagster, the run",
        "dagster_command": "Dagster, the command",
    }
    for name, label in told.items():
        if name in seconds:
            ratio = ratios(seconds[name], seconds["bare"])
            table.add_row(label, Spread(tuple(seconds[name])).shown(), ratio.shown())
    console.print(table)
    if "flow_run" in seconds:
        reached = ratios(seconds["flow_run"], seconds["bare"]).median
        verdict = "met" if reached <= size.target else "MISSED"
        console.print(f"target for the flow run: at most {size.target}: {verdict} ({reached:.2f})")


def main() -> None:
    """Read the options, start one Prefect server, measure every size."""
    parser = option_parser(__doc__)
    parser.add_argument("--size", choices=[size.name for size in SIZES], action="append")
    parser.add_argument("--without", choices=["flow", "dagster"], action="append", default=[])
    parser.add_argument(
        "--cache", type=Path, default=CACHE, help="folder for Dagster's virtual environment"
    )
    options = parser.parse_args()
    console = Console()
    dagster = None
    if "dagster" not in options.without:
        dagster = make_environment("dagster", options.cache)
    result: dict[str, object] = {"rounds": options.rounds}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="aljibe-dbt-overhead-")))
        prefect = {}
        if "flow" not in options.without:
            prefect = stack.enter_context(running_prefect_server(folder / "prefect"))
        for size in SIZES:
            if not options.size or size.name in options.size:
                seconds = measure(size, options.rounds, folder / size.name, prefect, dagster)
                report(size, seconds, console)
                result[size.name] = seconds
    conclude(options, console, result, "after one unmeasured")


if __name__ == "__main__":
    main()
