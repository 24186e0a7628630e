"""A delivered file after parsing, before its text becomes typed values."""

from dataclasses import dataclass
from pathlib import Path

from lakehouse.formats.source_lines import LineBreaks
from lakehouse.source_catalog import CsvDialect


@dataclass(frozen=True)
class RejectedRow:
    r"""A record that does not become a row of RAW.

    Attributes:
        line: physical line (1-based) of the delivered file on which it starts, where known.
        column: name of the column at fault; None where the whole record is.
        reason: what is wrong, in words that never contain the cell's value.
        value: the cell at fault, where there is one.
        raw: the record as delivered; bytes that are no text are shown as `\xNN`.
    """

    line: int | None
    column: str | None
    reason: str
    value: str | None
    raw: str


@dataclass(frozen=True)
class StagedFile:
    """A parsed file: a scratch Parquet file with every column as text, in file order.

    Attributes:
        path: the Parquet file (all VARCHAR, no technical columns); whoever gets it deletes it.
        header: column names as delivered, stripped, in file order.
        rows: records in `path`.
        rejects: records that are not in `path`; records delivered = rows + len(rejects).
        dialect: of the source's dialects the one that the file fits.
        encoding: in which the file was read.
        line_breaks: line numbers of the rows; None where they cannot be told.
        new_columns: delivered columns that the contract does not declare; loaded as text.
        warnings: findings about the file that do not keep it from being loaded.
    """

    path: Path
    header: tuple[str, ...]
    rows: int
    rejects: tuple[RejectedRow, ...]
    dialect: CsvDialect
    encoding: str
    line_breaks: LineBreaks | None
    new_columns: tuple[str, ...]
    warnings: tuple[str, ...]
