"""Which files of a listing are work, by the ledger; and the listing as a small, hashable value."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lakehouse.connectors.folder import FoundFile
from lakehouse.formats.content_profile import ContentProfile
from lakehouse.lake.ledger import Delivery
from lakehouse.lake.raw_lake import RawLake
from lakehouse.source_catalog import Table


@dataclass(frozen=True)
class FileToLoad:
    """A file of a landing folder with its content's hash.

    Attributes:
        pending: the ledger does not have it in this form.
        profile: fields of the `ContentProfile`, for pending files.
    """

    name: str
    size: int
    mtime_ns: int
    sha256: str
    captured: Mapping[str, str]
    pending: bool
    profile: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, found: FoundFile, profile: ContentProfile, *, pending: bool) -> "FileToLoad":
        """A file whose content was just read."""
        return cls(
            found.name,
            found.size,
            found.mtime_ns,
            profile.sha256,
            dict(found.captured),
            pending,
            asdict(profile),
        )

    @classmethod
    def of_known(cls, found: FoundFile, delivery: Delivery) -> "FileToLoad":
        """A file that the ledger has already: its content need not be read again."""
        return cls(
            found.name, found.size, found.mtime_ns, delivery.sha256, dict(found.captured), False
        )


@dataclass(frozen=True)
class TableFiles:
    """The files of one table as found in its folder.

    Attributes:
        moving: names of files that are not complete yet.
        unusable: names, escaped, that cannot be trusted; their files are not loaded.
    """

    folder: str
    files: tuple[FileToLoad, ...]
    moving: tuple[str, ...] = ()
    unusable: tuple[str, ...] = ()

    @property
    def has_work(self) -> bool:
        """Whether any file is pending."""
        return any(file.pending for file in self.files)

    def to_dict(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TableFiles":
        """Back from `to_dict`."""
        return cls(
            values["folder"],
            tuple(FileToLoad(**file) for file in values["files"]),
            tuple(values["moving"]),
            tuple(values["unusable"]),
        )


def pending_names(
    found: Iterable[FoundFile], known: Mapping[str, Delivery], table: Table, lake: RawLake
) -> set[str]:
    """Names of the files that the ledger does not have as they are now.

    A file counts as known by name, size and modification time. It is work again when its batch is
    no longer in the lake, or when it was refused and its contract or limits have changed since.
    """
    pending = set()
    for file in found:
        delivery = known.get(file.name)
        if delivery is None or (delivery.size, delivery.mtime_ns) != (file.size, file.mtime_ns):
            pending.add(file.name)
        elif delivery.batch_id is None:
            if delivery.reading_hash != table.judgement_hash:
                pending.add(file.name)
        elif not lake.holds(delivery.batch_id):
            pending.add(file.name)
    return pending
