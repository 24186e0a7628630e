"""Events of arrivals. They wake a run; what is work is decided by the ledger alone."""

import uuid
from collections.abc import Sequence

from lakehouse.reports.run_events import RunEvent
from lakehouse.watch.ready_files import ReadyFile

FILE_ARRIVED = "lakehouse.file.arrived"
ARRIVALS_SETTLED = "lakehouse.arrivals.settled"
_MOST_NAMES = 20


def file_arrived(domain: str, file: ReadyFile) -> RunEvent:
    """A file is complete; the same file in the same form has the same event."""
    shown = ascii(file.name)[1:-1]
    return RunEvent(
        name=FILE_ARRIVED,
        id=file.id,
        resource={
            "prefect.resource.id": f"lakehouse.file.{file.id}",
            "prefect.resource.name": shown,
            "lakehouse.domain": domain,
            "lakehouse.source": file.source,
            "lakehouse.table": file.table,
        },
        related=(_source(domain, file),),
        payload={
            "domain": domain,
            "source": file.source,
            "table": file.table,
            "folder": file.folder,
            "file": shown,
            "size": file.size,
            "mtime_ns": file.mtime_ns,
        },
    )


def arrivals_settled(domain: str, ready: Sequence[ReadyFile], attempt: int) -> RunEvent:
    """The folders of a domain are quiet, or have been waited for long enough.

    Args:
        domain: whose files they are.
        ready: every file that waits.
        attempt: how often a run was woken for just these files before.
    """
    told = "\n".join((domain, *sorted(file.id for file in ready), str(attempt)))
    names = [ascii(file.name)[1:-1] for file in ready[:_MOST_NAMES]]
    sources = {file.source: file for file in ready}
    return RunEvent(
        name=ARRIVALS_SETTLED,
        id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"lakehouse:settled:{told}")),
        resource={
            "prefect.resource.id": f"lakehouse.arrivals.{domain}",
            "prefect.resource.name": domain,
            "lakehouse.domain": domain,
        },
        related=tuple(_source(domain, file) for file in sources.values()),
        payload={
            "domain": domain,
            "files": len(ready),
            "bytes": sum(file.size for file in ready),
            "names": names,
            "attempt": attempt,
        },
    )


def _source(domain: str, file: ReadyFile) -> dict[str, str]:
    return {
        "prefect.resource.id": f"lakehouse.source.{domain}.{file.source}",
        "prefect.resource.role": "source",
    }
