"""On which engine dbt builds: in the warehouse itself, or on Spark beside it.

A flow does not know which: the engine prepares what dbt needs, says which child process runs it,
and makes what was built part of the warehouse.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from lakehouse.lake.duckdb_session import open_warehouse
from lakehouse.settings import Settings
from lakehouse.transform.dbt_command import DbtBuild
from lakehouse.transform.engine_child import EngineChild
from lakehouse.transform.spark.built_tables import drop_seeds
from lakehouse.transform.spark.engine import SparkEngine


class BuildEngine(Protocol):
    """What runs the SQL of a build."""

    def around(self, build: DbtBuild) -> AbstractContextManager[EngineChild]:
        """Prepare a build; at the end, without an error, its tables are in the warehouse."""

    def allow_node_tasks(self) -> None:
        """Say whether dbt can run in the flow's own process.

        Raises:
            DbtCouldNotRun: it cannot.
        """


class WarehouseEngine:
    """DuckDB, which dbt opens itself."""

    @contextmanager
    def around(self, build: DbtBuild) -> Iterator[EngineChild]:
        """What is built is in the warehouse at once; what Spark has of seeds makes room for it."""
        if isinstance(build.warehouse, Path) and build.warehouse.is_file() and not build.foreign:
            seeds = {path.stem for path in (build.project_dir / "seeds").rglob("*.csv")}
            with open_warehouse(build.warehouse) as connection:
                drop_seeds(connection, seeds)
        yield EngineChild()

    def allow_node_tasks(self) -> None:
        """It can."""


def engine_of(build: DbtBuild, settings: Settings) -> BuildEngine:
    """The engine of a build; a project that is not ours brings its own."""
    return SparkEngine.of(settings) if build.on_spark else WarehouseEngine()
