"""What the reports of a build cost: artifacts, pages and events of 300 tests.

Run: python -m benchmarks.report_cost [--rounds 3] [--json FILE]
"""

import json
import os
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks.generated_project import ProjectSize, let_recover, write_project
from benchmarks.measurements import MeasurementError, Spread, ratios, timed
from benchmarks.report_child import PARTS, PROCESSOR
from benchmarks.side_by_side import conclude, option_parser

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "integration"))

from servers.prefect_server import running_prefect_server, without_prefect  # noqa: E402

SIZE = ProjectSize(
    "reports", models=100, tests=300, warnings=30, target=0.15, recovering=10, groups=4
)
PREVIOUS_RUNS = 2
MOST_SECONDS = 3.0
THREADS = 2
_BUILD, _REPORTS = "dbt build measured", "report measured"
# Build, tests, models and lineage, beside a page for each test that has something to say.
_SUMMARIES = 4


def measure(folder: Path, prefect: dict[str, str]) -> dict[str, float]:
    """Two builds, and one in which tests have recovered, with a home and a project of their own.

    Args:
        folder: a new folder for everything.
        prefect: variables of the running Prefect server.

    Returns:
        Seconds of the third run: build and reports by Prefect's record of their task runs, and
        each part of the reports by the clock of the process, and its processor time.

    Raises:
        MeasurementError: a run failed, or made other artifacts or pages than it should.
    """
    project = folder / "project"
    write_project(project, SIZE, folder / "measured.duckdb", THREADS)
    _run(folder, prefect, PREVIOUS_RUNS)
    let_recover(project, SIZE)
    told = _run(folder, prefect, 1)
    tasks = {
        run["name"]: float(run["total_run_time"])
        for run in _ask(prefect, "task_runs/filter", told["flow_run_id"])
    }
    artifacts = len(_ask(prefect, "artifacts/filter", told["flow_run_id"]))
    expected = SIZE.warnings + SIZE.recovering + SIZE.groups + _SUMMARIES
    pages = len(list((folder / "aljibe" / "reports" / "measured" / "tests").glob("*.html")))
    if (artifacts, pages) != (expected, SIZE.tests):
        raise MeasurementError(
            f"{artifacts} artifacts of {expected} and {pages} pages of {SIZE.tests} tests"
        )
    seconds = {name: told["seconds"][name] for name in [*PARTS.values(), PROCESSOR]}
    return {"build": tasks[_BUILD], "reports": tasks[_REPORTS], **seconds}


def _run(folder: Path, prefect: dict[str, str], runs: int) -> dict[str, object]:
    """Run the flow so often in one new process; what it told of the last run."""
    answer = folder / "flow.json"
    home = {
        "ALJIBE_HOME": str(folder / "aljibe"),
        "ALJIBE_DBT_THREADS": str(THREADS),
        "ALJIBE_DATA_CATALOG": "false",
    }
    timed(
        [sys.executable, "-m", "benchmarks.report_child", folder / "project", answer, str(runs)],
        environment=without_prefect(os.environ) | prefect | home,
        folder=ROOT,
        log=folder / "flow.log",
    )
    told: dict[str, object] = json.loads(answer.read_text("utf-8"))
    if told["state"] != "CompletedWithWarnings":
        raise MeasurementError(f"the flow run ended as {told['state']}: {told['message']}")
    return told


def _ask(prefect: dict[str, str], path: str, flow_run_id: object) -> list[dict[str, object]]:
    answer = httpx.post(
        f"{prefect['PREFECT_API_URL']}/{path}",
        json={"flow_runs": {"id": {"any_": [flow_run_id]}}, "limit": 200},
    )
    answer.raise_for_status()
    found: list[dict[str, object]] = answer.json()
    return found


def report(seconds: dict[str, list[float]], console: Console) -> None:
    """Show the seconds, their share of the build, and whether the targets were met."""
    shape = (
        f"{SIZE.models} models, {SIZE.tests} tests ({SIZE.warnings} warn, {SIZE.recovering} have "
        f"recovered), {PREVIOUS_RUNS} runs before"
    )
    table = Table("median (min-max)", "seconds", "share of the build", title=shape)
    told = {
        "build": "dbt build, the task",
        "reports": "all reports, the task",
        "gather": "of that, gathering the facts",
        "artifacts": "posting the artifacts",
        "pages": "writing the pages",
        "events": "handing over the events",
        PROCESSOR: "processor time of the process in all that",
    }
    for name, label in told.items():
        share = ratios(seconds[name], seconds["build"]).shown()
        table.add_row(label, Spread(tuple(seconds[name])).shown(), share)
    console.print(table)
    spent = Spread(tuple(seconds["reports"])).median
    share = ratios(seconds["reports"], seconds["build"]).median
    verdict = "met" if spent < MOST_SECONDS and share < SIZE.target else "MISSED"
    console.print(
        f"target: under {MOST_SECONDS:.0f} s and under {SIZE.target:.0%} of the build: {verdict} "
        f"({spent:.2f} s, {share:.0%})"
    )


def main() -> None:
    """Read the options, start one Prefect server, measure so many rounds."""
    options = option_parser(__doc__).parse_args()
    console = Console()
    seconds: dict[str, list[float]] = {}
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="aljibe-report-cost-")))
        prefect = stack.enter_context(running_prefect_server(scratch / "prefect"))
        for number in range(options.rounds):
            folder = scratch / f"round_{number}"
            folder.mkdir()
            for name, value in measure(folder, prefect).items():
                seconds.setdefault(name, []).append(value)
            shutil.rmtree(folder)
    report(seconds, console)
    conclude(options, console, {"seconds": seconds})


if __name__ == "__main__":
    main()
