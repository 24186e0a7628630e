"""The Spark session that dbt-spark finds: its options, and the tables it knows.

Its catalog lives in memory: what is there is told anew to every session, so that no metastore
can be behind the files. What the plan does not say comes from the user's spark-defaults.conf
(SPARK_CONF_DIR).
"""

import os
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLate
from pathlib import Path
from threading import Thread

from pyspark.sql import SparkSession

from lakehouse.errors import SparkNotReady
from lakehouse.transform.spark.session_plan import SessionPlan, ShownTable
from lakehouse.transform.spark.spark_types import spark_identifier, spark_string

_MEANING = {
    # Times: moments without a zone, in UTC; microseconds in files that other engines read.
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # A value that does not fit is an error, as it is in DuckDB.
    "spark.sql.ansi.enabled": "true",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.sources.default": "parquet",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.ui.showConsoleProgress": "false",
    "spark.ui.enabled": "false",
}
_LOOPBACK = "127.0.0.1"
_ON_THIS_MACHINE = {
    "spark.driver.host": _LOOPBACK,
    "spark.driver.bindAddress": _LOOPBACK,
}
# Two hundred parts of a join, Spark's own number, are for a cluster.
_UNLESS_CONFIGURED = {"spark.sql.shuffle.partitions": "16"}


def open_session(plan: SessionPlan) -> SparkSession:
    """Start the session that the plan describes and make its tables known.

    Raises:
        SparkNotReady: it did not start, or no executor did any work in time.
    """
    started: Future[SparkSession] = Future()
    Thread(target=_start, args=(plan, started), daemon=True).start()
    try:
        session = started.result(plan.start_seconds)
    except TooLate:
        raise SparkNotReady(
            f"Spark at {plan.master} gave no executor within {plan.start_seconds:.0f} s. Look at "
            f"the cluster's page: each executor needs {plan.memory} of memory that is free "
            f"(ALJIBE_SPARK_MEMORY, ALJIBE_SPARK_START_SECONDS), and must reach this machine. "
            f"Spark's own words are in {plan.log}."
        ) from None
    except Exception as error:
        cause = str(error).strip().partition("\n")[0]
        raise SparkNotReady(
            f"Spark at {plan.master} did not start: {cause}. Its own words are in {plan.log}."
        ) from error
    for table in plan.tables:
        _show(session, table)
    return session


def _start(plan: SessionPlan, started: "Future[SparkSession]") -> None:
    try:
        builder = SparkSession.builder.appName(plan.name).master(plan.master)
        local = dict(_ON_THIS_MACHINE) if plan.master.startswith("local") else {}
        if local:
            os.environ.setdefault("SPARK_LOCAL_IP", _LOOPBACK)
        if local and not os.environ.get("SPARK_CONF_DIR"):
            local |= _UNLESS_CONFIGURED
        own = {
            "spark.driver.memory": plan.memory,
            "spark.executor.memory": plan.memory,
            "spark.sql.warehouse.dir": _uri(plan.tables_dir),
        }
        for name, value in {**_MEANING, **local, **own}.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
        session.range(1).count()
        started.set_result(session)
    except BaseException as error:  # noqa: BLE001  (it is raised where the result is read)
        started.set_exception(error)


def _show(session: SparkSession, table: ShownTable) -> None:
    schema, name = spark_identifier(table.schema), spark_identifier(table.name)
    session.sql(f"create schema if not exists {schema}")
    if table.folder is None:
        session.sql(f"create view {schema}.{name} as select {table.select} where false")
        return
    columns = ", ".join(f"{spark_identifier(one)} {kind}" for one, kind in table.columns or ())
    files = spark_identifier(f"{table.name}__files") if table.select else name
    session.sql(
        f"create table {schema}.{files} {f'({columns})' if columns else ''} using parquet "
        f"options (path {spark_string(_uri(table.folder))}, recursiveFileLookup 'true', "
        "pathGlobFilter '*.parquet')"
    )
    if table.select:
        session.sql(f"create view {schema}.{name} as select {table.select} from {schema}.{files}")


def _uri(path: str | Path) -> str:
    """Address of a folder, also where another file system is the cluster's own."""
    return f"file://{path}"
