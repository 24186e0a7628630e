"""The child process that runs dbt for an engine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lakehouse.transform import dbt_child


@dataclass(frozen=True)
class EngineChild:
    """The child process that runs dbt.

    Attributes:
        script: file that Python runs.
        environment: variables that it needs beside those of the build.
    """

    script: Path = Path(dbt_child.__file__)
    environment: Mapping[str, str] = field(default_factory=dict)
