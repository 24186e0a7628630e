"""Workbooks that are refused whole: headers, sheets, and files that are none."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from lakehouse.errors import DeliveryRefused
from lakehouse.formats.staged_file import StagedFile
from lakehouse.formats.xlsx.reader import stage_xlsx
from lakehouse.source_catalog import Table


def xlsx_table(columns: dict[str, str], **meta: Any) -> Table:
    return Table.model_validate(
        {
            "source": "tienda",
            "name": "ventas",
            "connector": "files",
            "block": "landing",
            "schema_name": "raw",
            "meta": {"load": "append", "pattern": "*", "format": "xlsx", **meta},
            "columns": [{"name": n, "data_type": kind} for n, kind in columns.items()],
            "file": Path("_tienda__sources.yml"),
        }
    )


def workbook(path: Path, rows: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


@pytest.fixture
def book(tmp_path: Path) -> Callable[..., Path]:
    """Write rows into the only sheet of a workbook."""
    return lambda rows: workbook(tmp_path / "ventas.xlsx", rows)


@pytest.fixture
def stage(tmp_path: Path) -> Callable[..., StagedFile]:
    return lambda file, table: stage_xlsx(file, table, tmp_path / "scratch")


@pytest.fixture
def refusal(stage, tmp_path: Path) -> Callable[..., str]:
    def run(file: Path, table: Table) -> str:
        with pytest.raises(DeliveryRefused) as refused:
            stage(file, table)
        assert not [*(tmp_path / "scratch").glob("*")]
        assert str(refused.value).startswith("tienda.ventas, file ")
        return str(refused.value)

    return run


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([["id"], [1]], "missing columns: monto"),
        ([["id", "Monto"], [1, 2]], "delivered in other letters: Monto"),
        ([["id", "monto", "id"], [1, 2, 3]], "come twice: id"),
        ([["id", "monto", "x", "x"], [1, 2, 3, 4]], "come twice: x"),
        ([["id", None, "monto"], [1, None, 2]], "without a name at place 2"),
        ([["id", "monto", None], [1, 2, 3]], "without a name at place 3"),
        ([["id", "monto", None], [1, 2, "#N/A"]], "without a name at place 3"),
        ([["id", "monto", "_batch_id"], [1, 2, 3]], "lake adds itself"),
        ([[1, 2], [1, 2]], "missing columns: id, monto"),
        ([[None], ["id", "monto"], [1, 2]], "begins in row 2"),
        ([[None]], "the sheet is empty"),
    ],
)
def test_a_header_that_breaks_the_contract_is_refused(refusal, book, rows, reason):
    assert reason in refusal(book(rows), xlsx_table({"id": "integer", "monto": "integer"}))


@pytest.fixture
def two_sheets(tmp_path: Path) -> Path:
    book = openpyxl.Workbook()
    book.active.title = "Resumen"
    hidden = book.create_sheet("Liquidaciones")
    hidden.append(["id"])
    hidden.append([7])
    hidden.sheet_state = "hidden"
    book.save(tmp_path / "two.xlsx")
    return tmp_path / "two.xlsx"


def test_the_sheet_is_the_named_one_also_when_hidden(stage, two_sheets, rows_of):
    staged = stage(two_sheets, xlsx_table({"id": "integer"}, file={"sheet": "Liquidaciones"}))
    assert rows_of(staged) == [(7.0, 2)]


def test_of_several_sheets_one_must_be_named(refusal, two_sheets):
    shown = "Resumen, Liquidaciones (hidden)"
    assert f"has 2 sheets: {shown}" in refusal(two_sheets, xlsx_table({"id": "integer"}))
    wrong = xlsx_table({"id": "integer"}, file={"sheet": "liquidaciones"})
    assert f"no sheet liquidaciones. It has: {shown}" in refusal(two_sheets, wrong)


def test_what_is_no_workbook_is_refused(refusal, book, tmp_path):
    table = xlsx_table({"id": "integer"})
    good = book([["id"], [1]]).read_bytes()

    def reason(content: bytes) -> str:
        file = tmp_path / "bad.xlsx"
        file.write_bytes(content)
        return refusal(file, table)

    assert "no .xlsx workbook" in reason(b"")
    assert "no .xlsx workbook" in reason(b"id,x\n1,2\n")
    assert "old .xls workbook, or has a password" in reason(
        bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600
    )
    assert "damaged or cut off" in reason(good[:-200])
    assert "damaged or cut off" in reason(b"PK\x03\x04" + b"x" * 500)
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        other.writestr("word/document.xml", "<w/>")
    assert "no part xl/workbook.xml" in reason((tmp_path / "other.zip").read_bytes())
