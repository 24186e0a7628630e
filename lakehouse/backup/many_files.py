"""Do the same to many files, some at a time: memory stays flat in their number."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from lakehouse.progress import Progress, tell

CONNECTIONS = 8
_FILES_AT_ONCE = 64
Item = TypeVar("Item")
Result = TypeVar("Result")


def for_each(
    items: Iterable[Item], act: Callable[[Item], Result], *, step: str, total: int
) -> Iterator[tuple[Item, Result]]:
    """Call `act` with every item in several threads; the results come in the order of the items.

    Args:
        items: read as they are needed.
        act: its first error ends all.
        step: name for the progress that is told.
        total: how many items there are.
    """
    waiting, done = iter(items), 0
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        while part := list(islice(waiting, _FILES_AT_ONCE)):
            yield from zip(part, pool.map(act, part), strict=True)
            done += len(part)
            tell(Progress(step, f"{done} of {total} files", done, total))
