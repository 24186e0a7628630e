"""A worker with a watcher beside it, for a platform on which one service owns the volume."""

import sys

from cli.side_by_side import Service, SideBySide


def worker_and_watch(pool: str) -> int:
    """Run both until the worker ends; a watcher that dies is started again.

    Args:
        pool: work pool to pull from.

    Returns:
        Exit code of the worker.
    """
    command = [sys.executable, "-P", "-c", "from cli.main import main; main()"]
    both = SideBySide()
    with both.listening():
        both.add(Service("worker", [*command, "worker", "--pool", pool], ends_all=True))
        both.add(Service("watcher", [*command, "watch"]))
        return both.wait()
