"""Run `elt` of pharma_latam and die, by SIGKILL, at a named point: `python killed_run.py POINT`.

A point is a function of the code: the process dies when it is about to be called, or has returned,
for the n-th time. `dbt-*` points kill dbt's process, this one, or both at the n-th line of dbt.
"""

import importlib
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

POINTS: dict[str, tuple[str, str, str, int]] = {
    "before anything is read": ("tasks.extract_files", "load_file", "before", 1),
    "first file staged": ("lakehouse.lake.load_file", "stage_file", "after", 1),
    "third file staged": ("lakehouse.lake.load_file", "stage_file", "after", 3),
    "batch written, not committed": ("lakehouse.lake.load_delivery", "write_batch", "after", 1),
    "batch committed, not visible": ("lakehouse.lake.folder_batches", "publish_file", "before", 1),
    "last batch committed, not visible": (
        "lakehouse.lake.folder_batches",
        "publish_file",
        "before",
        4,
    ),
    "batch visible": ("lakehouse.lake.folder_batches", "publish_file", "after", 2),
    "views half written": ("lakehouse.lake.raw_views", "_write_current", "after", 1),
    "build recorded": ("flows.dbt_build", "start_build", "after", 1),
    "dbt ended, results not recorded": ("flows.dbt_build", "finish_build", "before", 1),
    "results recorded, not reported": ("tasks.report_results", "gather_facts", "before", 1),
    "pages half written": ("lakehouse.reports.pages.write_pages", "render_test_page", "after", 9),
    "copy written, not in place": ("lakehouse.publish.serving_copy", "publish_file", "before", 1),
    "copy in place, not recorded": ("lakehouse.publish.serving_copy", "publish_file", "after", 1),
}
DBT_LINES = {"at its start": 1, "in the middle": 15, "near its end": 36}
DBT_VICTIMS = ("child", "parent", "both")


def main(point: str) -> int:
    """Arm the point and run; returns only where the point lets this process live."""
    if point in POINTS:
        _arm(*POINTS[point])
    else:
        victim, _, moment = point.removeprefix("dbt ").partition(" ")
        _arm_dbt(victim, DBT_LINES[moment])
    state = importlib.import_module("cli.run_domain").run_domain("pharma_latam")
    print(f"{state.name}: {state.message}")
    return 0 if state.is_completed() else 1


def _arm(module: str, name: str, when: str, nth: int) -> None:
    home = importlib.import_module(module)
    real: Callable[..., Any] = getattr(home, name)
    numbers = itertools.count(1)

    def _deadly(*args: Any, **kwargs: Any) -> Any:
        # Tables load in threads: each call keeps its own number.
        number = next(numbers)
        if when == "before" and number == nth:
            _die()
        result = real(*args, **kwargs)
        if when == "after" and number == nth:
            _die()
        return result

    setattr(home, name, _deadly)


def _arm_dbt(victim: str, nth: int) -> None:
    dbt_process = importlib.import_module("lakehouse.transform.dbt_process")
    real_line, real_popen = dbt_process._read_line, subprocess.Popen
    children: list[subprocess.Popen[str]] = []
    lines = 0

    def _popen(*args: Any, **kwargs: Any) -> subprocess.Popen[str]:
        children.append(real_popen(*args, **kwargs))
        return children[-1]

    def _deadly(raw: str) -> Any:
        nonlocal lines
        line = real_line(raw)
        lines += line is not None
        if lines == nth and line is not None:
            if victim in ("child", "both"):
                os.kill(children[-1].pid, signal.SIGKILL)
            if victim in ("parent", "both"):
                _die()
        return line

    class _Subprocess:
        Popen = staticmethod(_popen)

        def __getattr__(self, name: str) -> Any:
            return getattr(subprocess, name)

    dbt_process.subprocess = _Subprocess()
    dbt_process._read_line = _deadly


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
