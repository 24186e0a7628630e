"""Workbooks made to exhaust memory or time: refused, and soon, or read in bounded memory."""

import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import openpyxl
import pytest

from lakehouse.formats.xlsx.scan import measure_sheet

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
HEAD = f'<?xml version="1.0"?><worksheet xmlns="{MAIN}"><sheetData>'
END = "</sheetData></worksheet>"
NAMES = '<row r="1"><c r="A1" t="inlineStr"><is><t>id</t></is></c></row>'


@pytest.fixture
def stage_hostile(staged_alone, make_table):
    """Stage a workbook in a process of its own."""
    return partial(staged_alone, table=make_table(["id"], ({},), pattern="*", format="xlsx"))


@pytest.fixture
def package(tmp_path: Path):
    """A workbook with parts of its own, each given as pieces of text."""

    def write(**parts: Iterable[str]) -> Path:
        names = {"sheet": "xl/worksheets/sheet1.xml", "shared": "xl/sharedStrings.xml"}
        replaced = {names[key]: pieces for key, pieces in parts.items()}
        plain = openpyxl.Workbook()
        plain.active.append(["id"])
        plain.save(tmp_path / "plain.xlsx")
        target = tmp_path / "made.xlsx"
        with (
            zipfile.ZipFile(tmp_path / "plain.xlsx") as source,
            zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made,
        ):
            for name in dict.fromkeys([*source.namelist(), *replaced]):
                with made.open(name, "w", force_zip64=True) as part:
                    for piece in replaced.get(name) or [source.read(name).decode()]:
                        part.write(piece.encode())
        return target

    return write


@pytest.mark.parametrize(
    "cells",
    [
        '<row r="1000000"><c r="ALL1000000"><v>1</v></c></row>',
        "<row r='1000000'><c  r = 'ALL1000000'><v>1</v></c></row>",
        '<row r="2"><c s="0" r="XFD1048576"><v>1</v></c></row>',
        '<x:row xmlns:x="{MAIN}" r="9"><x:c r="XFD1000000"><x:v>1</x:v></x:c></x:row>',
        '<row r="3"><c\n\t' + " " * 3_000 + 'r="XFD1000000"><v>1</v></c></row>',
        "<row>" + "<c><v>1</v></c>" * 16_000 + "</row>" + '<row r="900000"><c><v>1</v></c></row>',
    ],
    ids=["plain", "quotes", "order", "prefix", "blanks", "nameless"],
)
def test_cells_at_far_corners_are_refused_before_the_block_is_asked_for(
    stage_hostile, package, cells
):
    told = stage_hostile(package(sheet=[HEAD, NAMES, cells.replace("{MAIN}", MAIN), END]))
    assert "is too large" in told["refusal"]
    assert told["grown_mb"] < 100


def test_a_wide_or_oddly_written_sheet_is_measured_in_full():
    def measured(*cells: str) -> tuple[int, int]:
        text = (HEAD + "".join(cells) + END).encode()
        pieces = [text[start : start + 1_000] for start in range(0, len(text), 1_000)]
        extent = measure_sheet(lambda: pieces)
        return extent.rows, extent.columns

    wide = "".join(f'<row r="{n}"><c r="AB{n}"><v>1</v></c></row>' for n in range(1, 300))
    assert measured(wide) == (299, 28)
    assert measured('<row r="5"><c r="B5" t="s"><v>0</v></c></row>') == (999_999, 26)
    nameless = "<row>" + "<c><v>1</v></c>" * 40 + "</row>"
    rows, columns = measured(nameless * 30)
    assert rows >= 30
    assert 40 <= columns < 120


@pytest.mark.long
def test_a_million_empty_styled_rows_are_no_records(stage_hostile, package):
    styled = (
        "".join(f'<row r="{n}"><c r="A{n}" s="0"/></row>' for n in range(start, start + 50_000))
        for start in range(2, 1_000_000, 50_000)
    )
    first = '<row r="1000002"><c r="A1000002" s="0"/></row>'
    told = stage_hostile(package(sheet=[HEAD, NAMES, *styled, first, END]))
    assert told["rows"] == 0, told
    assert told["grown_mb"] < 500


@pytest.mark.parametrize("part", ["sheet", "shared"])
@pytest.mark.long
def test_a_part_that_unpacks_to_more_than_a_gigabyte_is_refused(stage_hostile, package, part):
    blanks = (" " * (1 << 20) for _ in range(1_030))
    told = stage_hostile(package(**{part: [HEAD, *blanks, END]}))
    assert "unpacks to more than 1024 MiB" in told["refusal"]
    assert told["grown_mb"] < 100
    assert told["seconds"] < 60


