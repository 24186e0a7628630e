"""SQL over one staged part: its rows in the contract's types, its misfits, its emptied cells."""

from dataclasses import dataclass

import duckdb

from lakehouse.errors import DeliveryRefused
from lakehouse.formats.native_conversion import (
    NOT_NUMBERS,
    cast_fault_sql,
    cast_sql,
    missing_moment_sql,
    moment_fault_sql,
    moment_sql,
)
from lakehouse.formats.source_lines import source_line_sql
from lakehouse.formats.staged_file import EmptiedCell, RejectedRow, StagedFile
from lakehouse.formats.text_conversion import fault_sql, value_sql
from lakehouse.source_catalog import Column, Table
from lakehouse.sql_quoting import sql_identifier, sql_path, sql_string

EMPTIED_SHOWN = 1_000
_DATES = ("date", "timestamp", "timestamptz")
_NUMBERS = ("integer", "decimal", "double")


@dataclass(frozen=True)
class PartSql:
    """A staged part as SQL.

    Attributes:
        columns: of the part, declared or as text.
        types: DuckDB's names of the types in which they are staged.
        source: SQL of its rows as cell_0, cell_1, ..., `_line` and `_record`.
    """

    session: duckdb.DuckDBPyConnection
    part: StagedFile
    table: Table
    file_name: str
    columns: tuple[Column, ...]
    types: tuple[str, ...]
    source: str

    @classmethod
    def of(
        cls,
        session: duckdb.DuckDBPyConnection,
        part: StagedFile,
        table: Table,
        file_name: str,
    ) -> "PartSql":
        """Look at the staged file and prepare the expressions."""
        declared = {column.name: column for column in table.columns}
        read = f"read_parquet({sql_path(part.path)}, hive_partitioning = false)"
        described = session.execute(f"describe from {read}").fetchall()
        # Names by place: a delivered column may be called like one of ours.
        cells = [_cell(place) for place in range(len(part.header))]
        record = f"{source_line_sql(session, part.record_breaks)} as _record"
        if part.has_lines:
            source = f"select *, {record} from {read} as staged({', '.join([*cells, '_line'])})"
        else:
            line = source_line_sql(session, part.line_breaks)
            source = f"select {', '.join(cells)}, {line} as _line, {record} "
            source += f"from {read} as staged({', '.join(cells)})"
        return cls(
            session,
            part,
            table,
            file_name,
            tuple(declared.get(name, Column(name=name)) for name in part.header),
            tuple(str(row[1]) for row in described[: len(part.header)]),
            source,
        )

    def rows_sql(self, constants: str) -> str:
        """SELECT of the rows that fit, with captured and technical columns."""
        declared = {column.name: column for column in self.table.columns}
        selected = [
            f"{self._value(place)} as {sql_identifier(column.name)}"
            for place, column in enumerate(self.columns)
        ]
        for name in self._captured:
            column = declared.get(name, Column(name=name))
            text = f"{sql_string(self.part.captured[name])}::varchar"
            selected.append(
                f"{value_sql(column, self.part.dialect, text)} as {sql_identifier(name)}"
            )
        selected += [
            constants,
            f"{sql_string(self.part.name or self.file_name)} as _source_file",
            "_line as _source_line",
        ]
        fine = " and ".join(f"({fault}) is null" for _, fault in self._faults()) or "true"
        return f"select {', '.join(selected)} from ({self.source}) where {fine}"

    def assert_captured_fit(self, where: str) -> None:
        """Make sure that what comes from the file's name converts.

        Raises:
            DeliveryRefused: it does not.
        """
        declared = {column.name: column for column in self.table.columns}
        for name in self._captured:
            column = declared.get(name, Column(name=name))
            text = f"{sql_string(self.part.captured[name])}::varchar"
            fault = fault_sql(column, self.part.dialect, text)
            row = self.session.execute(f"select {fault}").fetchone() if fault else None
            if row and row[0] is not None:
                raise DeliveryRefused(
                    f"{where}: {column.name}, which comes from the file's name, is {row[0]}. "
                    "Rename the file, or correct the regex or the type.",
                    rows=self.part.rows + len(self.part.rejects),
                )

    def misfits(self, limit: int | None = None) -> list[RejectedRow]:
        """Rows of which a cell does not convert, each with its first fault.

        Args:
            limit: rows at most; None for all of them.
        """
        faults = self._faults()
        if not faults:
            return []
        branches = " ".join(
            f"when ({fault}) is not null then {{'name': {sql_string(self.columns[place].name)}, "
            f"'reason': {fault}, 'cell': {_cell(place)}::varchar}}"
            for place, fault in faults
        )
        record = ", ".join(
            f"{sql_string(column.name)}: {_cell(place)}::varchar"
            for place, column in enumerate(self.columns)
        )
        query = (
            "select _line, fault.name, coalesce('record ' || _record || ': ', '') || fault.reason, "
            f"fault.cell, raw from (select _line, _record, case {branches} end as fault, "
            f"to_json({{{record}}})::varchar as raw from ({self.source})) "
            "where fault is not null order by _line, _record"
        )
        if limit is not None:
            query += f" limit {limit}"
        return [RejectedRow(*row) for row in self.session.execute(query).fetchall()]

    def cells_delivered(self) -> dict[str, int]:
        """Values in each column of which some may be emptied, by its name."""
        places = [p for p in range(len(self.columns)) if self._emptied(p) is not None]
        if not places:
            return {}
        counts = ", ".join(f"count({_cell(place)})" for place in places)
        row = self.session.execute(f"select {counts} from ({self.source})").fetchone()
        return {self.columns[p].name: n for p, n in zip(places, row or (), strict=True)}

    def emptied_cells(self) -> list[EmptiedCell]:
        """Dates and numbers that exist nowhere, in rows loaded without them; the first thousand."""
        named = {column.name: place for place, column in enumerate(self.columns)}
        shown = " || ', ' || ".join(
            f"{sql_string(f'{key} ')} || coalesce({_cell(named[key])}::varchar, 'NULL')"
            for key in self.table.meta.key
            if key in named and not self.columns[named[key]].pii
        )
        found: list[EmptiedCell] = []
        for place, column in enumerate(self.columns):
            condition = self._emptied(place)
            if condition is None:
                continue
            moment = self._is_moment(place)
            what = (
                ("a date" if moment else "a value") if column.pii else f"' || {_cell(place)} || '"
            )
            why = "does not exist" if moment else f"is no {column.data_type}"
            reason = f"'{what} {why}, so the cell is NULL'"
            if shown:
                reason += f" || ' (' || {shown} || ')'"
            rows = self.session.execute(
                f"select {reason} from ({self.source}) where {condition} limit {EMPTIED_SHOWN}"
            ).fetchall()
            found += [EmptiedCell(column.name, row[0]) for row in rows]
        return found

    @property
    def _captured(self) -> tuple[str, ...]:
        delivered = {name.lower() for name in self.part.header}
        return tuple(
            name
            for name in self.table.captured
            if name in self.part.captured and name.lower() not in delivered
        )

    def _emptied(self, place: int) -> str | None:
        """SQL that holds for cells of a database that are loaded as NULL; None: it has none."""
        cell = _cell(place)
        if self._is_moment(place):
            return missing_moment_sql(self.columns[place], cell)
        return f"{cell} in ({_words(NOT_NUMBERS)})" if self._is_number(place) else None

    def _is_moment(self, place: int) -> bool:
        return self._is_canonical(place) and self.columns[place].type.kind in _DATES

    def _is_number(self, place: int) -> bool:
        return self._is_canonical(place) and self.columns[place].type.kind in _NUMBERS

    def _is_canonical(self, place: int) -> bool:
        return self.part.is_canonical and self.types[place] == "VARCHAR"

    def _is_stored_json(self, place: int) -> bool:
        """Whether it is JSON as a database keeps it, which is valid or not but never trimmed."""
        return self._is_canonical(place) and self.columns[place].type.kind == "json"

    def _text(self, place: int) -> str | None:
        """SQL of text that the declared type alone decides about; None for other columns."""
        if self.types[place] != "VARCHAR" or self._is_moment(place):
            return None
        cell = _cell(place)
        if not self._is_number(place):
            return cell
        return f"(case when {cell} not in ({_words(NOT_NUMBERS)}) then {cell} end)"

    def _value(self, place: int) -> str:
        column, cell, text = self.columns[place], _cell(place), self._text(place)
        if self._is_stored_json(place):
            return cell
        if text is not None:
            return value_sql(column, self.part.dialect, text)
        if self._is_moment(place):
            return moment_sql(column, cell)
        return cell if self.types[place] == column.type.duckdb else cast_sql(column, cell)

    def _faults(self) -> list[tuple[int, str]]:
        found = []
        for place, column in enumerate(self.columns):
            text = self._text(place)
            fault: str | None
            if self._is_moment(place):
                fault = moment_fault_sql(column, _cell(place))
            elif self._is_stored_json(place):
                # A tenth of what telling apart the ways of files to write it costs.
                fault = f"case when not json_valid({_cell(place)}) then 'not JSON' end"
            elif text is not None:
                fault = fault_sql(column, self.part.dialect, text)
            else:
                fault = cast_fault_sql(column, self.types[place], _cell(place))
            if fault is not None:
                found.append((place, fault))
        return found


def _cell(place: int) -> str:
    return f"cell_{place}"


def _words(words: tuple[str, ...]) -> str:
    return ", ".join(map(sql_string, words))
