"""Any values, written in any text format, packed or not, come back equal or are rejected."""

import csv
import gzip
import io
import math
import zipfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import simplejson
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lakehouse.connectors.folder import FoundFile
from lakehouse.lake.load_file import load_file
from lakehouse.source_catalog import Column, Table, TableMeta

HISTORY = "struct(estado varchar, fecha timestamp, monto decimal(12,2))[]"
SCALARS = {
    "id": "integer",
    "big": "bigint",
    "amount": "decimal(24,4)",
    "ratio": "double",
    "active": "boolean",
    "day": "date",
    "moment": "timestamp",
    "note": "varchar",
}
WIDTHS = {
    "id": 6,
    "big": 20,
    "amount": 26,
    "ratio": 26,
    "active": 5,
    "day": 10,
    "moment": 19,
    "note": 9,
}

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
SAFE_TEXT = st.text(st.sampled_from("\",;' \t|\\%{}[]ñ€😀\n\rabc019"), max_size=9)
MOMENTS = st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31)).map(
    lambda moment: moment.replace(microsecond=0)
)


def decimals(digits: int, places: int) -> st.SearchStrategy[Decimal]:
    """Decimals of any precision that the type holds."""
    whole = st.integers(-(10**digits) + 1, 10**digits - 1)
    return st.builds(lambda n, p: Decimal(n).scaleb(-p), whole, st.integers(0, places)).filter(
        lambda number: abs(number) < Decimal(10) ** (digits - places)
    )


def rows(text: st.SearchStrategy[str], *, nested: bool) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Rows numbered from 0."""
    fields: dict[str, st.SearchStrategy[Any]] = {
        "big": st.none() | st.integers(-(2**63), 2**63 - 1),
        "amount": st.none() | decimals(24, 4),
        "ratio": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "active": st.none() | st.booleans(),
        "day": st.none() | st.dates(date(1000, 1, 1)),
        "moment": st.none() | MOMENTS,
        "note": st.none() | text,
    }
    if nested:
        event = st.fixed_dictionaries(
            {
                "estado": st.none() | text,
                "fecha": st.none() | MOMENTS,
                "monto": st.none() | decimals(12, 2),
            }
        )
        fields["history"] = st.none() | st.lists(st.none() | event, max_size=2)
    record = st.fixed_dictionaries(fields)
    return st.lists(record, min_size=1, max_size=4).map(
        lambda found: [{"id": number, **row} for number, row in enumerate(found)]
    )


def as_json(value: Any) -> Any:
    """A value as JSON has it: dates and times as text."""
    if isinstance(value, dict):
        return {key: as_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_json(inner) for inner in value]
    return str(value) if isinstance(value, date) else value


def as_text(value: Any) -> str:
    """A value as a cell of text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def json_array(written: list[dict[str, Any]]) -> bytes:
    return simplejson.dumps(as_json(written), use_decimal=True, ensure_ascii=False).encode()


def ndjson(written: list[dict[str, Any]]) -> bytes:
    return b"".join(
        simplejson.dumps(as_json(row), use_decimal=True).encode() + b"\n" for row in written
    )


