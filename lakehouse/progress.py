"""Progress of a run, told to whoever listens: a terminal's bars, or nobody."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """State of one step.

    Attributes:
        step: stable name of the step, such as `extract pharma_files.productos` or `dbt`.
        text: what happens right now.
        done: parts finished.
        total: parts in all, or None while unknown.
    """

    step: str
    text: str
    done: int = 0
    total: int | None = None


Listener = Callable[[Progress], None]
_listeners: dict[object, Listener] = {}


def listen(listener: Listener) -> Callable[[], None]:
    """Send every progress of this process to `listener`; returns what ends that, once or more."""
    key = object()
    _listeners[key] = listener

    def _stop() -> None:
        _listeners.pop(key, None)

    return _stop


def tell(progress: Progress) -> None:
    """Report progress; costs nothing where nobody listens."""
    for listener in tuple(_listeners.values()):
        listener(progress)
