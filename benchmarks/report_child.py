"""Runs our flow `dbt_build` as a process of its own and tells how long each part of reporting took.

A run by a worker is a process of its own too: what is read or compiled once belongs to the time.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

PARTS = {
    "gather_facts": "gather",
    "post_artifacts": "artifacts",
    "write_pages": "pages",
    "run_events": "events",
    "emit_events": "events",
    "send_digests": "notifications",
}
PROCESSOR = "processor"


def main(project: str, answer: str, runs: str) -> None:
    """Build `project` so often; write ids, state and seconds of the last run to `answer`."""
    # Prefect takes seconds to import, and who only asks for PARTS needs none of it.
    from flows import dbt_build as flow  # noqa: PLC0415
    from tasks import report_results as reports  # noqa: PLC0415

    seconds: dict[str, float] = {}
    for function, part in PARTS.items():
        _clock(reports, function, part, seconds, time.perf_counter)
    _clock(flow, "report_results", PROCESSOR, seconds, time.process_time)
    for _ in range(int(runs)):
        seconds.update(dict.fromkeys([*PARTS.values(), PROCESSOR], 0.0))
        state = flow.dbt_build(domain="measured", project_dir=project, return_state=True)
    told = {
        "flow_run_id": str(state.state_details.flow_run_id),
        "state": state.name,
        "message": state.message,
        "seconds": seconds,
    }
    Path(answer).write_text(json.dumps(told), "utf-8")


def _clock(
    module: ModuleType,
    function: str,
    part: str,
    seconds: dict[str, float],
    clock: Callable[[], float],
) -> None:
    called: Callable[..., Any] = getattr(module, function)

    def clocked(*arguments: Any, **options: Any) -> Any:
        started = clock()
        try:
            return called(*arguments, **options)
        finally:
            seconds[part] += clock() - started

    setattr(module, function, clocked)


if __name__ == "__main__":
    main(*sys.argv[1:])