def delimited(written: list[dict[str, Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(SCALARS)
    writer.writerows([as_text(row[name]) for name in SCALARS] for row in written)
    return text.getvalue().encode()


def fixed_width(written: list[dict[str, Any]]) -> bytes:
    lines = (
        "".join(as_text(row[name]).ljust(width) for name, width in WIDTHS.items())
        for row in written
    )
    return "".join(f"{line}\n" for line in lines).encode()


def packed(content: bytes, packing: str) -> bytes:
    if packing == ".gz":
        return gzip.compress(content)
    if packing == ".zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("one", content)
        return buffer.getvalue()
    return content


def table_of(name: str, data_format: str, types: dict[str, str]) -> Table:
    start, columns = 1, []
    for column, kind in types.items():
        place = {}
        if data_format == "fixed_width":
            place = {"start": start, "length": WIDTHS[column]}
            start += WIDTHS[column]
        columns.append(Column(name=column, data_type=kind, **place))
    return Table(
        source="shop",
        name=name,
        connector="files",
        block="landing",
        schema_name="raw",
        meta=TableMeta.model_validate(
            {"load": "append", "pattern": "*", "format": data_format, "max_reject_share": 1}
        ),
        columns=tuple(columns),
        file=Path("_shop__sources.yml"),
    )


class Loading:
    """Loads content as a table of its own and reads it back."""

    def __init__(self, landing: Path, lake: Any, warehouse: Any) -> None:
        self._landing, self._lake, self._warehouse = landing, lake, warehouse

    def loaded(self, content: bytes, data_format: str, types: dict[str, str]) -> tuple[Any, Any]:
        number = len(list(self._landing.iterdir()))
        suffix = {b"\x1f\x8b": ".gz", b"PK": ".zip"}.get(content[:2], "")
        path = self._landing / f"{number}.txt{suffix}"
        path.write_bytes(content)
        status = path.stat()
        table = table_of(f"things_{number}", data_format, types)
        found = FoundFile(path.name, status.st_size, status.st_mtime_ns)
        delivery = load_file(self._landing, found, table, self._lake)
        if delivery.status != "loaded":
            return delivery, {}
        with self._warehouse(table) as connection:
            read = connection.execute(f"select {', '.join(types)} from raw.{table.name}").fetchall()
        return delivery, {row[0]: dict(zip(types, row, strict=True)) for row in read}


@pytest.fixture
def loading(landing: Path, lake: Any, warehouse: Any) -> Loading:
    return Loading(landing, lake, warehouse)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=0, abs_tol=0)
    return type(one) is type(other) and bool(one == other)


def any_example(count: int) -> Any:
    return hypothesis_settings(
        max_examples=count,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
    )


@given(
    written=rows(ANY_TEXT, nested=True),
    lines=st.booleans(),
    packing=st.sampled_from(["", ".gz", ".zip"]),
)
@any_example(15)
def test_json_gives_back_every_value(
    written: list[dict[str, Any]], lines: bool, packing: str, loading: Loading
):
    content = packed((ndjson if lines else json_array)(written), packing)
    types = {**SCALARS, "history": HISTORY}
    delivery, read = loading.loaded(content, "ndjson" if lines else "json", types)
    if "\ue000" in str(written):
        assert delivery.rows_loaded + delivery.rows_rejected == len(written)
        return
    assert (delivery.status, delivery.rows_loaded) == ("loaded", len(written)), delivery.reason
    for row in written:
        assert same(read[row["id"]], row), (read[row["id"]], row)


@given(written=rows(SAFE_TEXT, nested=False), packing=st.sampled_from(["", ".gz", ".zip"]))
@any_example(10)
def test_csv_gives_back_every_value(written: list[dict[str, Any]], packing: str, loading: Loading):
    delivery, read = loading.loaded(packed(delimited(written), packing), "csv", SCALARS)
    assert (delivery.status, delivery.rows_loaded) == ("loaded", len(written)), delivery.reason
    for row in written:
        assert same(read[row["id"]], {**row, "note": row["note"] or None})


@given(
    written=rows(ANY_TEXT.map(lambda text: text.rstrip(" ")), nested=False),
    packing=st.sampled_from(["", ".gz", ".zip"]),
)
@any_example(10)
def test_fixed_width_gives_back_every_value_or_rejects_its_line(
    written: list[dict[str, Any]], packing: str, loading: Loading
):
    delivery, read = loading.loaded(packed(fixed_width(written), packing), "fixed_width", SCALARS)
    broken = [row for row in written if set(row["note"] or "") & {"\n", "\r", "\x1a"}]
    for row in written:
        if row in broken or row["id"] not in read:
            continue
        assert same(read[row["id"]], {**row, "note": row["note"] or None})
    if not broken:
        assert delivery.rows_loaded == len(written), delivery.reason
    assert delivery.rows_delivered >= len(written)
