"""What runs dbt in its child process: one JSON line for each event that a run shows.

dbt's own JSON log tells every event whole, which is six hundredths of a build; a line here has
the fields of it that are read. Run as `python -P dbt_child.py ARGUMENTS`.
"""

import json
import os
import signal
import stat
import sys
import threading
from typing import Any

ENDS = frozenset(
    {
        "LogModelResult",
        "LogTestResult",
        "LogSeedResult",
        "LogSnapshotResult",
        "LogFreshnessResult",
        "LogNodeResult",
        "UnitTestResult",
    }
)
SUMS = frozenset({"FoundCount", "FinishedRunningStats", "EndOfRunSummary", "StatsLine"})
LISTED = "PrintEvent"
TROUBLES = frozenset({"warn", "error"})
_BAD_RESULTS, _COULD_NOT_RUN = 1, 2


def main(arguments: list[str]) -> int:
    """Run dbt; returns the exit code that its command would have ended with."""
    _end_with_parent()
    # A second of imports, which who only reads the names above is spared.
    from dbt.cli.main import dbtRunner  # noqa: PLC0415

    ended = dbtRunner(callbacks=[_tell]).invoke(arguments)
    if ended.success:
        return 0
    if ended.exception is None:
        return _BAD_RESULTS
    _write(str(ended.exception))
    return _COULD_NOT_RUN


def _end_with_parent() -> None:
    """End this process and its children when who started it is gone.

    It would go on writing, for nobody, and hold the locks that it inherited. Standard input is a
    pipe that nothing is written to: it ends with the other end's process.
    """
    if stat.S_ISFIFO(os.fstat(0).st_mode) and os.getpgrp() == os.getpid():
        threading.Thread(target=_await_end_of_parent, daemon=True).start()


def _await_end_of_parent() -> None:
    while os.read(0, 1024):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _tell(event: Any) -> None:
    info = event.info
    # Models may print too; a line of `dbt ls --output json` is an object.
    listed = info.name == LISTED and info.msg.startswith("{")
    told_by_name = info.name in ENDS or info.name in SUMS or listed
    if not told_by_name and info.level not in TROUBLES:
        return
    told: dict[str, Any] = {"info": {"level": info.level, "msg": info.msg, "name": info.name}}
    if info.name in ENDS:
        fields = (
            (name, getattr(event.data, name, None)) for name in ("index", "num_models", "total")
        )
        told["data"] = {name: value for name, value in fields if value is not None}
    _write(json.dumps(told))


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
