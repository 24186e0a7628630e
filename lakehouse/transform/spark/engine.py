"""One build on Spark, from what Spark is shown to the views over what it wrote."""

import importlib.util
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lakehouse.errors import DbtCouldNotRun, SettingsInvalid, SparkMissing, SparkNeverBuilt
from lakehouse.lake.duckdb_session import open_warehouse
from lakehouse.settings import Settings
from lakehouse.source_catalog import load_catalog
from lakehouse.transform.dbt_command import DbtBuild
from lakehouse.transform.engine_child import EngineChild
from lakehouse.transform.spark import child
from lakehouse.transform.spark.built_tables import (
    adopt_tables,
    adopted_tables,
    new_build_folder,
    remove_unused,
    written_tables,
)
from lakehouse.transform.spark.master import assert_reachable
from lakehouse.transform.spark.session_plan import SessionPlan
from lakehouse.transform.spark.shown_tables import shown_etl, shown_raw


@dataclass(frozen=True)
class SparkEngine:
    """Apache Spark, in a session of dbt's child process.

    Attributes:
        master: where the session runs: `local[*]`, or the URL of a cluster.
        memory: of the driver, and of each executor; Spark's notation.
        start_seconds: longest wait for a session whose executors answer.
        root: folder of the tables, at the same path for driver and executors.
        raw: root of the RAW lake, likewise.
        project_dir: the dbt project.
    """

    master: str
    memory: str
    start_seconds: float
    root: Path
    raw: Path
    project_dir: Path

    @classmethod
    def of(cls, settings: Settings) -> "SparkEngine":
        """As the settings say.

        Raises:
            SettingsInvalid: RAW lies in a bucket, of which Spark would see nothing.
        """
        if settings.raw_url:
            raise SettingsInvalid(
                "ALJIBE_TARGET=spark reads RAW from a path that all its executors see, and "
                "ALJIBE_RAW_URL names a bucket. Build on embedded or lake, or keep RAW in a folder."
            )
        return cls(
            master=settings.spark_master,
            memory=settings.spark_memory,
            start_seconds=settings.spark_start_seconds,
            root=settings.spark,
            raw=settings.raw,
            project_dir=settings.project_dir,
        )

    @contextmanager
    def around(self, build: DbtBuild) -> Iterator[EngineChild]:
        """Show Spark what the warehouse sees; afterwards show the warehouse what Spark built.

        The tables of a build lie in a folder of their own, so that those that the warehouse shows
        stay whole until it shows others, whatever happens in between.

        Args:
            build: its warehouse has raw views and `etl` tables; the caller is its only writer.

        Yields:
            What runs dbt.

        Raises:
            SparkMissing: this Python has no Spark, or the machine no Java.
            SparkUnreachable: nothing listens where the master should be.
            SparkNeverBuilt: only a part is to be built, and Spark has nothing of the rest.
            RawUnfitForSpark: files of a RAW table cannot be read as one table by Spark.
        """
        _assert_installed()
        assert_reachable(self.master)
        folder = self.root / build.domain
        catalog = load_catalog(self.project_dir, build.domain)
        with open_warehouse(build.warehouse) as connection:
            known = adopted_tables(connection)
            if build.select and not known:
                raise SparkNeverBuilt(
                    f"{build.domain} was never built on Spark, so that Spark has nothing that "
                    f"{build.select!r} could read. Build all of it once, without a selection."
                )
            remove_unused(folder, known)
            place = new_build_folder(folder, datetime.now(UTC))
            plan = SessionPlan(
                name=f"aljibe {build.domain}",
                master=self.master,
                memory=self.memory,
                start_seconds=self.start_seconds,
                place=place,
                log=build.target_path / "logs" / "spark.log",
                tables=(
                    *shown_raw(connection, catalog, self.raw),
                    *shown_etl(connection, place / "etl"),
                    *known,
                ),
            )
        plan.log.parent.mkdir(parents=True, exist_ok=True)
        plan.write()
        yield EngineChild(Path(child.__file__), {child.PLAN: str(plan.file)})
        with open_warehouse(build.warehouse) as connection:
            shown = adopt_tables(connection, known, written_tables(plan.tables_dir))
        remove_unused(folder, shown)

    def allow_node_tasks(self) -> None:
        """Refuse it.

        Raises:
            DbtCouldNotRun: always.
        """
        raise DbtCouldNotRun(
            "trace_nodes runs dbt in the flow's own process, which has no Spark session. Leave it "
            "out, or build on the target embedded."
        )


def _assert_installed() -> None:
    if not all(importlib.util.find_spec(name) for name in ("pyspark", "dbt.adapters.spark")):
        raise SparkMissing(
            "The target spark needs pyspark and dbt-spark, which this Python does not have. Make "
            "their environment with `make venv-spark` and start .venv-spark/bin/aljibe, or set "
            "ALJIBE_TARGET=embedded."
        )
    home = os.environ.get("JAVA_HOME")
    if not (shutil.which("java") or (home and (Path(home) / "bin" / "java").is_file())):
        raise SparkMissing(
            "The target spark needs Java 17 or newer, and there is no java on the PATH and no "
            "JAVA_HOME. Install it (Debian: apt-get install openjdk-17-jre-headless)."
        )
