"""What the parse of one file may use."""

from dataclasses import dataclass


@dataclass(frozen=True)
class StagingLimits:
    """Threads and memory of DuckDB.

    Attributes:
        threads: of one DuckDB connection.
        memory: its limit, such as `256MB`.
    """

    threads: int = 2
    memory: str = "256MB"


USUAL_LIMITS = StagingLimits()
