"""Remove what nobody needs any more from a home; what the ledger names is never touched.

What goes: kept originals and refused rows of deliveries that were settled long ago; pages and dbt
targets of domains that are gone; what dead processes left in `scratch/` and `target/`; what a
restore set aside; objects of a bucket that no load committed.
"""

import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lakehouse.errors import LockWaitTooLong
from lakehouse.lake.kept_delivery import kept_path
from lakehouse.lake.object_batches import ObjectBatches
from lakehouse.lake.raw_lake import RawLake, table_lock
from lakehouse.settings import Settings
from lakehouse.source_catalog import Catalog

_DAY_SECONDS = 86_400.0
# No load and no build takes as long; a young folder may be at work.
_ABANDONED_SECONDS = _DAY_SECONDS


@dataclass(frozen=True)
class Removed:
    """Something that went.

    Attributes:
        what: kind of it, such as `quarantine`.
        path: relative to the folder of its kind.
    """

    what: str
    path: str
    bytes: int


def remove_expired(
    settings: Settings, lake: RawLake, catalogs: Iterable[Catalog], domains: Iterable[str]
) -> Iterator[Removed]:
    """Remove everything whose time is over, one thing after the other.

    Args:
        settings: with `retention_days`.
        lake: whose ledger says what is settled.
        catalogs: of every domain whose declarations can be read.
        domains: names of all domains; what is of others is of domains that are gone.

    Yields:
        What was removed, after it was.
    """
    oldest = time.time() - settings.retention_days * _DAY_SECONDS
    known = list(domains)
    loadable = list(catalogs)
    yield from _quarantine(lake, loadable, oldest)
    yield from _unnamed(lake, loadable)
    yield from _gone_domains("reports", settings.reports, known, oldest)
    yield from _gone_domains("target", settings.dbt_target("any").parent, known, oldest)
    yield from _target_leftovers(settings, known)
    yield from _scratch(settings)
    for folder in settings.root.glob("before-restore-*"):
        if _newest(folder) < oldest:
            yield _remove("restore", folder, settings.root)


def _quarantine(lake: RawLake, catalogs: Iterable[Catalog], oldest: float) -> Iterator[Removed]:
    for catalog in catalogs:
        for table in catalog.tables:
            place = f"{table.source}/{table.name}"
            if not any(one.newest.timestamp() < oldest for one in lake.quarantine.folders(place)):
                continue
            with lake.writer_of(table, "retention"):
                waiting = {
                    kept_path(lake, table, delivery)
                    for delivery in lake.ledger.open_quarantine(table)
                }
                for kept in lake.quarantine.folders(place):
                    if kept.path not in waiting and kept.newest.timestamp() < oldest:
                        lake.quarantine.remove(kept.path)
                        yield Removed("quarantine", kept.path, kept.bytes)


def _unnamed(lake: RawLake, catalogs: Iterable[Catalog]) -> Iterator[Removed]:
    """Objects of a bucket that loads sent and never committed."""
    if not isinstance(lake.store, ObjectBatches):
        return
    before = datetime.now(UTC) - timedelta(seconds=_ABANDONED_SECONDS)
    for catalog in catalogs:
        for table in catalog.tables:
            with lake.writer_of(table, "retention"):
                known = lake.ledger.batches_of(table.source, table.name)
                gone = lake.store.remove_unnamed(table.source, table.name, known, before)
                for key, size in gone:
                    yield Removed("raw, never committed", key, size)


def _gone_domains(
    what: str, root: Path, domains: Iterable[str], oldest: float
) -> Iterator[Removed]:
    known = set(domains)
    for folder in root.glob("*"):
        if folder.is_dir() and not folder.is_symlink() and folder.name not in known:
            if not _is_ours(what, folder) or _newest(folder) >= oldest:
                continue
            yield _remove(what, folder, root)


def _is_ours(what: str, folder: Path) -> bool:
    """Whether a folder is one of those that runs make; others put theirs beside them."""
    mark = "report.json" if what == "reports" else "manifest.json"
    return (folder / mark).is_file()


def _target_leftovers(settings: Settings, domains: Iterable[str]) -> Iterator[Removed]:
    for domain in domains:
        target = settings.dbt_target(domain)
        for folder in target.glob("freshness-*"):
            if folder.is_dir() and _newest(folder) < time.time() - _ABANDONED_SECONDS:
                yield _remove("target", folder, target.parent)


def _scratch(settings: Settings) -> Iterator[Removed]:
    root = settings.scratch
    for folder in (*root.glob("aljibe-*"), *root.glob("*/*")):
        if not folder.is_dir() or _newest(folder) >= time.time() - _ABANDONED_SECONDS:
            continue
        source, name = folder.relative_to(root).parts[0], folder.name
        if folder.parent == root:
            yield _remove("scratch", folder, root)
            continue
        if folder.parent.name.startswith("aljibe-"):
            continue
        try:
            with table_lock(settings, source, name, "retention", timeout=0):
                yield _remove("scratch", folder, root)
        except LockWaitTooLong:
            # A load is at work there, however old its files are.
            continue


def _remove(what: str, folder: Path, root: Path) -> Removed:
    size = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
    shutil.rmtree(folder)
    return Removed(what, folder.relative_to(root).as_posix(), size)


def _newest(folder: Path) -> float:
    """When anything in a folder changed last, seconds since 1970; now if it is going away."""
    try:
        return max(path.lstat().st_mtime for path in (folder, *folder.rglob("*")))
    except FileNotFoundError:
        return time.time()
