"""Load one delivered file into the RAW lake."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lakehouse.connectors.folder import FoundFile, assert_unchanged
from lakehouse.formats.content_profile import ContentProfile, profile_content
from lakehouse.formats.stage_file import stage_file
from lakehouse.formats.staged_file import StagedFile
from lakehouse.formats.staging_limits import StagingLimits
from lakehouse.lake.arrival import Arrival
from lakehouse.lake.ledger import Delivery
from lakehouse.lake.load_delivery import load_delivery
from lakehouse.lake.quarantine_folder import keep_original
from lakehouse.lake.raw_lake import RawLake
from lakehouse.source_catalog import Table


@dataclass(frozen=True)
class FileContent:
    """A file of a folder of this machine, as `load_delivery` takes it.

    Attributes:
        local_name: see `load_file`.
        settles_at: see `load_file`.
    """

    folder: Path
    found: FoundFile
    table: Table
    profile: ContentProfile
    limits: StagingLimits
    local_name: str | None = None
    settles_at: float = 0.0

    @property
    def path(self) -> Path:
        """Where the content lies."""
        return self.folder / (self.local_name or self.found.name)

    def assert_unchanged(self) -> None:
        """See `lakehouse.connectors.folder.assert_unchanged`; nobody changes a copy."""
        if self.local_name is None:
            # Never longer, should the clock be that of another machine.
            wait = min(self.settles_at - time.monotonic(), self.table.meta.settle_seconds)
            time.sleep(max(0.0, wait))
            assert_unchanged(self.folder, self.found)

    def stage(self, scratch: Path) -> Sequence[StagedFile]:
        """Parse the file, or each member of an archive."""
        return stage_file(
            self.path,
            self.table,
            scratch,
            name=self.found.name,
            captured=self.found.captured,
            profile=self.profile,
            limits=self.limits,
        )

    def keep(self, kept: Path, reason: str) -> None:
        """Copy the file into quarantine."""
        keep_original(
            kept,
            self.path,
            self.found.name,
            self.profile.sha256,
            reason,
            assert_unchanged=self.assert_unchanged,
        )


def load_file(
    folder: Path,
    found: FoundFile,
    table: Table,
    lake: RawLake,
    *,
    run_id: str | None = None,
    profile: ContentProfile | None = None,
    local_name: str | None = None,
    settles_at: float = 0.0,
) -> Delivery:
    """Load one file of `folder`.

    Args:
        folder: in which it lies on this machine.
        found: the file as it was found, with the name that reports and rows show.
        table: its table and contract.
        lake: where it goes.
        run_id: flow run that is told to the ledger.
        profile: of this very content, if it was read already.
        local_name: name in `folder` of a downloaded copy, which nobody else changes.
        settles_at: moment of the monotonic clock before which a look at the file, unchanged as it
            may be, does not tell that its sender is done.

    Returns:
        The delivery as recorded: loaded, known (content already in the lake) or quarantined.

    Raises:
        DeliveryMoving: the file changed or went away meanwhile; nothing was loaded.
        ResourcesExhausted: disk or memory did not suffice; nothing was loaded.
        OSError: the file cannot be read; nothing was loaded.
    """
    started_at, clock = datetime.now(UTC), time.monotonic()
    try:
        profile = profile or profile_content(folder / (local_name or found.name))
    except FileNotFoundError:
        if local_name is None:
            assert_unchanged(folder, found)
        raise
    limits = StagingLimits(lake.settings.duckdb_threads, lake.settings.duckdb_memory)
    arrival = Arrival.of(table, found, profile.sha256, started_at, clock, run_id)
    content = FileContent(folder, found, table, profile, limits, local_name, settles_at)
    return load_delivery(arrival, content, lake)
