"""Dagster with dagster-dbt on the same project, in a virtual environment of its own."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measurements import MeasurementError, timed

DEFINITIONS = """
from dagster import Definitions, in_process_executor
from dagster_dbt import DbtCliResource, dbt_assets


@dbt_assets(manifest=r"{project}/target/manifest.json")
def measured(context, dbt: DbtCliResource):
    yield from dbt.cli(["build", "--full-refresh"], context=context).stream()


defs = Definitions(
    assets=[measured],
    resources={{"dbt": DbtCliResource(project_dir=r"{project}", profiles_dir=r"{project}")}},
    executor=in_process_executor,
)
"""
LAST_RUN = """
from dagster import DagsterInstance
with DagsterInstance.get() as instance:
    (record,) = instance.get_run_records(limit=1)
    print(record.dagster_run.status.value, record.end_time - record.start_time)
"""


@dataclass(frozen=True)
class DagsterRun:
    """One build by Dagster, in seconds: the command, and the run by its own record."""

    command: float
    run: float


class DagsterProject:
    """A generated dbt project under Dagster.

    Attributes:
        executables: folder with Dagster's own dagster and dbt.
        project: the dbt project.
        home: DAGSTER_HOME, with its own SQLite storage.
    """

    def __init__(self, executables: Path, project: Path, home: Path) -> None:
        self.executables, self.project, self.home = executables, project, home
        home.mkdir(parents=True)
        (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        self.definitions = home / "measured_definitions.py"
        self.definitions.write_text(DEFINITIONS.format(project=project))
        timed(
            [executables / "dbt", "parse", "--profiles-dir", project, "--project-dir", project],
            environment=self._environment(),
            folder=project,
            log=home / "parse.log",
        )

    def build(self, log: Path) -> DagsterRun:
        """Materialize every asset and evaluate its checks.

        Raises:
            MeasurementError: with the end of the log.
        """
        every_asset: list[str | Path] = ["--python-file", self.definitions, "--job", "__ASSET_JOB"]
        command = timed(
            [self.executables / "dagster", "job", "execute", *every_asset],
            environment=self._environment(),
            folder=self.project,
            log=log,
        )
        recorded = subprocess.run(
            [self.executables / "python", "-c", LAST_RUN],
            env=self._environment(),
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        status, seconds = recorded
        if status != "SUCCESS":
            raise MeasurementError(f"the Dagster run ended as {status}; its log is {log}")
        return DagsterRun(command=command, run=float(seconds))

    def _environment(self) -> Mapping[str, str]:
        path = f"{self.executables}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "DAGSTER_HOME": str(self.home)}
