"""A delivered file after parsing, before its text becomes typed values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lakehouse.format_options import CsvDialect
from lakehouse.formats.source_lines import LineBreaks


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
class EmptiedCell:
    """A cell whose value its type cannot hold, in a row that is loaded with NULL there.

    Attributes:
        column: its name.
        reason: what is wrong and which row it is.
    """

    column: str
    reason: str


@dataclass(frozen=True)
class StagedFile:
    """A delivery, or a part of one, parsed into a scratch Parquet file in the order of delivery.

    A VARCHAR column holds text as delivered, which becomes a value by the table's contract; a
    column of any other type holds values, which are only cast.

    Attributes:
        path: the Parquet file, without technical columns; whoever gets it deletes it.
        header: column names as delivered, stripped, in file order.
        rows: records in `path`.
        rejects: records that are not in `path`; records delivered = rows + len(rejects).
        dialect: of the source's dialects the one that the file fits.
        encoding: in which the file was read; empty where the format has none.
        line_breaks: line numbers of the rows; None where they cannot be told.
        record_breaks: numbers (from 1) of the rows' records in the file, for the reasons of
            refused rows of formats without lines.
        new_columns: delivered columns that the contract does not declare; loaded as text.
        warnings: findings about the file that do not keep it from being loaded.
        name: of this part for `_source_file`; None for the name of the delivery.
        captured: text of the columns that come with the part, not from its records.
        has_lines: the last column of `path`, after those of `header`, is a BIGINT with the line
            of each row; `line_breaks` is None then.
        is_canonical: text of dates and times is as DuckDB writes it, so that a cast decides.
    """

    path: Path
    header: tuple[str, ...]
    rows: int
    rejects: tuple[RejectedRow, ...] = ()
    dialect: CsvDialect = field(default_factory=CsvDialect)
    encoding: str = ""
    line_breaks: LineBreaks | None = None
    record_breaks: LineBreaks | None = None
    new_columns: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    name: str | None = None
    captured: Mapping[str, str] = field(default_factory=dict)
    has_lines: bool = False
    is_canonical: bool = False