@pytest.mark.long
def test_the_directory_is_not_believed_about_sizes(stage_hostile, package):
    file = package(sheet=[HEAD, *(" " * (1 << 20) for _ in range(1_030)), END])
    content = bytearray(file.read_bytes())
    name = b"xl/worksheets/sheet1.xml"
    entry = content.rfind(b"PK\x01\x02", 0, content.rfind(name))
    content[entry + 24 : entry + 28] = struct.pack("<I", 500)
    file.write_bytes(content)
    told = stage_hostile(file)
    assert "unpacks to more than 1024 MiB" in told["refusal"]


@pytest.mark.parametrize("part", ["sheet", "shared"])
def test_entities_are_refused(stage_hostile, package, part):
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    document = f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]><x>&l9;</x>'
    told = stage_hostile(package(**{part: [document]}))
    assert "document type" in told["refusal"] or "cannot be read" in told["refusal"]
    assert told["grown_mb"] < 100


@pytest.mark.parametrize(
    "content",
    [
        HEAD + NAMES + '<row r="2"><c r="A2"><v>1</v>',
        HEAD + NAMES + '<row r="2"><c r="A2" t="s"><v>99</v></c></row>' + END,
        HEAD + NAMES + '<row r="2"><c r="A2"><v>x</v></c></row>' + END,
        HEAD + NAMES + '<row r="2"><c r="2A"><v>1</v></c></row>' + END,
        HEAD + NAMES + '<row r="2"><c r="A99999999999"><v>1</v></c></row>' + END,
        HEAD + NAMES + '<row r="0"><c r="A0"><v>1</v></c></row>' + END,
        "not xml",
        "",
    ],
)
def test_a_damaged_sheet_is_refused_and_never_ends_the_process(stage_hostile, package, content):
    told = stage_hostile(package(sheet=[content]))
    assert told["refusal"] or told["rows"] is not None


def test_an_encrypted_part_is_refused(stage_hostile, package):
    file = package(sheet=[HEAD, NAMES, END])
    content = bytearray(file.read_bytes())
    content[content.rfind(b"PK\x01\x02") + 8] |= 1
    file.write_bytes(content)
    assert "is encrypted" in stage_hostile(file)["refusal"]


MANGLING_CHILD = """
import random, sys, zipfile
from pathlib import Path
from lakehouse.errors import DeliveryRefused
from lakehouse.formats.xlsx.reader import stage_xlsx
from lakehouse.source_catalog import Table

good, folder = Path(sys.argv[1]), Path(sys.argv[1]).parent
table = Table.model_validate({
    "source": "tienda", "name": "ventas", "connector": "files", "block": "landing",
    "schema_name": "raw", "columns": [{"name": "id"}], "file": Path("sources.yml"),
    "meta": {"load": "append", "pattern": "*", "format": "xlsx"},
})
numbers = random.Random(int(sys.argv[2]))
with zipfile.ZipFile(good) as source:
    parts = {name: source.read(name) for name in source.namelist()}
for _ in range(150):
    hurt = numbers.choice([name for name in parts if "/worksheets/" in name or "shared" in name
                           or "workbook.xml" in name or "styles" in name])
    content = bytearray(parts[hurt])
    for _ in range(numbers.randint(1, 4)):
        place = numbers.randrange(len(content))
        content[place:place + numbers.randint(0, 2)] = numbers.choice(
            [b"", b"9", b"99999999", b"-1", b"A", b"ZZZ", b'"', b"<", b">", b"&", b"/", b"\\xff"]
        )
    with zipfile.ZipFile(folder / "hurt.xlsx", "w", zipfile.ZIP_DEFLATED) as made:
        for name, part in parts.items():
            made.writestr(name, bytes(content) if name == hurt else part)
    try:
        stage_xlsx(folder / "hurt.xlsx", table, folder / "scratch").path.unlink()
    except DeliveryRefused:
        pass
print("alive")
"""


@pytest.mark.parametrize("seed", range(2))
def test_mangled_parts_never_end_the_process(tmp_path, seed):
    book = openpyxl.Workbook()
    for row in [["id", "n", "d", "b"], ["x", 1.5, "=1+1", True], ["y", 2, None, False]]:
        book.active.append(row)
    book.save(tmp_path / "good.xlsx")
    done = subprocess.run(
        [sys.executable, "-c", MANGLING_CHILD, str(tmp_path / "good.xlsx"), str(seed)],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "alive"), done.stderr[-2_000:]
