"""Stage one file in a process of its own: `stage_alone.py FILE TABLE SCRATCH`."""

import json
import sys
import time
from pathlib import Path

from lakehouse.errors import DeliveryRefused
from lakehouse.formats.stage_file import stage_file
from lakehouse.formats.staging_limits import StagingLimits
from lakehouse.source_catalog import Table

_KIB_PER_MIB = 1024


def peak_mb() -> float:
    """The most memory this program had, in MiB.

    Not getrusage's ru_maxrss: it starts from the memory of the process that forked this one.
    """
    status = Path("/proc/self/status").read_text("ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / _KIB_PER_MIB


def main(file: str, table: str, scratch: str) -> None:
    """Print rows and rejects, or the refusal, with seconds and memory, as JSON."""
    declared = Table.model_validate_json(table)
    before, started = peak_mb(), time.monotonic()
    told: dict[str, object] = {"rows": None, "rejects": [], "refusal": None}
    try:
        parts = stage_file(
            Path(file), declared, Path(scratch), captured={}, limits=StagingLimits(1, "256MB")
        )
        told["rows"] = sum(part.rows for part in parts)
        told["rejects"] = [reject.reason for part in parts for reject in part.rejects[:3]]
    except DeliveryRefused as refused:
        told["refusal"] = str(refused)
    told["seconds"] = time.monotonic() - started
    told["peak_mb"] = peak_mb()
    told["grown_mb"] = peak_mb() - before
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
