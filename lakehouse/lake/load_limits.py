"""When a file as a whole is refused: too many bad rows, or far fewer rows than before."""

from collections.abc import Sequence

from lakehouse.errors import DeliveryRefused, RowCountCollapsed
from lakehouse.formats.staged_file import RejectedRow
from lakehouse.lake.ledger import Ledger
from lakehouse.source_catalog import Table

SMALLEST_JUDGED_REJECTS = 20


def refuse_bad_rows(
    table: Table, file_name: str, rows: int, rejects: Sequence[RejectedRow]
) -> None:
    """Hold the share of bad rows against the table's limit.

    Args:
        table: with `max_reject_share`.
        file_name: for the message.
        rows: good rows.
        rejects: bad ones, in the order of the file.

    Raises:
        DeliveryRefused: no row is good, or at least 20 are bad and more than the limit allows.
    """
    if not rejects:
        return
    delivered = rows + len(rejects)
    first = rejects[0]
    place = f"line {first.line}, " if first.line is not None else ""
    column = f"column {first.column}, " if first.column is not None else ""
    example = f"First: {place}{column}{first.reason}."
    if not rows:
        raise DeliveryRefused(
            f"{table.full_name}: none of the {delivered} rows of {file_name} fits the contract. "
            f"{example}",
            rows=delivered,
        )
    limit = table.meta.max_reject_share
    if len(rejects) >= SMALLEST_JUDGED_REJECTS and len(rejects) > limit * delivered:
        raise DeliveryRefused(
            f"{table.full_name}: {len(rejects)} of {delivered} rows of {file_name} are refused, "
            f"more than max_reject_share allows ({limit:.0%}). {example}",
            rows=delivered,
        )


def refuse_collapse(
    table: Table, file_name: str, rows: int, ledger: Ledger, *, delivered: int
) -> None:
    """Hold a full replacement against the load that it would replace.

    Args:
        table: with `min_row_share`; only `load: snapshot` is judged.
        file_name: for the message.
        rows: rows that would be current.
        ledger: knows the load before.
        delivered: records of the file.

    Raises:
        RowCountCollapsed: far fewer rows than before.
    """
    last = ledger.newest_load(table) if table.meta.load == "snapshot" else None
    if last and rows < table.meta.min_row_share * last.rows_loaded:
        raise RowCountCollapsed(
            f"{table.full_name}: {file_name} would replace {last.rows_loaded} rows by {rows}. "
            "If that is right, set min_row_share: 0 for this table and run again.",
            rows=delivered,
        )
