"""When a domain's arrivals have settled: many files that come together wake one run."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class SettlingTimes:
    """How long a domain waits, in seconds.

    Attributes:
        quiet: without a change of any file before a run is woken.
        longest: after which a run is woken although more keeps coming.
        again: after which a run is woken once more for files that none has taken; doubled each
            time, up to `most_again`.
    """

    quiet: float = 2.0
    longest: float = 300.0
    again: float = 60.0
    most_again: float = 3600.0


@dataclass
class Settling:
    """The arrivals of one domain; times are of one monotonic clock.

    Attributes:
        times: how long it waits.
    """

    times: SettlingTimes
    _told: frozenset[str] = frozenset()
    _told_at: float = 0.0
    _attempt: int = 0
    _first_at: float | None = field(default=None)

    def due(
        self, ready: frozenset[str], *, moving: bool, changed_at: float, now: float
    ) -> int | None:
        """Whether a run is to be woken now.

        Args:
            ready: ids of the files that are complete and that the ledger does not have.
            moving: whether a file is still being sent.
            changed_at: when a file that waits was last seen to come or to change.
            now: of the clock.

        Returns:
            How often a run was woken for these files before; None if none is to be woken.
        """
        new = ready - self._told
        if not new:
            self._first_at = None
            return self._again(ready, now)
        if self._first_at is None:
            self._first_at = now
        is_quiet = not moving and now - changed_at >= self.times.quiet
        if is_quiet or now - self._first_at >= self.times.longest:
            self._attempt = 0
            return self._tell(ready, now)
        return None

    def not_told(self) -> None:
        """What `due` asked for could not be told to anybody: ask again at the next look."""
        self._told, self._attempt = frozenset(), 0

    def _again(self, ready: frozenset[str], now: float) -> int | None:
        if not ready:
            self._told = frozenset()
            return None
        wait = min(self.times.again * 2**self._attempt, self.times.most_again)
        if now - self._told_at < wait:
            return None
        self._attempt += 1
        return self._tell(ready, now)

    def _tell(self, ready: frozenset[str], now: float) -> int:
        self._told, self._told_at, self._first_at = ready, now, None
        return self._attempt
