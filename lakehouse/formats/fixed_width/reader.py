"""Fixed-width text: columns by place and number of characters, one record a line."""

import tempfile
import uuid
from pathlib import Path

import numpy as np
import pyarrow as pa

from lakehouse.errors import DeliveryRefused
from lakehouse.formats.content_profile import ContentProfile
from lakehouse.formats.declared_encoding import decode_declared
from lakehouse.formats.decoded_text import DecodedText
from lakehouse.formats.fixed_width.lines import LineBlock, line_blocks
from lakehouse.formats.fixed_width.records import RecordLayout
from lakehouse.formats.source_lines import LineBreaks
from lakehouse.formats.staged_file import RejectedRow, StagedFile
from lakehouse.formats.staging_limits import USUAL_LIMITS, StagingLimits
from lakehouse.formats.text_columns import StagedWriter
from lakehouse.lake.duckdb_session import resources_suffice
from lakehouse.source_catalog import Table

_MOST_REJECTS = 100_000
_MOST_RAW_BYTES = 64 << 20


def stage_fixed_width(
    file: Path,
    table: Table,
    scratch: Path,
    *,
    name: str | None = None,
    profile: ContentProfile | None = None,
    limits: StagingLimits = USUAL_LIMITS,  # noqa: ARG001 - the signature of every reader
) -> StagedFile:
    """Cut each line into the declared columns; blanks on their right are padding.

    A line that is too short, or has more than blanks after its last column, is rejected. Blank
    lines at the end of the file are none.

    Args:
        file: as delivered; it is only read.
        table: with start and length of its columns, encoding, and `header_row` lines to skip.
        scratch: folder for the staged file; made if missing.
        name: of the file for messages, if it is not that of `file`.
        profile: of this very content, if it was read already.
        limits: not needed here.

    Returns:
        The staged file, which the caller deletes after use.

    Raises:
        DeliveryRefused: the file is empty, in another encoding, or has too many bad lines.
        ResourcesExhausted: the disk is full.
        OSError: the file cannot be read.
    """
    where = f"{table.full_name}, file {name or file.name}"
    scratch.mkdir(parents=True, exist_ok=True)
    target = scratch / f"staged-{uuid.uuid4().hex}.parquet"
    with resources_suffice(where), tempfile.TemporaryDirectory(dir=scratch) as work:
        text = decode_declared(file, profile, table, Path(work), where=where)
        with StagedWriter(target) as writer:
            cutting = _Cutting(RecordLayout.of(table), writer, where)
            for block in line_blocks(text, table.meta.file.header_row or 0, where=where):
                cutting.take(block)
            return cutting.finish(table, text, target)


class _Cutting:
    """One pass over the lines."""

    def __init__(self, layout: RecordLayout, writer: StagedWriter, where: str) -> None:
        self._layout, self._writer, self._where = layout, writer, where
        self._rejects: list[RejectedRow] = []
        self._raw_bytes = 0
        self._ordinals: list[int] = []
        self._offsets: list[int] = []
        self._unread: set[str] = set()

    def take(self, block: LineBlock) -> None:
        """Write the good lines of a block and keep the others as rejects."""
        good, places, faults = self._layout.sort_out(block)
        for place in sorted(faults):
            self._reject(block, place, faults[place])
        ordinal = self._writer.rows
        offsets = block.first_line + places - np.arange(ordinal, ordinal + len(places))
        for first in np.flatnonzero(np.diff(offsets, prepend=self._last_offset)).tolist():
            self._ordinals.append(ordinal + first)
            self._offsets.append(int(offsets[first]))
        self._writer.write(self._layout.cut(good))
        self._unread |= self._layout.unread(good)

    def finish(self, table: Table, text: DecodedText, target: Path) -> StagedFile:
        """Close the staged file and describe it."""
        self._writer.finish((name, pa.string()) for name in self._layout.names)
        unread = ", ".join(sorted(self._unread))
        warning = f"characters {unread} belong to no column and are not blank: declare them"
        return StagedFile(
            path=target,
            header=self._layout.names,
            rows=self._writer.rows,
            rejects=tuple(self._rejects),
            dialect=table.meta.dialects[0],
            encoding=text.encoding,
            line_breaks=LineBreaks.from_steps(self._ordinals, self._offsets),
            warnings=(warning,) if unread else (),
        )

    @property
    def _last_offset(self) -> int:
        return self._offsets[-1] if self._offsets else -1

    def _reject(self, block: LineBlock, place: int, reason: str) -> None:
        raw = block.raw(place).decode("utf-8", errors="backslashreplace")
        self._rejects.append(RejectedRow(block.first_line + place, None, reason, None, raw))
        self._raw_bytes += len(raw)
        if len(self._rejects) > _MOST_REJECTS or self._raw_bytes > _MOST_RAW_BYTES:
            first = self._rejects[0]
            raise DeliveryRefused(
                f"{self._where}: more than {len(self._rejects) - 1} lines are no records; the "
                f"first, line {first.line}, {first.reason}. Correct start and length of the "
                "columns, or ask for a clean file.",
                rows=self._writer.rows + len(self._rejects),
            )
