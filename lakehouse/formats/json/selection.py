"""SQL that reads the columns of regular JSON lines with DuckDB."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lakehouse.format_options import CsvDialect
from lakehouse.formats.json.columns import JsonColumn
from lakehouse.formats.json.lines import MAX_RECORD_BYTES, RecordLines
from lakehouse.formats.json.numbers import holds_mark_sql, marked_numbers_sql, unmarked_sql
from lakehouse.formats.nested_structure import text_leaves_type
from lakehouse.formats.text_conversion import strict_leaves_sql
from lakehouse.source_catalog import Column, Table
from lakehouse.sql_quoting import sql_identifier, sql_path, sql_string

_READ = (
    f"format = 'newline_delimited', maximum_object_size = {MAX_RECORD_BYTES}, "
    "compression = 'uncompressed', hive_partitioning = false"
)


def records_sql(lines: RecordLines) -> str:
    """SQL of a relation with each record as the JSON column `json`."""
    return f"read_json_objects({sql_path(lines.path)}, {_READ})"


@dataclass(frozen=True)
class Selection:
    """The columns of a file's records.

    Attributes:
        lines: regular ones.
        columns: to read, as text unless they are in `nested`.
        nested: nested columns by their key that get their declared type while they are read.
        dialect: how their leaves are written.
    """

    lines: RecordLines
    columns: Sequence[JsonColumn]
    nested: Mapping[str, Column]
    dialect: CsvDialect

    @classmethod
    def typed(cls, lines: RecordLines, columns: Sequence[JsonColumn], table: Table) -> "Selection":
        """A selection that types every nested column that DuckDB can read with leaves of text."""
        declared = {column.name: column for column in table.columns}
        keys = [column.key for column in columns]
        nested = {
            column.key: declared[column.name]
            for column in columns
            if column.name in declared
            and declared[column.name].type.kind == "nested"
            and text_leaves_type(declared[column.name].type.duckdb)
            and keys.count(column.key) == 1
            and len(column.steps) == 1
        }
        dialect = table.meta.dialects[0]
        return cls(lines, columns, nested if lines.keeps_numbers else {}, dialect)

    def sql(self) -> str:
        """SELECT of every record; an error where one does not fit."""
        cells = ", ".join(
            f"{self._cell(column)} as {sql_identifier(column.name)}" for column in self.columns
        )
        source = self._plain_source() if self.lines.keeps_numbers else self._marked_source()
        return f"select {cells} from {source}"

    @property
    def _kinds(self) -> dict[str, str]:
        """The type in which each key is read."""
        kinds = dict.fromkeys((column.key for column in self.columns), "VARCHAR")
        kinds |= {column.key: "JSON" for column in self.columns if len(column.steps) > 1}
        typed = {k: text_leaves_type(column.type.duckdb) for k, column in self.nested.items()}
        return kinds | {key: kind for key, kind in typed.items() if kind}

    def _plain_source(self) -> str:
        read = ", ".join(
            f"{sql_string(key)}: {sql_string(kind)}" for key, kind in self._kinds.items()
        )
        return (
            f"read_json({sql_path(self.lines.path)}, columns = {{{read}}}, records = true, {_READ})"
        )

    def _marked_source(self) -> str:
        marked = (
            f"case when {holds_mark_sql('json')} then error('the mark of numbers is taken') "
            f"else {marked_numbers_sql('json::varchar')} end"
        )
        structure = sql_string(json.dumps(self._kinds))
        return (
            f"(select unnest(record) from (select json_transform({marked}, {structure}) as record "
            f"from {records_sql(self.lines)}))"
        )

    def _cell(self, column: JsonColumn) -> str:
        cell = sql_identifier(column.key)
        if column.key in self.nested:
            return strict_leaves_sql(self.nested[column.key], self.dialect, cell)
        if self._kinds[column.key] == "JSON":
            cell = f"json_extract_string({cell}, {sql_string(column.pointer or '$')})"
        if self.lines.keeps_numbers:
            return cell
        text = unmarked_sql(cell)
        if not column.is_exact:
            return text
        return f"case when regexp_matches({text}, '[eE]') then error('an exponent') else {text} end"
