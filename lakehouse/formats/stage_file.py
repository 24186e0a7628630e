"""From a delivered file of any format, packed or not, to staged parts."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from lakehouse.formats.content_profile import ContentProfile
from lakehouse.formats.csv import stage_csv
from lakehouse.formats.staged_file import StagedFile
from lakehouse.formats.staging_limits import StagingLimits
from lakehouse.source_catalog import Table


class Reader(Protocol):
    """A reader of one format.

    `name` is the file as messages and `_source_file` say it (`lote.zip/pagos.csv`); `profile` is
    that of `file` where it was taken already.
    """

    def __call__(
        self,
        file: Path,
        table: Table,
        scratch: Path,
        *,
        name: str,
        profile: ContentProfile | None,
        limits: StagingLimits,
    ) -> StagedFile:
        """Parse `file` into a Parquet file in `scratch`; raises `DeliveryRefused`."""


READERS: Mapping[str, Reader] = {"csv": stage_csv}


def stage_file(
    file: Path,
    table: Table,
    scratch: Path,
    *,
    name: str | None = None,
    captured: Mapping[str, str],
    profile: ContentProfile | None = None,
    limits: StagingLimits,
) -> list[StagedFile]:
    """Parse a delivered file in the format of its table.

    `name` is the name under which it was delivered, if it is not that of `file`.

    Raises:
        DeliveryRefused: it cannot be read without loss, or breaks the contract.
        ResourcesExhausted: memory or disk did not suffice.
    """
    read = READERS[table.meta.format]
    staged = read(file, table, scratch, name=name or file.name, profile=profile, limits=limits)
    return [replace(staged, captured=captured)]
