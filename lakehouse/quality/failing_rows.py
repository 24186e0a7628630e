"""The whole rows that fail a test, with the file and line each came from.

Which rows those are is told in `row_selection`, where they came from in `row_origins`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

import duckdb

from lakehouse.quality.build_results import BuildResults, NodeResult
from lakehouse.quality.dbt_manifest import Manifest
from lakehouse.quality.failing_keys import key_hash, read_keys
from lakehouse.quality.failure_ledger import FailingKeys
from lakehouse.quality.masking import MASK
from lakehouse.quality.row_origins import (
    FILE_COLUMN,
    LINE_COLUMN,
    OriginPlan,
    candidate_keys,
    find_origins,
    plan_origins,
)
from lakehouse.quality.row_selection import (
    RowSelection,
    as_stored,
    joined_to_model,
    nodes_of_test,
)
from lakehouse.quality.warehouse_catalog import Relation, WarehouseCatalog
from lakehouse.sql_quoting import sql_identifier

NoteCode = Literal[
    "", "unit_test", "not_kept", "none_found", "unreadable", "untraced", "part_untraced"
]


@dataclass(frozen=True)
class FailingRows:
    """Rows that fail one test.

    Attributes:
        columns: in the order to show them: file and line, the model's, technical ones.
        rows: JSON-safe values by column; masked columns hold bullets.
        total: how many rows fail; `shown` of them are in `rows`.
        traced: every row shown names the file it came from.
        note: what could not be read, or empty; `note_code` says which case it is.
        marked: the columns because of which the rows fail.
        since: for each row shown, when it was first seen to fail; empty where nobody knows.
        keys: for each row shown, the hash of its key; not for reports.
        found: every key that fails, for the failure ledger; not for reports.
    """

    columns: tuple[str, ...] = ()
    rows: tuple[dict[str, Any], ...] = ()
    total: int = 0
    shown: int = 0
    traced: bool = False
    note: str = ""
    marked: tuple[str, ...] = ()
    since: tuple[datetime | None, ...] = ()
    keys: tuple[str, ...] = ()
    found: FailingKeys = field(default_factory=FailingKeys)
    note_code: NoteCode = ""

    def dated(self, first_seen: Mapping[str, datetime]) -> "FailingRows":
        """The rows as reports show them: with their first days instead of their keys.

        Args:
            first_seen: by hash of the key.
        """
        since = tuple(first_seen.get(key) for key in self.keys)
        known = since if any(since) else ()
        return replace(self, since=known, keys=(), found=FailingKeys())


@dataclass(frozen=True)
class _Found:
    values: dict[str, Any]
    hash: str
    key: tuple[str | None, ...]


@dataclass(frozen=True)
class _Note:
    text: str = ""
    code: NoteCode = ""


def trace_failing_rows(
    connection: duckdb.DuckDBPyConnection,
    results: BuildResults,
    manifest: Manifest,
    cap: int = 50,
) -> dict[str, FailingRows]:
    """Read the rows of every test that warns or fails, by the test's unique id.

    Args:
        connection: the warehouse after the build; nothing is written.
        results: the build's results.
        manifest: the build's manifest.
        cap: most rows read of one test.

    Whatever cannot be read becomes the note of its test.
    """
    failed = [test for test in results.tests if test.status in ("warn", "fail")]
    if not failed:
        return {}
    try:
        tracer = _Tracer(connection, manifest, cap)
    except duckdb.Error as error:
        note = f"The warehouse could not be read ({type(error).__name__})."
        unread = FailingRows(note=note, note_code="unreadable")
        return {test.unique_id: unread for test in failed}
    return {test.unique_id: tracer.trace(test) for test in failed}


class _Tracer:
    def __init__(self, connection: duckdb.DuckDBPyConnection, manifest: Manifest, cap: int) -> None:
        self._connection = connection
        self._manifest = manifest
        self._cap = cap
        self._catalog = WarehouseCatalog(connection)

    def trace(self, test: NodeResult) -> FailingRows:
        if test.test_kind == "unit_test":
            return FailingRows(
                note="A unit test has no rows: its message shows the difference.",
                note_code="unit_test",
            )
        stored = self._catalog.of_relation_name(test.relation_name or "")
        if stored is None:
            return FailingRows(
                note="The failing rows are not kept. Set `store_failures: true` for this test.",
                note_code="not_kept",
            )
        try:
            joined = joined_to_model(self._manifest, self._catalog, test, stored)
            rows = self._read(test, joined) if joined else None
        except duckdb.Error:
            rows = None
        if rows and rows.total:
            return rows
        try:
            return self._read(test, as_stored(self._manifest, self._catalog, test, stored))
        except duckdb.Error as error:
            # DuckDB's own words may quote a value, so only the kind of error is told.
            note = f"{stored.name} could not be read ({type(error).__name__})."
            return FailingRows(note=note, note_code="unreadable")

    def _read(self, test: NodeResult, selection: RowSelection) -> FailingRows:
        shape, about = selection.shape, nodes_of_test(self._manifest, test)
        plan = None
        knows_origin = shape.has(FILE_COLUMN) or shape.has(LINE_COLUMN)
        if not knows_origin and FILE_COLUMN not in selection.masked:
            tested = self._manifest.tested_node(test.unique_id)
            plan = plan_origins(self._manifest, self._catalog, [tested] if tested else about, shape)
        columns = _in_order(shape)
        key = plan.key if plan else self._key(about, shape)
        total, found = self._fetch(selection, columns, key)
        note = _Note() if total else _Note("The table of failing rows is empty.", "none_found")
        if plan:
            columns = (FILE_COLUMN, LINE_COLUMN, *columns)
            found, note = self._with_origins(plan, found)
        elif total and not shape.has(FILE_COLUMN):
            note = _Note(
                f"Not traced to files: neither the rows nor a key of theirs (config.meta.key, a "
                f"unique test) lead to a table with {FILE_COLUMN}.",
                "untraced",
            )
        file = FILE_COLUMN if plan else shape.column(FILE_COLUMN)
        rows = [one.values for one in found]
        return FailingRows(
            columns=columns,
            rows=tuple(rows),
            total=total,
            shown=len(rows),
            traced=bool(rows) and all(file and row.get(file) for row in rows),
            note=note.text,
            note_code=note.code,
            marked=tuple(name for name in selection.marked if name in columns),
            keys=tuple(one.hash for one in found),
            found=read_keys(self._connection, selection, key),
        )

    def _key(self, about: Sequence[str], shape: Relation) -> tuple[str, ...]:
        keys = [key for unique_id in about for key in candidate_keys(self._manifest, unique_id)]
        return next((key for key in keys if shape.has(*key)), ())

    def _fetch(
        self, selection: RowSelection, columns: tuple[str, ...], key: tuple[str, ...]
    ) -> tuple[int, list[_Found]]:
        shape = selection.shape
        own_key = [shape.column(name) or name for name in key]
        first = [shape.column(name) for name in (FILE_COLUMN, LINE_COLUMN)]
        ordered = dict.fromkeys([*(name for name in first if name), *own_key, *columns])
        shown = [_masked(shape, name, selection.masked) for name in columns]
        hidden = [f"cast({sql_identifier(name)} as varchar)" for name in own_key]
        wanted = [*shown, key_hash(shape, key), *hidden]
        counted = self._connection.execute(f"select count(*) from {selection.source}").fetchone()
        read = self._connection.execute(
            f"select {', '.join(wanted)} from {selection.source} "
            f"order by {', '.join(f'{sql_identifier(name)} nulls last' for name in ordered)} "
            f"limit {int(self._cap)}"
        ).fetchall()
        width = len(columns)
        found = [
            _Found(
                dict(zip(columns, map(_json_safe, row[:width]), strict=True)),
                row[width],
                tuple(row[width + 1 :]),
            )
            for row in read
        ]
        return (int(counted[0]) if counted else 0), found

    def _with_origins(self, plan: OriginPlan, rows: list[_Found]) -> tuple[list[_Found], _Note]:
        try:
            origins = find_origins(self._connection, plan, [row.key for row in rows])
        except duckdb.Error as error:
            unknown = {FILE_COLUMN: None, LINE_COLUMN: None}
            return (
                [replace(row, values={**unknown, **row.values}) for row in rows],
                _Note(
                    f"Not traced to files: an upstream table could not be read "
                    f"({type(error).__name__}).",
                    "untraced",
                ),
            )
        placed = []
        for row in rows:
            at = origins.get(row.key)
            first = at.listed[0] if at else ("", None)
            origin = {FILE_COLUMN: at.file if at else None, LINE_COLUMN: at.line if at else None}
            order = (at is None, first[0], first[1] or 0)
            placed.append((order, replace(row, values={**origin, **row.values})))
        missing = sum(row.key not in origins for row in rows)
        note = _Note()
        if missing:
            code: NoteCode = "untraced" if missing == len(rows) else "part_untraced"
            note = _Note(f"{missing} of the rows shown have no origin upstream.", code)
        return [row for _, row in sorted(placed, key=lambda item: item[0])], note


def _in_order(shape: Relation) -> tuple[str, ...]:
    origin = [shape.column(name) for name in (FILE_COLUMN, LINE_COLUMN)]
    first = [name for name in origin if name]
    others = [name for name in shape.columns if name not in first]
    return (*first, *sorted(others, key=lambda name: name.startswith("_")))


def _masked(shape: Relation, column: str, masked: frozenset[str]) -> str:
    if column.lower() not in masked:
        return shape.shown(column)
    return f"case when {sql_identifier(column)} is null then null else '{MASK}' end"


def _json_safe(value: Any) -> Any:
    # JSON has no NaN and no infinity.
    if isinstance(value, float) and value - value != 0:
        return str(value)
    return value
