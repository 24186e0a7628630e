"""Loads one source once, as a process of its own, and tells what that took.

Run: python -m benchmarks.load_child MODULE LOADER SOURCE FOLDER ANSWER [--threads N]

The Python of an environment that has only a peer's packages can run this file as a script: it
imports the standard library alone, and so do the modules of loaders that peers are in.
"""

import argparse
import importlib
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

BYTES_PER_KIB = 1024


def peak_bytes() -> int:
    """The most memory this program had, in bytes.

    Not getrusage's ru_maxrss: it starts from the memory of the process that forked this one.
    """
    status = Path("/proc/self/status").read_text("ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * BYTES_PER_KIB


def measure(load: Callable[[], int]) -> dict[str, float]:
    """Call a load once; what it imported before is in its memory, but not in its time.

    Returns:
        rows, seconds, processor_seconds, peak_rss_bytes.

    Raises:
        RuntimeError: the load started processes, which these numbers would leave out.
    """
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    started, processor_started = time.perf_counter(), time.process_time()
    rows = load()
    seconds = time.perf_counter() - started
    processor_seconds = time.process_time() - processor_started
    if resource.getrusage(resource.RUSAGE_CHILDREN) != children:
        raise RuntimeError("the load started processes: their time and memory are not measured")
    return {
        "rows": rows,
        "seconds": seconds,
        "processor_seconds": processor_seconds,
        "peak_rss_bytes": peak_bytes(),
    }


def main() -> None:
    """Load as the arguments say; the measurements go to a JSON file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("module", help="of benchmarks, with LOADERS")
    parser.add_argument("loader", help="one of its LOADERS")
    parser.add_argument("source", type=Path, help="file to load, or that says where the rows are")
    parser.add_argument("folder", type=Path, help="where the result goes")
    parser.add_argument("answer", type=Path, help="JSON file that gets the measurements")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    loaders = importlib.import_module(f"benchmarks.{options.module}").LOADERS
    load = loaders[options.loader](options.source, options.folder, options.threads)
    options.answer.write_text(json.dumps(measure(load)), "utf-8")


if __name__ == "__main__":
    if not __package__:
        # Run as a script, Python looks for modules beside it, not beside `benchmarks`.
        sys.path[0] = str(Path(__file__).resolve().parent.parent)
    main()
