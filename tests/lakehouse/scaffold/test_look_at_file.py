"""What a look at a file finds: dialect, types, records, and what it leaves to a person."""

import gzip
import json
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse.connectors.folder import find_files
from lakehouse.errors import SourceNotRecognised
from lakehouse.lake.load_file import load_file
from lakehouse.lake.raw_lake import RawLake
from lakehouse.scaffold.declarable_types import declared_type
from lakehouse.scaffold.look_at_file import look_at_file, name_pattern
from lakehouse.scaffold.proposed_types import propose_types
from lakehouse.scaffold.sample import Sample, SampledColumn
from lakehouse.settings import Settings
from lakehouse.source_catalog import Table

LATAM = (
    "factura;código;fecha;cantidad;precio;cbu\n"
    "0001;A-1;31/01/2024;1.200;1.234,50;0170099220000067797370\n"
    "0002;A-2;01/02/2024;3;0,99;0170099220000067797371\n"
)


@pytest.fixture
def look(tmp_path: Path):
    def write_and_look(name: str, content: bytes | str, **options):
        file = tmp_path / name
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return look_at_file(file, **options)

    return write_and_look


def types_of(sample) -> dict[str, str]:
    return dict(propose_types(sample.columns).types)


def loaded(home: Path, file: Path, sample: Sample) -> tuple[Any, ...]:
    """The only row of a file, as it is in the lake after a load with the types that were found."""
    columns = [{"name": name, "data_type": kind} for name, kind in types_of(sample).items()]
    table = Table.model_validate(
        {
            "source": "shop",
            "name": "x",
            "connector": "files",
            "block": "place",
            "schema_name": "raw",
            "meta": {"load": "append", "pattern": file.name, **sample.meta},
            "columns": columns,
            "file": Path("_shop__sources.yml"),
        }
    )
    lake = RawLake.of(Settings(home=home / file.suffix / "home"))
    delivery = load_file(file.parent, find_files(file.parent, table)[0], table, lake)
    assert delivery.status == "loaded", delivery.reason
    (batch,) = lake.settings.raw.rglob("*.parquet")
    names = ", ".join(column["name"] for column in columns)
    with duckdb.connect() as session:
        (row,) = session.execute(f"select {names} from '{batch}'").fetchall()
    lake.ledger.engine.dispose()
    return row


def test_a_latin_american_file_gets_its_dialect_and_keeps_its_codes(look):
    sample = look("ventas.csv", LATAM.encode("cp1252"))
    proposal = propose_types(sample.columns)
    assert sample.dialect == {"delimiter": ";", "encoding": "cp1252"}
    assert proposal.dialect == {"decimal": ",", "thousands": ".", "date_format": "%d/%m/%Y"}
    assert proposal.types == {
        "factura": "varchar",
        "código": "varchar",
        "fecha": "date",
        "cantidad": "integer",
        "precio": "decimal(18,2)",
        "cbu": "varchar",
    }
    assert any("not UTF-8" in doubt for doubt in sample.doubts)


@pytest.mark.parametrize(
    ("texts", "data_type"),
    [
        (["1", "-20", None, ""], "integer"),
        (["3000000000"], "bigint"),
        (["1", "x"], "varchar"),
        (["007", "8"], "varchar"),
        (["1234567890123456"], "varchar"),
        (["1.5", "2"], "decimal(18,2)"),
        (["0.1234"], "decimal(18,4)"),
        (["0.12345678"], "double"),
        (["true", "FALSE"], "boolean"),
        (["0", "1"], "integer"),
        (["2024-02-29"], "date"),
        (["2024-02-30"], "varchar"),
        (["2024-02-29 10:00:00"], "timestamp"),
        ([], "varchar"),
        ([None, ""], "varchar"),
    ],
)
def test_a_type_is_proposed_only_where_every_cell_has_it(texts, data_type):
    assert propose_types([SampledColumn("x", texts)]).types == {"x": data_type}


