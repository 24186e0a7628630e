"""Send events beside a run: what takes them may be slow, hang or be gone, and the run goes on."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import Condition, Thread
from typing import TYPE_CHECKING, Protocol

from lakehouse.lineage_events.job_runs import JobRun

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent

_SWITCHES = ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG", "OPENLINEAGE__TRANSPORT")
_TYPE = "OPENLINEAGE__TRANSPORT__TYPE"


def is_configured(environment: Mapping[str, str]) -> bool:
    """Whether the standard variables of OpenLineage say where events go."""
    if environment.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true":
        return False
    return any(environment.get(name) for name in (*_SWITCHES, _TYPE))


class Client(Protocol):
    """What takes events; the OpenLineage client is one."""

    def emit(self, event: "RunEvent") -> None:
        """Hand over an event; raises where that fails."""

    def close(self, timeout: float) -> bool:
        """Hand over what is left, for so many seconds."""


OpenClients = Callable[[], Mapping[str, Client]]


def configured_clients() -> dict[str, Client]:
    """The clients of the environment, by the kind of their transport.

    The parts of a composite transport are separate clients, so that one that hangs keeps nothing
    from the others; not where the next is only for what the one before did not take.

    Raises:
        ValueError: the configuration names no transport.
    """
    from openlineage.client import OpenLineageClient  # noqa: PLC0415
    from openlineage.client.transport.composite import CompositeTransport  # noqa: PLC0415

    client = OpenLineageClient()
    transport = client.transport
    asked = (client.config.transport or {}).get("type")
    if transport.kind == "console" and asked != "console":
        raise ValueError("the configuration of OpenLineage names no transport")
    if not isinstance(transport, CompositeTransport) or not (
        transport.config.continue_on_failure and transport.config.continue_on_success
    ):
        return {str(transport.kind): client}
    return {
        f"{part.name or place} ({part.kind})": OpenLineageClient(transport=part)
        for place, part in enumerate(transport.transports, start=1)
    }


class Sender:
    """Takes runs at once, and sends their events in threads of its own, one for each client."""

    def __init__(self, open_clients: OpenClients = configured_clients) -> None:
        self._runs: list[JobRun] = []
        self._change = Condition()
        self._deadline: float | None = None
        self._open: set[str] = {"client"}
        self._faults: list[str] = []
        self._begin(self._open_all, open_clients)

    def send(self, runs: Sequence[JobRun]) -> None:
        """Take runs; never waits."""
        with self._change:
            self._runs += runs
            self._change.notify_all()

    def finish(self, seconds: float) -> list[str]:
        """Wait until all is sent, at most so many seconds.

        Returns:
            What was not sent and why, without addresses, which may hold a password.
        """
        with self._change:
            self._deadline = time.monotonic() + seconds
            self._change.notify_all()
            self._change.wait_for(lambda: not self._open, timeout=seconds)
            late = [f"{name}: did not answer in {seconds:g} s" for name in sorted(self._open)]
            return [*self._faults, *late]

    def _open_all(self, open_clients: OpenClients) -> None:
        try:
            clients = open_clients()
        except Exception as error:  # noqa: BLE001 - whatever it is, the run goes on without it
            # The text of a ValueError may be the configuration itself.
            self._end("client", f"the client cannot be set up ({type(error).__name__})")
            return
        with self._change:
            self._open |= set(clients)
        for name, client in clients.items():
            self._begin(self._deliver, name, client)
        self._end("client")

    def _deliver(self, name: str, client: Client) -> None:
        from lakehouse.lineage_events.client_events import events_of  # noqa: PLC0415

        sent = 0
        try:
            for run in self._coming():
                for event in events_of(run):
                    client.emit(event)
                    sent += 1
            client.close(self._seconds_left())
        except Exception as error:  # noqa: BLE001 - whatever it is, the run goes on without it
            self._end(name, f"{name}: {_cause(error)}; nothing was sent after {sent} events")
        else:
            self._end(name)

    def _coming(self) -> Iterator[JobRun]:
        place = 0
        while True:
            with self._change:
                self._change.wait_for(
                    lambda: len(self._runs) > place or self._deadline is not None  # noqa: B023
                )
                if len(self._runs) <= place or self._seconds_left() == 0:
                    return
                run = self._runs[place]
            place += 1
            yield run

    def _seconds_left(self) -> float:
        if self._deadline is None:
            return float("inf")
        return max(0.0, self._deadline - time.monotonic())

    def _begin(self, work: Callable[..., None], *arguments: object) -> None:
        Thread(target=work, args=arguments, name="lineage-events", daemon=True).start()

    def _end(self, name: str, fault: str = "") -> None:
        with self._change:
            self._open.discard(name)
            self._faults += [fault] if fault else []
            self._change.notify_all()


def _cause(error: Exception) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    return f"{type(error).__name__}{f' {status}' if status else ''}"


def lineage_is_on() -> bool:
    """Whether this process's environment says where events go."""
    return is_configured(os.environ)
