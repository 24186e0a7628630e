"""The first rows of a worksheet, the schema of a Parquet file, the columns of a database table."""

from pathlib import Path

import duckdb
import fastexcel
import pyarrow.parquet as pq
from sqlalchemy import URL

from lakehouse.connectors.database.engine import dialect_of, make_engine
from lakehouse.errors import SourceNotRecognised
from lakehouse.scaffold.declarable_types import declared_type, type_doubt
from lakehouse.scaffold.sample import SAMPLE_ROWS, Sample, SampledColumn
from lakehouse.sql_quoting import sql_path

_CURSOR_NAMES = ("updated_at", "modified_at", "actualizado", "fecha_modificacion", "last_update")


def sample_xlsx(file: Path, name: str, sheet: str | None = None) -> Sample:
    """Look at a sheet of a workbook.

    Raises:
        SourceNotRecognised: it is no workbook, or has several sheets and none is named.
    """
    try:
        workbook = fastexcel.read_excel(file)
    except fastexcel.FastExcelError as error:
        cause = str(error).partition("\n")[0]
        raise SourceNotRecognised(f"{name} cannot be read as .xlsx: {cause}") from None
    sheets = workbook.sheet_names
    if sheet is None and len(sheets) > 1:
        raise SourceNotRecognised(f"{name} has the sheets {', '.join(sheets)}: name one, --sheet.")
    chosen = sheet or sheets[0]
    if chosen not in sheets:
        raise SourceNotRecognised(f"{name} has no sheet {chosen}, only {', '.join(sheets)}.")
    rows = workbook.load_sheet(chosen, n_rows=SAMPLE_ROWS, dtypes="string").to_arrow()
    columns = [SampledColumn(c, rows.column(c).to_pylist()) for c in rows.schema.names]
    return Sample({"format": "xlsx", "sheet": chosen}, columns)


def sample_parquet(file: Path, name: str) -> Sample:
    """Look at the schema of a Parquet file.

    Raises:
        SourceNotRecognised: it is none.
    """
    try:
        pq.read_metadata(file)
        with duckdb.connect() as session:
            rows = session.sql(f"from read_parquet({sql_path(file)}, hive_partitioning = false)")
            seen = dict(zip(rows.columns, rows.types, strict=True))
    except (OSError, ValueError, duckdb.Error) as error:
        cause = str(error).partition("\n")[0]
        raise SourceNotRecognised(f"{name} cannot be read as Parquet: {cause}") from None
    return Sample(
        {"format": "parquet"},
        [
            SampledColumn(name, data_type=declared_type(type_) or "varchar")
            for name, type_ in seen.items()
        ],
        doubts=tuple(doubt for name, type_ in seen.items() if (doubt := type_doubt(name, type_))),
    )


def sample_database(url: URL, relation: str) -> Sample:
    """Look at a table or view of a database: its columns, types and key.

    Raises:
        RelationMissing: naming what there is.
        DatabaseRefused: wrong user, password or name.
        DatabaseUnavailable: it does not answer.
    """
    dialect = dialect_of(url)
    with dialect.faults(), make_engine(url).connect() as connection:
        found = dialect.describe(connection, relation)
    names = {column.name.lower(): column.name for column in found.columns}
    doubts = []
    if not found.primary_key:
        doubts.append("the table has no primary key; a key of the contract is yours to say")
    if cursor := next((names[name] for name in _CURSOR_NAMES if name in names), None):
        doubts.append(f"{cursor} may serve as cursor of load: incremental")
    return Sample(
        {"relation": relation},
        [SampledColumn(column.name, data_type=column.data_type) for column in found.columns],
        key=found.primary_key,
        doubts=tuple(doubts),
    )
