"""Any table of values, written as XML and loaded into a lake, reads back equal."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from lxml import etree

from lakehouse.connectors.folder import FoundFile
from lakehouse.lake.load_file import load_file
from lakehouse.lake.raw_lake import RawLake
from lakehouse.settings import Settings
from lakehouse.source_catalog import Table
from lakehouse.sql_quoting import sql_identifier, sql_path

TEXT = st.text(
    st.characters(
        min_codepoint=0x20,
        exclude_categories=("Cs", "Cn"),
        exclude_characters="\ufffe\uffff",
        include_characters="\t\n\r",
    ),
    max_size=15,
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "varchar": TEXT,
    "integer": st.integers(-(2**31), 2**31 - 1),
    "ubigint": st.integers(0, 2**64 - 1),
    "decimal(14,2)": st.decimals(-(10**11), 10**11, places=2),
    "decimal(38,10)": st.decimals(-(10**27), 10**27, places=10),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "date": st.dates(date(1000, 1, 1), date(9999, 12, 31)),
    "timestamp": st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31)).map(
        lambda moment: moment.replace(microsecond=0)
    ),
    "blob": st.binary(min_size=1, max_size=8),
}
# In XML, `-`, `.` and letters of any script may follow the first letter of a name.
NAME = st.from_regex(r"[a-zñÁ][a-z0-9_.\-ñ]{0,6}", fullmatch=True)


def written(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, bool):
        return str(value).lower()
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def document(names: list[str], rows: list[tuple[Any, ...]]) -> bytes:
    root = etree.Element("datos")
    for row in rows:
        record = etree.SubElement(root, "fila")
        for name, value in zip(names, row, strict=True):
            if value is not None:
                etree.SubElement(record, name).text = written(value)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory):
    opened = RawLake.of(Settings(home=tmp_path_factory.mktemp("home")))
    yield opened
    opened.ledger.engine.dispose()


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("landing")


def declared(number: int, names: list[str], kinds: list[str]) -> Table:
    return Table.model_validate(
        {
            "source": "any",
            "name": f"table_{number}",
            "connector": "files",
            "block": "landing",
            "schema_name": "raw",
            "meta": {
                "load": "append",
                "pattern": "*",
                "format": "xml",
                "file": {"record_path": "/datos/fila"},
            },
            "columns": [
                {"name": name, "data_type": kind} for name, kind in zip(names, kinds, strict=True)
            ],
            "file": Path("sources.yml"),
        }
    )


@given(
    names=st.lists(NAME, min_size=1, max_size=5, unique_by=str.casefold),
    data=st.data(),
)
@hypothesis_settings(max_examples=25, deadline=None)
def test_any_table_is_read_back_as_it_was_written(names, data, lake, landing):
    kinds = [data.draw(st.sampled_from(sorted(VALUES))) for _ in names]
    full = data.draw(st.tuples(*(VALUES[kind] for kind in kinds)))
    sparse = st.tuples(*(st.one_of(st.none(), VALUES[kind]) for kind in kinds))
    rows = [full, *data.draw(st.lists(sparse, max_size=6))]
    number = len(list(landing.iterdir()))
    path = landing / f"{number}.xml"
    path.write_bytes(document(names, rows))
    table = declared(number, names, kinds)
    found = FoundFile(path.name, path.stat().st_size, path.stat().st_mtime_ns)
    delivery = load_file(landing, found, table, lake)
    assert delivery.status == "loaded", delivery.reason
    assert (delivery.rows_loaded, delivery.rows_rejected) == (len(rows), 0)
    columns = ", ".join(sql_identifier(name) for name in names)
    batch = lake.store.file_of(lake.ledger.batch(delivery.batch_id))
    with duckdb.connect() as session:
        read = session.execute(
            f"select {columns} from read_parquet({sql_path(batch)}) order by _source_line"
        ).fetchall()
    assert read == rows
