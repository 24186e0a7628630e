"""Which files of a listing are work, by the ledger; and the listing as a small, hashable value."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from lakehouse.connectors.file_store import FileStore, FoundFile, files_of, settled
from lakehouse.formats.content_profile import ContentProfile, profile_content
from lakehouse.lake.ledger import Delivery
from lakehouse.lake.raw_lake import RawLake
from lakehouse.source_catalog import Table


@dataclass(frozen=True)
class FileToLoad:
    """A file of a landing folder.

    Attributes:
        sha256: of its content; empty where that is not on this machine yet.
        pending: the ledger does not have it in this form.
        profile: fields of the `ContentProfile`, for pending files on this machine.
        settles_at: moment of this machine's monotonic clock from which another look decides
            whether the file was complete; 0 where it has been taken.
    """

    name: str
    size: int
    mtime_ns: int
    sha256: str
    captured: Mapping[str, str]
    pending: bool
    profile: Mapping[str, Any] | None = None
    settles_at: float = 0.0

    @property
    def found(self) -> FoundFile:
        """The file as its store found it."""
        return FoundFile(self.name, self.size, self.mtime_ns, dict(self.captured))

    @classmethod
    def of_pending(
        cls, found: FoundFile, profile: ContentProfile | None, settles_at: float = 0.0
    ) -> "FileToLoad":
        """A file that is work; `profile` if its content was just read."""
        return cls(
            found.name,
            found.size,
            found.mtime_ns,
            profile.sha256 if profile else "",
            dict(found.captured),
            True,
            asdict(profile) if profile else None,
            settles_at,
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
        folder: as messages say it.
        moving: names of files that are not complete yet.
        unusable: names, escaped, that cannot be trusted; their files are not loaded.
        loaded: names of files in the lake that are still to be moved to `processed/`.
    """

    folder: str
    files: tuple[FileToLoad, ...]
    moving: tuple[str, ...] = ()
    unusable: tuple[str, ...] = ()
    loaded: tuple[str, ...] = field(default=())

    @property
    def has_work(self) -> bool:
        """Whether any file is pending, or is to be moved."""
        return bool(self.loaded) or any(file.pending for file in self.files)

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
            tuple(values.get("loaded", ())),
        )


def look_for_files(
    store: FileStore, table: Table, lake: RawLake, *, pause: Callable[[float], None] = time.sleep
) -> TableFiles:
    """List the complete files of a table and say which are work.

    A new or changed file counts only when two looks, `settle_seconds` apart, agree on it, and
    when its ready marker is there; a file that was loaded needs its marker no more. What lies on
    this machine is read meanwhile, and its load takes the last look before it commits anything.

    Args:
        store: where the files are.
        table: whose files.
        lake: with the ledger that knows what was loaded.
        pause: waits so many seconds between the looks.

    Raises:
        LandingFolderMissing: see `FileStore.listing`.
        TransientError: see `FileStore.listing`.
    """
    listed = files_of(table, store.listing(table))
    known = lake.ledger.newest_deliveries(table)
    pending = pending_names((*listed.files, *listed.unready), known, table, lake)
    unready = {file.name for file in listed.unready} & pending
    pending -= unready
    found = sorted((*listed.files, *listed.unready), key=lambda file: (file.mtime_ns, file.name))
    work = [file for file in found if file.name in pending]
    settles_at = time.monotonic() + table.meta.settle_seconds
    here = {file.name for file in work if store.local_file(file)}
    profiles = {file.name: _profile_of(store, file) for file in work}
    if len(here) < len(work):
        pause(max(0.0, settles_at - time.monotonic()))
    # Of what is being written on this machine this spares most from being read in vain.
    changed = settled(store, work)[1] if work else []
    moving = set(unready) | {file.name for file in changed}
    files = [
        FileToLoad.of_pending(file, profiles[file.name], settles_at if file.name in here else 0.0)
        if file.name in pending
        else FileToLoad.of_known(file, known[file.name])
        for file in found
        if file.name not in moving
    ]
    is_loaded = {name for name, delivery in known.items() if delivery.batch_id is not None}
    moves = table.meta.after_load == "move"
    return TableFiles(
        str(store),
        tuple(files),
        tuple(file.name for file in found if file.name in moving),
        listed.unusable,
        tuple(f.name for f in files if moves and not f.pending and f.name in is_loaded),
    )


def _profile_of(store: FileStore, file: FoundFile) -> ContentProfile | None:
    try:
        path = store.local_file(file)
        return profile_content(path) if path else None
    except FileNotFoundError:
        # The second look misses it too.
        return None
    except PermissionError:
        # The load tells it of this one file, and takes the others.
        return None


def pending_names(
    found: Iterable[FoundFile], known: Mapping[str, Delivery], table: Table, lake: RawLake
) -> set[str]:
    """Names of the files that the ledger does not have as they are now.

    A file counts as known by name, size and modification time. It is work again when its batch is
    no longer in the lake, when the contract by which it was read has changed since, or when it was
    refused and contract or limits have changed; not so a file that was discarded.
    """
    pending, decided = set(), lake.ledger.decided(table)
    loaded: dict[str, str] = {}
    for file in found:
        delivery = known.get(file.name)
        if delivery is None or (delivery.size, delivery.mtime_ns) != (file.size, file.mtime_ns):
            pending.add(file.name)
        elif delivery.batch_id is None:
            is_judged_anew = delivery.reading_hash != table.judgement_hash
            if is_judged_anew and delivery.delivery_id not in decided:
                pending.add(file.name)
        elif delivery.reading_hash != table.reading_hash:
            pending.add(file.name)
        else:
            loaded[file.name] = delivery.batch_id
    lost = lake.lost(table, set(loaded.values()))
    return pending | {name for name, batch_id in loaded.items() if batch_id in lost}
