"""From a delivered file of any format, packed or not, to staged parts."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from lakehouse.formats.compressed import packing_of, unpack
from lakehouse.formats.content_profile import ContentProfile
from lakehouse.formats.csv.reader import stage_csv
from lakehouse.formats.fixed_width.reader import stage_fixed_width
from lakehouse.formats.json.reader import stage_json, stage_ndjson
from lakehouse.formats.parquet.reader import stage_parquet
from lakehouse.formats.staged_file import StagedFile
from lakehouse.formats.staging_limits import StagingLimits
from lakehouse.formats.xlsx.reader import stage_xlsx
from lakehouse.formats.xml.reader import stage_xml
from lakehouse.lake.duckdb_session import resources_suffice
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


READERS: Mapping[str, Reader] = {
    "csv": stage_csv,
    "fixed_width": stage_fixed_width,
    "json": stage_json,
    "ndjson": stage_ndjson,
    "parquet": stage_parquet,
    "xlsx": stage_xlsx,
    "xml": stage_xml,
}


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
    """Parse a delivered file in the format of its table; unpacked first where it is packed.

    Args:
        file: as delivered; it is only read.
        table: with its contract and format.
        scratch: folder for the staged files; made if missing.
        name: under which it was delivered, if it is not that of `file`.
        captured: what its name says, by column.
        profile: of its content, if it was read already.
        limits: of the readers.

    Returns:
        One part, or one for each member of a zip file.

    Raises:
        DeliveryRefused: it cannot be read without loss, or breaks the contract.
        ResourcesExhausted: memory or disk did not suffice.
    """
    name = name or file.name
    packing = packing_of(file, table, name=name)
    read = READERS[table.meta.format]
    if packing is None:
        staged = read(file, table, scratch, name=name, profile=profile, limits=limits)
        return [replace(staged, captured=captured)]
    scratch.mkdir(parents=True, exist_ok=True)
    parts: list[StagedFile] = []
    where = f"{table.full_name}, file {name}"
    with resources_suffice(where), tempfile.TemporaryDirectory(dir=scratch) as work:
        for inner in unpack(file, packing, table, Path(work), name=name):
            part_name = f"{name}/{inner.member}" if inner.member else None
            staged = read(
                inner.path,
                table,
                scratch,
                name=part_name or name,
                profile=None,
                limits=limits,
            )
            parts.append(replace(staged, captured=captured, name=part_name))
    return parts
