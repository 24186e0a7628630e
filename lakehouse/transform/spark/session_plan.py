"""What a Spark session is to know: a file that the flow writes and dbt's child process reads."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FILE = "session.json"


@dataclass(frozen=True)
class ShownTable:
    """A relation that the session has from the beginning.

    Attributes:
        schema: its schema.
        name: its name.
        folder: Parquet files below it; None for a table without any file.
        columns: name and Spark type as they lie in the files; None takes those of the files.
        select: what the relation gives of the columns, as SQL; None gives them as they are.
    """

    schema: str
    name: str
    folder: str | None
    columns: tuple[tuple[str, str], ...] | None = None
    select: str | None = None


@dataclass(frozen=True)
class SessionPlan:
    """A session and what it shows.

    Attributes:
        name: of the application, on the cluster's pages.
        master: where it runs.
        memory: of the driver, and of each executor.
        start_seconds: longest wait until executors answer.
        place: folder of the build, at the same path for driver and executors.
        log: file for what Spark itself says.
        tables: relations that are there from the beginning.
    """

    name: str
    master: str
    memory: str
    start_seconds: float
    place: Path
    log: Path
    tables: tuple[ShownTable, ...]

    @property
    def file(self) -> Path:
        """Where the plan is written."""
        return self.place / _FILE

    @property
    def tables_dir(self) -> Path:
        """Where Spark puts what is built: `<schema>.db/<table>`."""
        return self.place / "tables"

    def write(self) -> None:
        """Write the plan to `file`."""
        content = {
            **{name: getattr(self, name) for name in ("name", "master", "memory", "start_seconds")},
            "log": str(self.log),
            "tables": [vars(table) for table in self.tables],
        }
        self.file.write_text(json.dumps(content), "utf-8")

    @classmethod
    def read(cls, file: Path) -> "SessionPlan":
        """Read a plan that `write` wrote."""
        content = json.loads(file.read_text("utf-8"))
        return cls(
            name=content["name"],
            master=content["master"],
            memory=content["memory"],
            start_seconds=content["start_seconds"],
            place=file.parent,
            log=Path(content["log"]),
            tables=tuple(map(_table, content["tables"])),
        )


def _table(content: dict[str, Any]) -> ShownTable:
    columns = content["columns"]
    typed = None if columns is None else tuple((str(name), str(kind)) for name, kind in columns)
    return ShownTable(**{**content, "columns": typed})
