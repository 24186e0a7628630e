"""A Parquet file, checked and rewritten into a staged one whose columns DuckDB takes as they are.

Rewritten, not linked: what pyarrow cannot read to its end is refused before the lake's own engine
sees it, and types without an exact counterpart become text on the way.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.errors import ColumnsUnfit, DeliveryRefused
from lakehouse.formats.content_profile import ContentProfile
from lakehouse.formats.parquet.columns import StagedColumn, staged_columns
from lakehouse.formats.staged_file import StagedFile
from lakehouse.formats.staging_limits import USUAL_LIMITS, StagingLimits
from lakehouse.formats.text_columns import StagedWriter, name_faults
from lakehouse.source_catalog import Table

_BATCH_CELLS = 200_000
_BUFFER_BYTES = 1 << 20
_MAGIC = b"PAR1"
_ENCRYPTED_MAGIC = b"PARE"


@dataclass(frozen=True)
class _Contents:
    file: pq.ParquetFile
    columns: tuple[StagedColumn, ...]


def stage_parquet(
    file: Path,
    table: Table,
    scratch: Path,
    *,
    name: str | None = None,
    profile: ContentProfile | None = None,  # noqa: ARG001 - there is no text to profile
    limits: StagingLimits = USUAL_LIMITS,  # noqa: ARG001 - read in batches of bounded size
) -> StagedFile:
    """Read a delivered Parquet file, whose columns keep their types.

    Args:
        file: as delivered; it is only read.
        table: with its contract.
        scratch: folder for the staged file; made if missing.
        name: of the file for messages, if it is not that of `file`.
        profile: not needed.
        limits: not needed.

    Returns:
        The staged file, which the caller deletes after use; its rows have no lines.

    Raises:
        DeliveryRefused: the file is damaged, encrypted or no Parquet, or breaks the contract.
        OSError: the file cannot be read.
    """
    where = f"{table.full_name}, file {name or file.name}"
    _assert_is_parquet(file, where)
    scratch.mkdir(parents=True, exist_ok=True)
    target = scratch / f"staged-{uuid.uuid4().hex}.parquet"
    with _damage(where), _opened(file) as delivered, StagedWriter(target) as writer:
        header = tuple(field.name.strip() for field in delivered.schema_arrow)
        expected = delivered.metadata.num_rows
        if faults := name_faults(header, table):
            raise ColumnsUnfit(
                f"{where}: {'; '.join(faults)}. Correct the file, or declare its columns.",
                rows=max(0, expected),
            )
        columns = staged_columns(delivered.schema_arrow, header, table)
        rows_at_once = max(1_024, _BATCH_CELLS // max(1, len(header)))
        for batch in delivered.iter_batches(batch_size=rows_at_once, use_threads=False):
            arrays = [one.staged(batch.column(place)) for place, one in enumerate(columns)]
            writer.write(pa.table(arrays, names=list(header)))
        if writer.rows != expected:
            raise DeliveryRefused(
                f"{where} holds {writer.rows} rows where its footer says {expected}: it is "
                "damaged. Ask for it again.",
                rows=writer.rows,
            )
        writer.finish((one.name, one.staged_type) for one in columns)
    declared = {column.name for column in table.columns}
    return StagedFile(
        path=target,
        header=header,
        rows=writer.rows,
        dialect=table.meta.dialects[0],
        new_columns=tuple(column for column in header if column not in declared),
    )


@contextmanager
def _opened(file: Path) -> Iterator[pq.ParquetFile]:
    # INT96 counts nanoseconds in 64 bits otherwise, which end in the year 2262.
    with pq.ParquetFile(
        file,
        buffer_size=_BUFFER_BYTES,
        pre_buffer=False,
        coerce_int96_timestamp_unit="us",
        page_checksum_verification=True,
    ) as delivered:
        yield delivered


def _assert_is_parquet(file: Path, where: str) -> None:
    size = file.stat().st_size
    with file.open("rb") as content:
        start = content.read(4)
        content.seek(max(0, size - 4))
        end = content.read(4)
    if _ENCRYPTED_MAGIC in (start, end):
        raise DeliveryRefused(f"{where} is encrypted. Ask the sender for a file in plain.")
    if size == 0:
        raise DeliveryRefused(f"{where} is empty (0 bytes). Ask for it again.")
    if start != _MAGIC:
        raise DeliveryRefused(f"{where} is no Parquet file. Check its format and its sender.")
    if end != _MAGIC:
        raise DeliveryRefused(f"{where} is cut off: its footer is missing. Ask for it again.")


@contextmanager
def _damage(where: str) -> Iterator[None]:
    """Tell a damaged file from a disk that cannot be read.

    Raises:
        DeliveryRefused: the file is damaged, or encrypted in part.
    """
    try:
        yield
    except (pa.ArrowException, OSError, MemoryError, UnicodeError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        cause = " ".join(str(error).split())[:200].rstrip(". ")
        raise DeliveryRefused(f"{where} cannot be read: {cause}. Ask for it again.") from error