def test_an_order_of_day_and_month_that_cannot_be_told_is_a_doubt():
    proposal = propose_types([SampledColumn("fecha", ["01/02/2024", "03/04/2024"])])
    assert proposal.dialect == {"date_format": "%d/%m/%Y"}
    assert "fecha" in proposal.doubts[0]
    clear = propose_types([SampledColumn("fecha", ["01/31/2024", "03/04/2024"])])
    assert clear.dialect == {"date_format": "%m/%d/%Y"}
    assert clear.doubts == ()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_also_where_others_stand_in_quotes(look, delimiter):
    lines = [delimiter.join(["id", "text"])]
    lines += [delimiter.join([str(n), '"a,b;c|d\te"']) for n in range(5)]
    assert look("x.txt", "\n".join(lines)).dialect["delimiter"] == delimiter


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_names_the_encoding_and_is_no_part_of_a_name(look, encoding):
    sample = look("x.csv", "id,ciudad\n1,Córdoba\n".encode(encoding))
    assert [column.name for column in sample.columns] == ["id", "ciudad"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.csv", "", "is empty"),
        ("x.csv", "just a line of words\nand another\n", "format fixed_width"),
        ("x.csv", "id,id\n1,2\n", "no header"),
        ("x.json", "{broken", "neither a JSON document"),
        ("x.xml", "<a><b>", "not well-formed"),
        ("x.xml", "<a><b>1</b></a>", "no element repeats"),
        ("x.xlsx", "no zip", "cannot be read as .xlsx"),
        ("x.parquet", "no parquet", "cannot be read as Parquet"),
        ("x.csv.gz", "no gzip", "cannot be unpacked"),
    ],
)
def test_what_cannot_be_told_says_what_to_do(look, name, content, words):
    with pytest.raises(SourceNotRecognised, match=words):
        look(name, content)


def test_records_of_a_document_are_found_below_its_root(look):
    document = {"meta": {"n": 2}, "data": {"items": [{"id": 1, "tags": ["a"]}, {"id": 2}]}}
    sample = look("x.json", json.dumps(document))
    assert sample.meta == {"format": "json", "records": "$.data.items"}
    assert types_of(sample) == {"id": "integer", "tags": "json"}


def test_an_array_keeps_the_shape_of_what_is_nested(look):
    records = [{"id": "001", "history": [{"state": "ok", "n": 1}]}]
    sample = look("x.json", json.dumps(records))
    assert sample.meta == {"format": "json"}
    assert types_of(sample) == {"id": "varchar", "history": "struct(state varchar, n bigint)[]"}


def test_lines_of_json_are_told_from_a_document(look):
    assert look("x.ndjson", '{"id": 1}\n{"id": 2}\n').meta == {"format": "ndjson"}


def test_xml_records_are_the_elements_that_repeat(look):
    xml = "<c p='x'><producto id='1'><codigo>P1</codigo><precio>1.50</precio></producto>"
    xml += "<producto id='2'><codigo>P2</codigo></producto></c>"
    sample = look("x.xml", xml)
    assert sample.meta == {"format": "xml", "record_path": "/c/producto"}
    assert [(c.name, dict(c.meta)) for c in sample.columns] == [
        ("id", {"path": "@id"}),
        ("codigo", {}),
        ("precio", {}),
    ]


