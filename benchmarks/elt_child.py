"""Runs our flow `elt` once, as a process of its own; tells the run's id and how it ended."""

import json
import sys
from pathlib import Path


def main(domain: str, answer: str) -> None:
    """Bring `domain` up to date and write id, state and message of the run to `answer`."""
    # Prefect takes seconds to import, which are not the run's.
    from flows.elt import elt  # noqa: PLC0415

    state = elt(domain, return_state=True)
    told = {
        "flow_run_id": str(state.state_details.flow_run_id),
        "state": state.name,
        "message": state.message,
    }
    Path(answer).write_text(json.dumps(told), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
