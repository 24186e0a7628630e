"""Refused rows as they may be shown: values of personal columns never are."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from lakehouse.quality.masking import MASK
from lakehouse.source_catalog import Table

REJECTS = "rejects.parquet"
_LONGEST = 200


@dataclass(frozen=True)
class ShownRow:
    """A refused row.

    Attributes:
        line: of the delivered file, where known.
        column: at fault; None where the whole record is.
        reason: without values.
        value: of the column at fault, or a mask.
        raw: the record as delivered, or a mask where the table holds personal data.
    """

    line: int | None
    column: str | None
    reason: str
    value: str | None
    raw: str


def shown_rows(kept: Path | None, table: Table, limit: int) -> tuple[list[ShownRow], int]:
    """Read the first refused rows of a quarantine folder.

    In a table with personal data a value is shown only if its column is declared and not
    personal: what stands in an undeclared one, nobody has looked at.

    Returns:
        At most `limit` rows, and how many there are.
    """
    path = kept / REJECTS if kept else None
    if path is None or not path.is_file():
        return [], 0
    personal = any(column.pii for column in table.columns)
    open_columns = {column.name for column in table.columns if not column.pii}
    with pq.ParquetFile(path) as file:
        total = file.metadata.num_rows
        rows = next(file.iter_batches(batch_size=limit), None) if limit and total else None
        found = rows.to_pylist() if rows is not None else []
    return [
        ShownRow(
            line=row["source_line"],
            column=row["column"],
            reason=_cut(row["reason"]),
            value=_masked(row["value"], personal and row["column"] not in open_columns),
            raw=MASK if personal else _cut(row["raw"]),
        )
        for row in found[:limit]
    ], total


def _masked(value: str | None, hidden: bool) -> str | None:
    if value is None:
        return None
    return MASK if hidden else _cut(value)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
