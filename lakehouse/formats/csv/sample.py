"""How well the head of a file converts under a dialect."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakehouse.formats.csv.header import CsvHeader
from lakehouse.formats.csv.parser import csv_session, parse_errors, read_csv_sql
from lakehouse.formats.csv.rejects import FAULT_LIMIT, count_faults
from lakehouse.formats.line_ends import parse_one_line_end
from lakehouse.formats.record_scan import RecordGrammar
from lakehouse.formats.text_conversion import fault_sql, value_sql
from lakehouse.source_catalog import CsvDialect, Table
from lakehouse.sql_quoting import sql_identifier, sql_string

SAMPLE_ROWS = 1_000
SAMPLE_BYTES = 4 << 20


@dataclass(frozen=True)
class Sample:
    """The first rows of a file under one dialect.

    Attributes:
        readings: for each parsed row its typed values, or the fault that keeps it out.
        rejected: records of the sample that could not be parsed.
    """

    readings: tuple[tuple[Any, ...] | str, ...]
    rejected: int

    @property
    def converted(self) -> int:
        """Rows whose every cell converts."""
        return sum(not isinstance(reading, str) for reading in self.readings)

    @property
    def is_hopeless(self) -> bool:
        """Whether there are records and none of them converts."""
        return not self.converted and bool(self.readings or self.rejected)

    @property
    def commonest_fault(self) -> str:
        """The fault that most rows have, with its column, in words without values."""
        faults = Counter(reading for reading in self.readings if isinstance(reading, str))
        if not faults:
            return f"all {self.rejected} records of the sample have a wrong number of columns"
        fault, count = faults.most_common(1)[0]
        return f"{fault} ({count} of {len(self.readings)} rows)"


def read_sample(
    text: Path,
    header: CsvHeader,
    dialect: CsvDialect,
    table: Table,
    work: Path,
    *,
    memory: str,
    where: str,
) -> Sample:
    """Parse and convert the first 1000 rows, or 4 MiB.

    Args:
        text: UTF-8 text of the file.
        header: of the file under this dialect.
        dialect: to try.
        table: with the declared types.
        work: scratch folder.
        memory: limit of the DuckDB connection.
        where: table and file, for messages.

    Raises:
        DeliveryRefused: DuckDB cannot parse the file at all.
    """
    head = work / "sample.txt"
    with text.open("rb") as file:
        content = file.read(SAMPLE_BYTES)
        if file.read(1):
            content = content[: content.rfind(b"\n") + 1] or content
    head.write_bytes(content)
    grammar = RecordGrammar(dialect.delimiter.encode(), dialect.quote.encode())

    def parse(path: Path) -> Sample:
        with parse_errors(where), csv_session(work, threads=1, memory=memory) as connection:
            source = read_csv_sql(path, header, dialect, FAULT_LIMIT)
            connection.execute(f"create table sample as select * from {source} limit {SAMPLE_ROWS}")
            rows = connection.execute(_conversion_sql(header, dialect, table)).fetchall()
            readings = tuple(fault or values for fault, *values in rows)
            return Sample(
                tuple(r if isinstance(r, str) else tuple(r) for r in readings),
                count_faults(connection)[0],
            )

    return parse_one_line_end(parse, head, work / "sample.unified.txt", grammar, where)[0]


def _conversion_sql(header: CsvHeader, dialect: CsvDialect, table: Table) -> str:
    faults, values = ["cast(null as varchar)"], []
    for column in table.columns:
        identifier = sql_identifier(column.name)
        fault = fault_sql(column, dialect, identifier) if column.name in header.names else None
        if fault:
            faults.append(f"{sql_string(f'column {column.name}: ')} || ({fault})")
            values.append(value_sql(column, dialect, identifier))
    selected = ", ".join([f"coalesce({', '.join(faults)})", *values])
    return f"select {selected} from sample"
