"""Runs our flow `dbt_build` once, as a process of its own; prints what a parent cannot see."""

import json
import sys
import time
from pathlib import Path


def main(project: str, answer: str) -> None:
    """Build `project` and write the id and state of the flow run to the file `answer`."""
    started = time.perf_counter()
    from flows.dbt_build import dbt_build  # noqa: PLC0415 - its import is what is timed

    imported = time.perf_counter()
    state = dbt_build(domain="measured", full_refresh=True, project_dir=project, return_state=True)
    told = {
        "flow_run_id": str(state.state_details.flow_run_id),
        "state": state.name,
        "message": state.message,
        "import_seconds": imported - started,
    }
    Path(answer).write_text(json.dumps(told), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
