"""Regular JSON lines through DuckDB, which takes all of a file or nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import duckdb

from lakehouse.formats.json.columns import JsonColumn, RecordKeys, json_pointer
from lakehouse.formats.json.lines import RecordLines
from lakehouse.formats.json.record import RecordUnfit, read_record
from lakehouse.formats.json.selection import Selection, records_sql
from lakehouse.formats.nested_fields import object_places, undeclared_fields_sql
from lakehouse.formats.nested_structure import filled_fields_sql
from lakehouse.formats.staging_limits import StagingLimits
from lakehouse.lake.duckdb_session import bounded_session
from lakehouse.source_catalog import Table
from lakehouse.sql_quoting import sql_identifier, sql_path, sql_string

_MOST_KEY_SETS = 10_000
_FIRST_BYTES = 1 << 16
_PARQUET = "format parquet, compression snappy, row_group_size 61440, parquet_version v2"


Read = TypeVar("Read")


@dataclass(frozen=True)
class RegularRecords:
    """Records that all became rows.

    Attributes:
        columns: of the Parquet file.
        keys: that came.
        left_out: undeclared fields of nested columns, by their place.
    """

    columns: tuple[JsonColumn, ...]
    keys: RecordKeys
    left_out: dict[str, set[str]]


def stage_regular(
    scanned: Callable[[], RecordLines],
    lines: RecordLines,
    table: Table,
    target: Path,
    limits: StagingLimits,
    *,
    where: str,
) -> RegularRecords | None:
    """Write every record of regular lines to a Parquet file of text.

    Args:
        scanned: waits for what a look at the lines finds.
        lines: what it is expected to find.
        table: with its contract.
        target: Parquet file to write.
        limits: of DuckDB.
        where: table and file, for messages.

    Returns:
        None where a record is at fault, or lines are blank, so that each must be looked at.

    Raises:
        DeliveryRefused: a declared column is in no record.
    """
    with bounded_session(target.parent, threads=limits.threads, memory=limits.memory) as session:
        reading = _Reading(session, lines, table, target)
        keys = _first_keys(lines, table)
        columns = keys.columns(where, rows=0) if keys else ()
        if keys:
            reading.write(columns)
        if not reading.look(scanned()):
            return None
        if keys and reading.is_complete(keys, columns):
            return RegularRecords(keys.columns(where, rows=lines.lines), keys, {})
        keys = _attempt(reading.keys)
        if keys is None:
            return None
        reading.reach(keys)
        needed = keys.columns(where, rows=lines.lines)
        if needed != columns or not reading.is_written:
            reading.write(needed)
        if not reading.is_written:
            return None
        return RegularRecords(needed, keys, reading.left_out(needed))


class _Reading:
    """One file's lines on their way to a Parquet file.

    Attributes:
        is_written: whether the last `write` took every line.
    """

    def __init__(
        self, session: duckdb.DuckDBPyConnection, lines: RecordLines, table: Table, target: Path
    ) -> None:
        self.is_written = False
        self._session, self._lines, self._table, self._target = session, lines, table, target
        self._selection = Selection(lines, (), {}, table.meta.dialects[0])

    def write(self, columns: Sequence[JsonColumn]) -> bool:
        """Write all lines with these columns; False where one does not fit."""
        # Nested values are typed here, where they are parsed already, unless one does not fit.
        selection = Selection.typed(self._lines, columns, self._table)
        written = _attempt(lambda: self._copy(selection))
        if written is None and selection.nested:
            selection = replace(selection, nested={})
            written = _attempt(lambda: self._copy(selection))
        self._selection = selection
        self.is_written = written == self._lines.lines
        return self.is_written

    def look(self, found: RecordLines) -> bool:
        """Take what was found in the lines; False where DuckDB must not decide about them."""
        self.is_written = self.is_written and found.keeps_numbers == self._lines.keeps_numbers
        self._lines = found
        return found.is_regular

    def is_complete(self, keys: RecordKeys, columns: Sequence[JsonColumn]) -> bool:
        """Whether every value of the lines that is not null is in the file that was written."""
        if any(len(column.steps) > 1 for column in columns):
            return False
        counts = [f"count({sql_identifier(column.name)})" for column in columns]
        nested = [
            f"sum({filled_fields_sql(column.type.duckdb, sql_identifier(column.name))})"
            for column in self._selection.nested.values()
        ]
        row = self._session.execute(
            f"select {', '.join([*counts, *nested])} from "
            f"read_parquet({sql_path(self._target)}, hive_partitioning = false)"
        ).fetchone()
        filled = [int(count or 0) for count in row or ()]
        for column, count in zip(columns, filled, strict=False):
            if count:
                keys.seen.setdefault(column.key)
        are_seen = all(column.key in keys.seen for column in columns)
        return self.is_written and are_seen and sum(filled) == self._lines.filled_members

    def keys(self) -> RecordKeys | None:
        """The keys of all records; None where a record cannot be a row."""
        found = self._session.execute(
            f"select keys, count(*) from (select json_keys(json) as keys "
            f"from {records_sql(self._lines)}) "
            f"group by keys order by count(*) desc, keys limit {_MOST_KEY_SETS + 1}"
        ).fetchall()
        keys = RecordKeys(self._table)
        counted = sum(count for _, count in found)
        if len(found) > _MOST_KEY_SETS or counted != self._lines.lines:
            return None
        return None if any(keys.fault(tuple(names or ())) for names, _ in found) else keys

    def reach(self, keys: RecordKeys) -> None:
        """Note which columns below a key are in some record."""
        deep = [column.steps for column in keys.declared if len(column.steps) > 1]
        if not deep:
            return
        exist = ", ".join(
            f"bool_or(json_exists(json, {sql_string(json_pointer(steps))}))" for steps in deep
        )
        query = f"select {exist} from {records_sql(self._lines)}"
        found = self._session.execute(query).fetchone() or ()
        keys.reached |= {steps for steps, exists in zip(deep, found, strict=False) if exists}

    def left_out(self, columns: Sequence[JsonColumn]) -> dict[str, set[str]]:
        """Undeclared fields of nested columns, by their place."""
        found: dict[str, set[str]] = {}
        steps = {column.name: column.steps for column in columns}
        for place in object_places(self._table, steps):
            query = undeclared_fields_sql(place, records_sql(self._lines))
            fields = {str(row[0]) for row in self._session.execute(query).fetchall()}
            found[place.shown] = fields - place.fields
        return found

    def _copy(self, selection: Selection) -> int:
        copied = self._session.execute(
            f"copy ({selection.sql()}) to {sql_string(str(self._target.absolute()))} ({_PARQUET})"
        ).fetchone()
        return int(copied[0]) if copied else 0


def _first_keys(lines: RecordLines, table: Table) -> RecordKeys | None:
    """The keys of the first records; None where one is at fault."""
    keys = RecordKeys(table)
    with lines.path.open("rb") as file:
        first = file.read(_FIRST_BYTES).split(b"\n")
    for line in first[: max(1, len(first) - 1)]:
        try:
            if keys.fault(tuple(read_record(line))):
                return None
        except RecordUnfit:
            return None
    return keys


def _attempt(read: Callable[[], Read]) -> Read | None:
    """What `read` gives; None where DuckDB finds a fault in the data."""
    try:
        return read()
    except (duckdb.OutOfMemoryException, duckdb.IOException):
        raise
    except duckdb.Error:
        return None
