"""A sheet of an `.xlsx` workbook, read into a scratch Parquet file.

fastexcel holds a sheet whole, so its size is bounded: 1 GiB of XML, and 48 million cells in the
block from its first to its last row and column.
"""

import uuid
from pathlib import Path

from lakehouse.errors import DeliveryRefused
from lakehouse.formats.content_profile import ContentProfile
from lakehouse.formats.staged_file import RejectedRow, StagedFile
from lakehouse.formats.staging_limits import USUAL_LIMITS, StagingLimits
from lakehouse.formats.text_columns import StagedWriter
from lakehouse.formats.xlsx.package import XlsxPackage
from lakehouse.formats.xlsx.rows import SheetRows
from lakehouse.formats.xlsx.scan import SheetExtent, measure_sheet
from lakehouse.formats.xlsx.sheet import read_sheet
from lakehouse.source_catalog import Table

BLOCK_CELLS = 48_000_000
_REJECT_LIMIT = 100_000


def stage_xlsx(
    file: Path,
    table: Table,
    scratch: Path,
    *,
    name: str | None = None,
    profile: ContentProfile | None = None,  # noqa: ARG001 - a zip has no text to profile
    limits: StagingLimits = USUAL_LIMITS,  # noqa: ARG001 - the limits are those of a sheet
) -> StagedFile:
    """Read a sheet of a delivered workbook.

    Args:
        file: as delivered; it is only read.
        table: with its contract, `sheet` and `header_row`.
        scratch: folder for the staged file; made if missing.
        name: of the file for messages, if it is not that of `file`.
        profile: not needed.
        limits: not needed.

    Returns:
        The staged file, which the caller deletes after use; its last column has the row numbers.

    Raises:
        DeliveryRefused: it is no readable `.xlsx`, too large, or breaks the contract.
        OSError: the file cannot be read.
    """
    where = f"{table.full_name}, file {name or file.name}"
    header_row = 1 if table.meta.file.header_row is None else table.meta.file.header_row
    with XlsxPackage(file, where) as package:
        sheet = _choose(package, table, where)
        package.check_shared_parts()
        extent = measure_sheet(lambda: package.chunks(sheet[1]))
    _refuse_size(extent, where)
    _refuse_blank_header(extent, header_row, where)
    rows = SheetRows.of(read_sheet(file, sheet[0], header_row, where), table, header_row, where)
    scratch.mkdir(parents=True, exist_ok=True)
    target = scratch / f"staged-{uuid.uuid4().hex}.parquet"
    rejects: list[RejectedRow] = []
    with StagedWriter(target) as writer:
        for batch, refused in rows.batches():
            writer.write(batch)
            rejects += refused
            _refuse_many(rejects, rows.count, where)
        writer.finish(rows.schema)
    declared = {column.name for column in table.columns}
    names = tuple(column.name for column in rows.columns)
    return StagedFile(
        path=target,
        header=names,
        rows=writer.rows,
        rejects=tuple(rejects),
        dialect=table.meta.dialects[0],
        new_columns=tuple(name for name in names if name not in declared),
        warnings=_warnings(extent),
        has_lines=True,
    )


def _choose(package: XlsxPackage, table: Table, where: str) -> tuple[str, str]:
    """Name and part of the sheet that the table asks for, or of the only one."""
    sheets = package.sheets()
    shown = ", ".join(f"{s.name} (hidden)" if s.is_hidden else s.name for s in sheets) or "none"
    wanted = table.meta.file.sheet
    fitting = [sheet for sheet in sheets if wanted in (None, sheet.name)]
    if len(fitting) == 1:
        return fitting[0].name, fitting[0].part
    if wanted is None:
        raise DeliveryRefused(
            f"{where} has {len(sheets)} sheets: {shown}. Name one with sheet in {table.file.name}."
        )
    raise DeliveryRefused(
        f"{where} has no sheet {wanted}. It has: {shown}. Correct sheet in {table.file.name}, or "
        "ask for the right file."
    )


def _refuse_size(extent: SheetExtent, where: str) -> None:
    if extent.rows * extent.columns > BLOCK_CELLS:
        raise DeliveryRefused(
            f"{where} is too large: {extent.rows} rows times {extent.columns} columns, and "
            f"{BLOCK_CELLS} cells can be held. Delete stray cells far from the data, split the "
            "sheet, or deliver CSV.",
            rows=extent.rows,
        )


def _refuse_blank_header(extent: SheetExtent, header_row: int, where: str) -> None:
    if header_row < 1 or extent.first_row is None or extent.first_row > header_row:
        found = "is empty" if extent.first_row is None else f"begins in row {extent.first_row}"
        raise DeliveryRefused(
            f"{where}: the sheet {found}, and the column names are expected in row {header_row}. "
            "Correct the file, or header_row."
        )


def _refuse_many(rejects: list[RejectedRow], rows: int, where: str) -> None:
    if len(rejects) > _REJECT_LIMIT:
        raise DeliveryRefused(
            f"{where}: more than {_REJECT_LIMIT} rows hold errors, the first in row "
            f"{rejects[0].line}, column {rejects[0].column}. Ask for a workbook without them.",
            rows=rows,
        )


def _warnings(extent: SheetExtent) -> tuple[str, ...]:
    if not extent.empty_formulas:
        return ()
    return (
        f"{extent.empty_formulas} formulas have no saved value and count as empty; open and save "
        "the workbook in Excel before it is sent",
    )
