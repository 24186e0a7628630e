"""A Spark standalone cluster on loopback: a master and two workers of bounded memory."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from servers.child_process import dies_with_its_parent, free_port, stop, wait_until_ready

ROOT = Path(__file__).resolve().parents[3]
PYTHON = ROOT / ".venv-spark" / "bin" / "python"
_DEPLOY = "org.apache.spark.deploy"
_START_SECONDS = 240
_WORKERS = 2


class SparkMissingError(Exception):
    """There is no environment with Spark beside the project."""


@dataclass(frozen=True)
class SparkCluster:
    """A cluster that runs.

    Attributes:
        url: of the master.
        page: address of its page, whose `/json/` tells of workers and applications.
        conf: folder with a spark-defaults.conf for small data.
    """

    url: str
    page: str
    conf: Path

    def told(self) -> dict[str, object]:
        """What the master tells of workers and applications."""
        return dict(httpx.get(f"{self.page}/json/", timeout=30).raise_for_status().json())

    def is_whole(self) -> bool:
        """Whether the master answers and all workers have come."""
        try:
            return self.told().get("aliveworkers") == _WORKERS
        except httpx.HTTPError:
            return False


@contextmanager
def running_spark_cluster(folder: Path) -> Iterator[SparkCluster]:
    """Start a master and two workers; they end with the block.

    Args:
        folder: empty, for work and logs.

    Raises:
        SparkMissingError: Spark is not installed.
    """
    if not PYTHON.is_file():
        raise SparkMissingError("Spark is not installed: run `make venv-spark`.")
    port, page_port = free_port(), free_port()
    url, page = f"spark://127.0.0.1:{port}", f"http://127.0.0.1:{page_port}"
    conf = folder / "conf"
    conf.mkdir()
    # Compiling, of queries and of Java, costs more than running on small data.
    (conf / "spark-defaults.conf").write_text(
        "spark.driver.host 127.0.0.1\n"
        "spark.driver.bindAddress 127.0.0.1\n"
        "spark.sql.shuffle.partitions 4\n"
        "spark.sql.codegen.wholeStage false\n"
        "spark.sql.codegen.factoryMode NO_CODEGEN\n"
        "spark.driver.extraJavaOptions -XX:TieredStopAtLevel=1 -XX:+UseSerialGC\n"
        "spark.executor.extraJavaOptions -XX:TieredStopAtLevel=1 -XX:+UseSerialGC\n"
    )
    cluster = SparkCluster(url, page, conf)
    with ExitStack() as stack:
        where = ("--host", "127.0.0.1")
        pages = ("--port", str(port), "--webui-port", str(page_port))
        master = stack.enter_context(
            _daemon(folder, "master", f"{_DEPLOY}.master.Master", *where, *pages)
        )
        for number in range(_WORKERS):
            name = f"worker-{number}"
            limits = ("--cores", "1", "--memory", "1g", "--webui-port", "0")
            place = ("--work-dir", str(folder / name))
            stack.enter_context(
                _daemon(folder, name, f"{_DEPLOY}.worker.Worker", *where, *limits, *place, url)
            )
        log = folder / "master.log"
        wait_until_ready(master, cluster.is_whole, log, _START_SECONDS)
        yield cluster


@contextmanager
def _daemon(folder: Path, name: str, *command: str) -> Iterator["subprocess.Popen[bytes]"]:
    spark = next((PYTHON.parents[1] / "lib").glob("python*/site-packages/pyspark"))
    environment = {
        **os.environ,
        "SPARK_HOME": str(spark),
        "SPARK_CONF_DIR": str(folder / "conf"),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(folder / "local"),
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_DAEMON_JAVA_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    }
    with (folder / f"{name}.log").open("w") as log:
        process = subprocess.Popen(
            [
                *dies_with_its_parent(signal.SIGTERM),
                str(spark / "bin" / "spark-class"),
                *command,
            ],
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        stop(process, signal.SIGTERM)
