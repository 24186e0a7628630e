"""dbt's child process for a build on Spark: the session first, then dbt in the same process.

Run as `python -P child.py ARGUMENTS`, with the file of the session's plan in ALJIBE_SPARK_PLAN.
"""

import os
import signal
import sys
import time
from pathlib import Path
from threading import Thread

from lakehouse.errors import AljibeError
from lakehouse.transform import dbt_child
from lakehouse.transform.spark.session_plan import SessionPlan

PLAN = "ALJIBE_SPARK_PLAN"
_COULD_NOT_RUN = 2
_LOOK_EVERY_SECONDS = 1.0


def main(arguments: list[str]) -> int:
    """Start the session and run dbt; returns the exit code of dbt."""
    # Pyspark is imported only in this process.
    from lakehouse.transform.spark.session import open_session  # noqa: PLC0415

    plan = SessionPlan.read(Path(os.environ[PLAN]))
    _speak_apart_from(plan.log)
    Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    try:
        session = open_session(plan)
    except AljibeError as error:
        print(error, flush=True)  # noqa: T201
        # A thread may still wait for the cluster.
        os._exit(_COULD_NOT_RUN)
    try:
        return dbt_child.main(arguments)
    finally:
        session.stop()


def _end_with(parent: int) -> None:
    """End this process and Spark's driver when the flow is gone.

    Nobody would take what they build, and they hold the lock of the domain, for ever if the
    cluster is gone too.
    """
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY_SECONDS)
    if os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(_COULD_NOT_RUN)


def _speak_apart_from(log: Path) -> None:
    """Send what Spark's Java says to a file: every line of this process is shown in the run."""
    own = os.dup(sys.stdout.fileno())
    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.stdout = os.fdopen(own, "w", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
