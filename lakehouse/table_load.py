"""What a run brought into one table, as a small manifest; several make the outcome of an ingest."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from lakehouse.faults import Fault
from lakehouse.lake.ledger import Delivery
from lakehouse.lake.pending_files import TableFiles
from lakehouse.source_catalog import Table


@dataclass(frozen=True)
class FileLoad:
    """How one file ended."""

    file_name: str
    status: str
    rows_delivered: int
    rows_loaded: int
    rows_rejected: int
    batch_id: str | None
    reason: str | None
    seconds: float

    def __str__(self) -> str:
        if self.status == "quarantined":
            return f"{self.file_name}: in quarantine. {self.reason}"
        if self.status == "known":
            return f"{self.file_name}: content already in the lake, counted once"
        text = f"{self.file_name}: {self.rows_loaded} rows loaded in {self.seconds} s"
        if self.rows_rejected:
            text += f", {self.rows_rejected} refused"
        return f"{text} ({self.reason})" if self.reason else text


@dataclass(frozen=True)
class TableLoad:
    """How the deliveries of one table ended in one run.

    Attributes:
        notes: what somebody should look at besides, such as an optional source that was down.
        faults: what kept content from being extracted while the run went on.
    """

    source: str
    table: str
    files_found: int = 0
    deliveries: tuple[FileLoad, ...] = ()
    moving: tuple[str, ...] = ()
    unusable: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    cached: bool = False

    @classmethod
    def of_listing(cls, table: Table, files: TableFiles, *, cached: bool = False) -> "TableLoad":
        """The beginning of a load: what a listing of its files says.

        Args:
            table: whose files.
            files: the listing.
            cached: whether everything in it is in the lake already.
        """
        is_empty = not (files.files or files.moving or files.unusable)
        return cls(
            table.source,
            table.name,
            files_found=len(files.files),
            moving=files.moving,
            unusable=files.unusable,
            faults=(_missing(table, files),) if table.meta.required and is_empty else (),
            cached=cached,
        )

    @property
    def rows_loaded(self) -> int:
        """Rows that are new in the lake."""
        return sum(file.rows_loaded for file in self.deliveries if file.status == "loaded")

    @property
    def rows_rejected(self) -> int:
        """Rows refused in files that were loaded."""
        return sum(file.rows_rejected for file in self.deliveries if file.status == "loaded")

    @property
    def summary(self) -> str:
        """One line for logs and reports."""
        if not self.deliveries:
            to_see = self.findings or self.faults
            nothing = "nothing was loaded, see the findings" if to_see else "nothing new"
            return nothing + (" (cached)" if self.cached else "")
        counts = [
            f"{number} {status}"
            for status in ("loaded", "known", "quarantined")
            if (number := sum(file.status == status for file in self.deliveries))
        ]
        return (
            f"{', '.join(counts)} of {len(self.deliveries)} deliveries, "
            f"{self.rows_loaded} rows, {self.rows_rejected} refused"
        )

    @property
    def findings(self) -> list[str]:
        """What somebody should look at, from this run."""
        name = f"{self.source}.{self.table}"
        found = [
            f"{name}: {file.rows_rejected} of {file.rows_delivered} rows of {file.file_name} were "
            "refused; lines and reasons are in etl.rejected_rows"
            for file in self.deliveries
            if file.status == "loaded" and file.rows_rejected
        ]
        found += [
            f"{name}: {file} was still being written; the next run takes it" for file in self.moving
        ]
        found += [
            f"{name}: the file named {file} was left alone; rename it without control characters "
            "and backslashes"
            for file in self.unusable
        ]
        found += [
            f"{name}: {file.file_name}: {file.reason}"
            for file in self.deliveries
            if file.status == "loaded" and file.reason
        ]
        found += [f"{name}: {note}" for note in self.notes]
        return found

    def with_delivery(self, delivery: Delivery) -> "TableLoad":
        """Add a file that was dealt with."""
        file = FileLoad(
            delivery.file_name,
            delivery.status,
            delivery.rows_delivered,
            delivery.rows_loaded,
            delivery.rows_rejected,
            delivery.batch_id,
            delivery.reason,
            delivery.seconds,
        )
        return replace(self, deliveries=(*self.deliveries, file))

    def with_moving(self, file_name: str) -> "TableLoad":
        """Add a file that was not complete."""
        return replace(self, moving=(*self.moving, file_name))

    def to_dict(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TableLoad":
        """Back from `to_dict`."""
        return cls(
            **{
                **values,
                "deliveries": tuple(FileLoad(**file) for file in values["deliveries"]),
                "moving": tuple(values["moving"]),
                "unusable": tuple(values["unusable"]),
                "notes": tuple(values.get("notes", ())),
                "faults": tuple(Fault(**fault) for fault in values.get("faults", ())),
            }
        )


def _missing(table: Table, files: TableFiles) -> Fault:
    name = table.meta.pattern or table.meta.regex
    return Fault(
        "extract",
        table.full_name,
        "file_missing",
        f"no file named like {name} is in {files.folder}; the table keeps its last load. Ask its "
        "sender, or leave out required",
        details={"folder": files.folder, "pattern": name},
    )


def ingest_summary(loads: Sequence[TableLoad]) -> str:
    """One line over all tables of a run."""
    files = [file for load in loads for file in load.deliveries]
    if not files:
        return f"nothing new in {len(loads)} tables"
    known = sum(file.status == "known" for file in files)
    rows = sum(load.rows_loaded for load in loads)
    refused = sum(load.rows_rejected for load in loads)
    if known == len(files):
        return f"nothing new in {len(loads)} tables ({known} deliveries that the lake has already)"
    arrived = f"{len(files)} deliveries in {len(loads)} tables"
    if known:
        arrived += f" ({known} with content that the lake has already)"
    return f"{arrived}, {rows} rows loaded, {refused} refused"