def test_a_workbook_of_several_sheets_asks_for_one(look, tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "Uno"
    book.active.append(["id", "monto"])
    book.active.append(["001", 2.5])
    book.create_sheet("Dos")
    book.save(tmp_path / "x.xlsx")
    with pytest.raises(SourceNotRecognised, match="Uno, Dos"):
        look_at_file(tmp_path / "x.xlsx")
    sample = look_at_file(tmp_path / "x.xlsx", sheet="Uno")
    assert types_of(sample) == {"id": "varchar", "monto": "decimal(18,2)"}


def test_a_parquet_file_says_its_types_itself(tmp_path):
    rows = pa.table({"n": pa.array([1], pa.uint16()), "total": pa.array([Decimal("1.50")])})
    pq.write_table(rows, tmp_path / "x.parquet")
    sample = look_at_file(tmp_path / "x.parquet")
    assert types_of(sample) == {"n": "usmallint", "total": "decimal(3,2)"}


@pytest.mark.parametrize(
    ("value", "data_type", "words"),
    [
        ("timestamp_ns '2024-01-01 10:00:00.5'", "timestamp", "nanoseconds"),
        ("timestamp_ms '2024-01-01 10:00:00'", "timestamp", None),
        ("time '10:00:00'", "time", None),
        ("uuid()", "varchar", None),
        ("'101'::bit", "varchar", None),
        ("interval 1 day", "varchar", None),
        ("'a'::enum('a', 'b')", "varchar", None),
        ("timetz '10:00:00+02'", "varchar", "which no contract declares"),
        ("{'precio-neto': 1}", "varchar", "which no contract declares"),
        ("map {'a': uuid()}", "varchar", "which no contract declares"),
        ("map {'A': {'Ok': 1.5}}", "map(varchar, struct(Ok decimal(2,1)))", None),
        (
            "{'Estado': 'OK', 'order': [1], 'a b': uuid()}",
            'struct(Estado varchar, "order" integer[], "a b" varchar)',
            None,
        ),
        ("[{'Ns': timestamp_ns '2024-01-01'}]", "struct(Ns timestamp_ns)[]", None),
    ],
)
def test_every_type_of_a_parquet_file_is_one_that_loads(tmp_path, value, data_type, words):
    file = tmp_path / "in/x.parquet"
    file.parent.mkdir()
    with duckdb.connect() as session:
        session.execute(f"copy (select {value} as x) to '{file}' (format parquet)")
    sample = look_at_file(file)
    assert types_of(sample) == {"x": data_type}
    assert [words in doubt for doubt in sample.doubts] == ([True] if words else [])
    assert None not in loaded(tmp_path, file, sample)


def test_values_below_names_with_capitals_arrive(tmp_path):
    row = {"id": 1, "c": {"Estado": "OK", "Monto": 5, "json_x": [{"Día": 1}]}}
    folder = tmp_path / "in"
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist([row]), folder / "x.parquet")
    (folder / "x.json").write_text(json.dumps([row]))
    for name in ("x.parquet", "x.json"):
        assert loaded(tmp_path, folder / name, look_at_file(folder / name)) == (1, row["c"])


def test_nested_values_of_json_that_no_contract_declares_are_json(look):
    records = [{"a": {"precio-neto": 1}, "b": {"X": 1}}, {"b": {"X": "dos"}}]
    assert types_of(look("x.json", json.dumps(records))) == {"a": "json", "b": "json"}


@pytest.mark.parametrize(
    ("seen", "data_type"), [("hugeint", "decimal(38,0)"), ("timestamp_s", "timestamp")]
)
def test_types_that_no_file_has_are_known_too(seen, data_type):
    assert declared_type(duckdb.type(seen)) == data_type


def test_packed_files_are_looked_into(tmp_path):
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(LATAM.encode()))
    assert look_at_file(tmp_path / "x.csv.gz").dialect["delimiter"] == ";"
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("in/one.csv", LATAM)
    sample = look_at_file(tmp_path / "x.zip")
    assert sample.meta["member"] == "*.csv"


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("ventas_2024-01.csv", "ventas_*.csv"),
        ("ventas_20240131_153000.csv.gz", "ventas_*.csv.gz"),
        ("productos.csv", "productos.csv"),
        ("a[1]_2024.csv", "a[[]1]_*.csv"),
        ("mp3.csv", "mp3.csv"),
    ],
)
def test_dates_in_a_name_become_a_pattern(name, pattern):
    assert name_pattern(name) == pattern
