"""When a file as a whole is refused: too many bad rows, or far fewer rows than before."""

from collections.abc import Sequence

from lakehouse.errors import RowCountCollapsed, RowsUnfit
from lakehouse.formats.staged_file import RejectedRow
from lakehouse.lake.ledger import Ledger
from lakehouse.source_catalog import Table

SMALLEST_JUDGED_REJECTS = 20


def exceeds_limit(table: Table, rows: int, rejected: int) -> bool:
    """Tell whether no row is good, or at least 20 are bad and more than the limit allows."""
    if not rejected:
        return False
    limit = table.meta.max_reject_share * (rows + rejected)
    return not rows or (rejected >= SMALLEST_JUDGED_REJECTS and rejected > limit)


def refuse_bad_rows(
    table: Table,
    file_name: str,
    rows: int,
    rejects: Sequence[RejectedRow],
    rejected: int | None = None,
) -> None:
    """Hold the share of bad rows against the table's limit.

    Args:
        table: with `max_reject_share`.
        file_name: for the message.
        rows: good rows.
        rejects: bad ones, in the order of the file, or the first of them.
        rejected: number of the bad ones, if `rejects` are not all.

    Raises:
        RowsUnfit: no row is good, or at least 20 are bad and more than the limit allows.
    """
    rejected = len(rejects) if rejected is None else rejected
    if not exceeds_limit(table, rows, rejected):
        return
    delivered = rows + rejected
    first = rejects[0]
    place = f"line {first.line}, " if first.line is not None else ""
    column = f"column {first.column}, " if first.column is not None else ""
    example = f"First: {place}{column}{first.reason}."
    if not rows:
        raise RowsUnfit(
            f"{table.full_name}: none of the {delivered} rows of {file_name} fits the contract. "
            f"{example}",
            rows=delivered,
        )
    raise RowsUnfit(
        f"{table.full_name}: {rejected} of {delivered} rows of {file_name} are refused, "
        f"more than max_reject_share allows ({table.meta.max_reject_share:.0%}). {example}",
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
