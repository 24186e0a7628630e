"""Sheets of workbooks as rows: what cells become, and what is refused."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from lakehouse.connectors.folder import FoundFile
from lakehouse.formats.staged_file import StagedFile
from lakehouse.formats.xlsx.reader import stage_xlsx
from lakehouse.lake.ledger import Delivery
from lakehouse.lake.load_file import load_file
from lakehouse.lake.raw_lake import RawLake
from lakehouse.settings import Settings
from lakehouse.source_catalog import Table
from lakehouse.sql_quoting import sql_identifier, sql_path

Rows = list[list[Any]]
Load = Callable[..., tuple[Delivery, list[tuple[Any, ...]]]]
MOMENT = datetime(2024, 1, 31, 10, 20, 30)
COMMA = {"decimal": ",", "thousands": ".", "date_format": "%d/%m/%Y"}


def xlsx_table(columns: dict[str, str], name: str = "ventas", **meta: Any) -> Table:
    return Table.model_validate(
        {
            "source": "tienda",
            "name": name,
            "connector": "files",
            "block": "landing",
            "schema_name": "raw",
            "meta": {"load": "append", "pattern": "*", "format": "xlsx", **meta},
            "columns": [{"name": n, "data_type": kind} for n, kind in columns.items()],
            "file": Path("_tienda__sources.yml"),
        }
    )


def workbook(path: Path, rows: Rows, *, first_row: int = 1, first_column: int = 1) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    for number, row in enumerate(rows, first_row):
        for place, value in enumerate(row, first_column):
            if value is not None:
                sheet.cell(number, place, value)
    book.save(path)
    return path


@pytest.fixture
def book(tmp_path: Path) -> Callable[..., Path]:
    """Write rows into the only sheet of a workbook."""
    return lambda rows, **places: workbook(tmp_path / "ventas.xlsx", rows, **places)


@pytest.fixture
def stage(tmp_path: Path) -> Callable[..., StagedFile]:
    return lambda file, table: stage_xlsx(file, table, tmp_path / "scratch")


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory):
    """Write a sheet, load it, and read the declared columns back from the lake."""
    landing = tmp_path_factory.mktemp("landing")
    lake = RawLake.of(Settings(home=tmp_path_factory.mktemp("home")))

    def run(rows: Rows, columns: dict[str, str], **meta: Any):
        number = len(list(landing.iterdir()))
        path = workbook(landing / f"{number}.xlsx", [list(columns), *rows])
        table = xlsx_table(columns, f"ventas_{number}", **meta)
        found = FoundFile(path.name, path.stat().st_size, path.stat().st_mtime_ns)
        delivery = load_file(landing, found, table, lake)
        batch = lake.ledger.batch(delivery.batch_id) if delivery.batch_id else None
        if batch is None:
            return delivery, []
        names = ", ".join(sql_identifier(name) for name in columns)
        with duckdb.connect() as session:
            session.execute("set timezone = 'UTC'")
            file = sql_path(lake.store.file_of(batch))
            read = session.execute(
                f"select {names} from read_parquet({file}) order by _source_line"
            )
            return delivery, read.fetchall()

    yield run
    lake.ledger.engine.dispose()


ARRIVING = [
    ("001", "varchar", "001"),
    (" x\ny ", "varchar", " x\ny "),
    (1, "varchar", "1"),
    (-0.5, "varchar", "-0.5"),
    (1 / 3, "varchar", "0.3333333333333333"),
    (1e-10, "varchar", "0.0000000001"),
    (1234567890123456, "varchar", "1234567890123456"),
    (1e21, "varchar", "1000000000000000000000"),
    (True, "varchar", "true"),
    (date(2024, 1, 31), "varchar", "2024-01-31"),
    (MOMENT, "varchar", "2024-01-31 10:20:30"),
    (time(10, 20, 30), "varchar", "10:20:30"),
    ("001", "integer", 1),
    (7, "integer", 7),
    (7.0, "bigint", 7),
    (850.5, "decimal(18,2)", Decimal("850.50")),
    (100 * 1.1, "decimal(18,2)", Decimal("110.00")),
    (12345678901234.56, "decimal(18,2)", Decimal("12345678901234.56")),
    (1 / 3, "double", 1 / 3),
    (True, "boolean", True),
    (date(2024, 1, 31), "date", date(2024, 1, 31)),
    (MOMENT, "timestamp", MOMENT),
    (MOMENT, "timestamptz", MOMENT.replace(tzinfo=UTC)),
    (time(10, 20, 30), "time", time(10, 20, 30)),
    ("2024-01-31", "date", date(2024, 1, 31)),
    (date(1900, 1, 1), "date", date(1900, 1, 1)),
    (date(9999, 12, 31), "date", date(9999, 12, 31)),
]


@pytest.mark.parametrize("beside", [None, "text", 5, True])
def test_cells_arrive_as_declared_whatever_stands_in_their_column(load: Load, beside):
    columns = {f"c{n}": declared for n, (_, declared, _) in enumerate(ARRIVING)}
    cells = [cell for cell, _, _ in ARRIVING]
    delivery, rows = load([cells, [beside] * len(cells), cells], columns, max_reject_share=1)
    values = tuple(value for _, _, value in ARRIVING)
    assert (rows[0], rows[-1]) == (values, values), delivery.reason
    assert (delivery.rows_delivered, delivery.rows_rejected) == (3, int(beside is not None))


@pytest.mark.parametrize(
    ("cell", "declared"),
    [
        (850.505, "decimal(18,2)"),
        (2.5, "integer"),
        (2, "boolean"),
        ("x", "integer"),
        (45_322, "date"),
        (MOMENT, "date"),
        (MOMENT, "integer"),
        (True, "integer"),
        (2**40, "integer"),
        ("31/01/2024", "date"),
    ],
)
def test_a_cell_that_does_not_fit_is_refused_with_its_row(load: Load, cell, declared):
    delivery, rows = load([[1, cell], [2, None]], {"id": "integer", "x": declared})
    assert (rows, delivery.rows_rejected) == ([(2, None)], 1)


def test_a_column_of_durations_is_text_in_hours(load: Load):
    _, rows = load([[timedelta(hours=30)], [timedelta(minutes=1, milliseconds=500)]], {"x": "text"})
    assert rows == [("30:00:00",), ("00:01:00.500000",)]


def test_text_beside_numbers_is_read_in_the_dialect_and_numbers_are_not(load: Load):
    rows = [[1.234, date(2024, 1, 31)], ["1.234", "31/01/2024"], [1234.5, None], ["1.234,5", None]]
    delivery, read = load(rows, {"n": "decimal(12,3)", "d": "date"}, dialects=(COMMA,))
    assert delivery.rows_rejected == 0
    assert read == [
        (Decimal("1.234"), date(2024, 1, 31)),
        (Decimal("1234.000"), date(2024, 1, 31)),
        (Decimal("1234.500"), None),
        (Decimal("1234.500"), None),
    ]


def test_dates_of_a_workbook_that_counts_from_1904_are_right(tmp_path, stage, rows_of):
    book = openpyxl.Workbook()
    book.epoch = CALENDAR_MAC_1904
    book.active.append(["d"])
    book.active.append([date(2024, 1, 31)])
    book.save(tmp_path / "mac.xlsx")
    (row,) = rows_of(stage(tmp_path / "mac.xlsx", xlsx_table({"d": "date"})))
    assert row == (datetime(2024, 1, 31), 2)


def test_rows_keep_their_numbers_and_empty_ends_are_no_records(stage, book, rows_of):
    rows = [["x", "id", None, None], [None, 1], [None] * 2, ["", 2], [None, None, None], [None, ""]]
    file = book([["a title"], *rows], first_row=2, first_column=2)
    table = xlsx_table({"id": "integer", "x": "varchar"}, file={"header_row": 3})
    staged = stage(file, table)
    assert (staged.header, staged.rows) == (("x", "id"), 3)
    assert rows_of(staged) == [(None, 1.0, 4), (None, None, 5), (None, 2.0, 6)]


def test_merged_cells_have_their_value_once(tmp_path, stage, rows_of):
    book = openpyxl.Workbook()
    for row in [["a", "b"], ["both", None], ["x", "y"]]:
        book.active.append(row)
    book.active.merge_cells("A2:B2")
    book.save(tmp_path / "merged.xlsx")
    staged = stage(tmp_path / "merged.xlsx", xlsx_table({"a": "varchar", "b": "varchar"}))
    assert rows_of(staged) == [("both", None, 2), ("x", "y", 3)]


def test_cells_with_errors_refuse_rows_of_typed_columns_and_are_text_elsewhere(
    stage, book, rows_of
):
    rows = [["n", "t"], [1, "a"], ["#N/A", "b"], [3, "#REF!"], ["#DIV/0!", "#VALUE!"]]
    staged = stage(book(rows), xlsx_table({"n": "integer", "t": "varchar"}))
    assert rows_of(staged) == [(1.0, "a", 2), (3.0, "#REF!", 4)]
    assert [(r.line, r.column, r.value) for r in staged.rejects] == [
        (3, "n", "#N/A"),
        (5, "n", "#DIV/0!"),
    ]
    assert all("#" not in reject.reason for reject in staged.rejects)
    assert '"t": "b"' in staged.rejects[0].raw


def test_every_kind_of_error_is_known(load: Load):
    errors = ["#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!"]
    rows = [[error, number] for number, error in enumerate(errors)]
    assert load(rows, {"t": "varchar", "n": "integer"})[1] == [tuple(row) for row in rows]


def test_formulas_without_a_saved_value_are_empty_and_said(stage, book, rows_of):
    staged = stage(book([["a", "b"], ["=1+1", "x"]]), xlsx_table({"a": "integer", "b": "varchar"}))
    assert rows_of(staged) == [(None, "x", 2)]
    assert staged.warnings[0].startswith("1 formulas have no saved value")


def test_undeclared_columns_are_loaded_as_text_and_said(stage, book, rows_of):
    staged = stage(book([["id", "nuevo"], [1, 2.5]]), xlsx_table({"id": "integer"}))
    assert (staged.new_columns, rows_of(staged)) == (("nuevo",), [(1.0, "2.5", 2)])


def test_a_header_alone_is_an_empty_delivery(stage, book):
    staged = stage(book([["id", "x"]]), xlsx_table({"id": "integer", "x": "date"}))
    assert (staged.rows, staged.header) == (0, ("id", "x"))


def test_names_that_only_look_doubled_are_not(stage, book):
    staged = stage(book([["a", "a_1"], [1, 2]]), xlsx_table({"a": "integer", "a_1": "integer"}))
    assert staged.header == ("a", "a_1")


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "varchar": st.text(
        st.characters(min_codepoint=0x20, exclude_categories=("Cs", "Cn")), min_size=1, max_size=12
    ).filter(lambda text: "_x" not in text and not text.startswith(("=", "#"))),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "decimal(14,2)": st.decimals(-(10**11), 10**11, places=2),
    # openpyxl writes 16 digits of a number.
    "double": st.floats(-1e300, 1e300, allow_subnormal=False).map(lambda x: float(f"{x:.16g}")),
    "boolean": st.booleans(),
    "date": st.dates(date(1900, 3, 1), date(9999, 12, 31)),
    "timestamp": st.datetimes(datetime(1900, 3, 1), datetime(9999, 12, 31)).map(
        lambda moment: moment.replace(microsecond=0, fold=0)
    ),
}


@given(
    names=st.lists(
        st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=6).filter(
            lambda name: "_x" not in name and not name.startswith(("=", "#"))
        ),
        min_size=1,
        max_size=4,
        unique_by=str.casefold,
    ),
    data=st.data(),
)
@hypothesis_settings(max_examples=25, deadline=None)
def test_any_table_is_read_back_as_it_was_written(load: Load, names, data):
    kinds = {name: data.draw(st.sampled_from(sorted(VALUES))) for name in names}
    row = st.tuples(*(st.one_of(st.none(), VALUES[kind]) for kind in kinds.values()))
    rows = data.draw(st.lists(row, max_size=6))
    while rows and not any(value is not None for value in rows[-1]):
        rows.pop()
    delivery, read = load([list(row) for row in rows], kinds)
    assert delivery.status == "loaded", delivery.reason
    assert (read, delivery.rows_rejected) == (rows, 0)
