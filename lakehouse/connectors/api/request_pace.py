"""No more requests in a second than an API allows, over all tables of this process."""

import threading
import time
from collections.abc import Callable

_paces: dict[tuple[str, float], "RequestPace"] = {}
_guard = threading.Lock()


class RequestPace:
    """Requests at even distances, whichever thread sends them."""

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._distance = 1 / per_second
        self._clock = clock
        self._next = clock()
        self._turn = threading.Lock()

    def wait(self, sleep: Callable[[float], None]) -> None:
        """Return when the next request may be sent."""
        with self._turn:
            now = self._clock()
            pause = max(self._next - now, 0.0)
            self._next = max(self._next, now) + self._distance
        if pause:
            sleep(pause)


def shared_pace(origin: str, per_second: float | None) -> RequestPace | None:
    """The pace that all requests to `origin` share in this process; None without a limit."""
    if per_second is None:
        return None
    with _guard:
        return _paces.setdefault((origin, per_second), RequestPace(per_second))
