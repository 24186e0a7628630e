"""Parquet files: columns keep their types, and damaged files are refused."""

import random
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lakehouse.connectors.folder import FoundFile
from lakehouse.errors import DeliveryRefused
from lakehouse.formats.parquet.reader import stage_parquet
from lakehouse.lake.ledger import Delivery
from lakehouse.lake.load_file import load_file
from lakehouse.lake.raw_lake import RawLake
from lakehouse.settings import Settings
from lakehouse.source_catalog import Table
from lakehouse.sql_quoting import sql_identifier, sql_path

Load = Callable[..., tuple[Delivery, list[tuple[Any, ...]]]]
MOMENT = datetime(2024, 2, 29, 10, 20, 30, 123456)


def parquet_table(columns: dict[str, str], name: str = "ventas") -> Table:
    return Table.model_validate(
        {
            "source": "tienda",
            "name": name,
            "connector": "files",
            "block": "landing",
            "schema_name": "raw",
            "meta": {"load": "append", "pattern": "*", "format": "parquet"},
            "columns": [{"name": n, "data_type": kind} for n, kind in columns.items()],
            "file": Path("_tienda__sources.yml"),
        }
    )


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory):
    """Write a table to a file, load it, and read the declared columns back from the lake."""
    landing = tmp_path_factory.mktemp("landing")
    lake = RawLake.of(Settings(home=tmp_path_factory.mktemp("home")))

    def run(delivered: pa.Table, columns: dict[str, str], **options: Any):
        number = len(list(landing.iterdir()))
        path = landing / f"{number}.parquet"
        pq.write_table(delivered, path, **options)
        table = parquet_table(columns, f"ventas_{number}")
        found = FoundFile(path.name, path.stat().st_size, path.stat().st_mtime_ns)
        delivery = load_file(landing, found, table, lake)
        batch = lake.ledger.batch(delivery.batch_id) if delivery.batch_id else None
        if batch is None:
            return delivery, []
        names = ", ".join(sql_identifier(name) for name in columns)
        with duckdb.connect() as session:
            session.execute("set timezone = 'UTC'")
            file = sql_path(lake.store.file_of(batch))
            return delivery, session.execute(f"select {names} from read_parquet({file})").fetchall()

    yield run
    lake.ledger.engine.dispose()


@pytest.mark.parametrize(
    ("delivered", "declared", "value"),
    [
        (pa.array([-(2**63)], pa.int64()), "bigint", -(2**63)),
        (pa.array([5], pa.int64()), "tinyint", 5),
        (pa.array([2**64 - 1], pa.uint64()), "ubigint", 2**64 - 1),
        (pa.array([250], pa.uint8()), "integer", 250),
        (pa.array([1.5], pa.float32()), "double", 1.5),
        (pa.array([np.float16(1.5)], pa.float16()), "double", 1.5),
        (pa.array([0.1], pa.float64()), "varchar", "0.1"),
        (pa.array([7.0], pa.float64()), "varchar", "7"),
        (pa.array([Decimal("1.10")], pa.decimal128(38, 2)), "decimal(12,2)", Decimal("1.10")),
        (pa.array([Decimal(10) ** 45], pa.decimal256(76, 0)), "varchar", "1" + "0" * 45),
        (pa.array([True]), "boolean", True),
        (pa.array([1], pa.int32()), "boolean", True),
        (pa.array(["001"]), "varchar", "001"),
        (pa.array(["001"], pa.large_string()), "varchar", "001"),
        (pa.array(["12,5"]), "varchar", "12,5"),
        (pa.array(["12"]), "integer", 12),
        (pa.array(["x", "x"]).dictionary_encode()[:1], "varchar", "x"),
        (pa.array([b"\x00\xff"]), "blob", b"\x00\xff"),
        (pa.array([b"\x00\xff"]), "varchar", "00ff"),
        (pa.array([b"ab"], pa.binary(2)), "blob", b"ab"),
        (pa.array([MOMENT], pa.timestamp("us")), "timestamp", MOMENT),
        (pa.array([MOMENT], pa.timestamp("ns")), "timestamp", MOMENT),
        (pa.array([MOMENT.replace(microsecond=0)], pa.timestamp("s")), "timestamp",
         MOMENT.replace(microsecond=0)),
        (pa.array([MOMENT.replace(microsecond=5000)], pa.timestamp("ms")), "timestamp",
         MOMENT.replace(microsecond=5000)),
        (pa.array([MOMENT], pa.timestamp("us", "America/Bogota")), "timestamptz",
         MOMENT.replace(tzinfo=UTC)),
        (pa.array([date(2024, 2, 29)]), "date", date(2024, 2, 29)),
        (pa.array([date(2024, 2, 29)], pa.date64()), "date", date(2024, 2, 29)),
        (pa.array([datetime(2024, 2, 29)], pa.timestamp("us")), "date", date(2024, 2, 29)),
        (pa.array([time(1, 2, 3, 4)], pa.time64("us")), "time", time(1, 2, 3, 4)),
        (pa.array([time(1, 2, 3)], pa.time32("s")), "time", time(1, 2, 3)),
        (pa.array([time(1, 2, 3, 4)], pa.time64("ns")), "time", time(1, 2, 3, 4)),
        (pa.array([UUID(int=7).bytes], pa.uuid()), "varchar", str(UUID(int=7))),
        (pa.array([None, "x"][:1], pa.string()), "integer", None),
        (pa.nulls(1), "date", None),
        (pa.array([[1, 2]], pa.list_(pa.int32())), "integer[]", [1, 2]),
        (pa.array([{"a": "x", "b": 1}], pa.struct([("a", pa.string()), ("b", pa.int64())])),
         "struct(a varchar, b bigint)", {"a": "x", "b": 1}),
        (pa.array([{"a": "ñ"}], pa.struct([("a", pa.string())])), "json", '{"a": "ñ"}'),
        (pa.array([[{"a": Decimal("1.5")}]], pa.list_(pa.struct([("a", pa.decimal128(4, 2))]))),
         "varchar", '[{"a": "1.50"}]'),
    ],
)  # fmt: skip
def test_values_arrive_as_declared(load: Load, delivered, declared, value):
    delivery, rows = load(pa.table({"x": delivered}), {"x": declared})
    assert delivery.status == "loaded", delivery.reason
    assert rows == [(value,)]


@pytest.mark.parametrize(
    ("delivered", "declared"),
    [
        (pa.array([2, 1], pa.int32()), "boolean"),
        (pa.array([2**40, 1], pa.int64()), "integer"),
        (pa.array([850.505, 1.0]), "decimal(18,2)"),
        (pa.array([Decimal("1.005"), Decimal(1)], pa.decimal128(10, 3)), "decimal(12,2)"),
        (pa.array([1, 10**9], pa.timestamp("ns")), "timestamp"),
        (pa.array([MOMENT, datetime(2024, 1, 1)], pa.timestamp("us")), "date"),
        (pa.array(["x", "1"]), "integer"),
        (pa.array([-1, 1], pa.int64()), "ubigint"),
        (pa.array([True, None]), "date"),
        (pa.array([7, None], pa.int32()), "date"),
        (pa.array([date(2024, 1, 1), None]), "integer"),
        (pa.array([b"x", None]), "integer"),
        (pa.array([[1], None], pa.list_(pa.int32())), "integer"),
        (pa.array([1, None], pa.int32()), "struct(a integer)"),
        (pa.array([time(1), None], pa.time64("us")), "timestamp"),
    ],
)
def test_a_value_that_is_none_of_the_declared_type_is_refused_with_its_row(
    load: Load, delivered, declared
):
    table = pa.table({"id": pa.array([1, 2]), "x": delivered})
    delivery, rows = load(table, {"id": "integer", "x": declared})
    assert (delivery.rows_loaded, delivery.rows_rejected) == (1, 1), delivery.reason
    assert len(rows) == 1


def test_int96_timestamps_keep_years_that_nanoseconds_cannot_count(load: Load):
    far = pa.table({"x": pa.array([datetime(9999, 12, 31), MOMENT], pa.timestamp("us"))})
    _, rows = load(far, {"x": "timestamp"}, use_deprecated_int96_timestamps=True)
    assert rows == [(datetime(9999, 12, 31),), (MOMENT,)]


def test_undeclared_columns_are_loaded_as_text_and_said(load: Load):
    table = pa.table({"id": [1], "nuevo": [1.5], "lista": pa.array([[1, 2]])})
    delivery, _ = load(table, {"id": "integer"})
    assert delivery.reason == "new columns, loaded as text: nuevo, lista; declare them"


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"id": [1]}, "missing columns: monto"),
        ({"id": [1], "Monto": [1]}, "delivered in other letters: Monto"),
        ({"id": [1], "monto": [1], "ID": [1]}, "come twice: id"),
        ({"id": [1], "monto": [1], " ": [1]}, "without a name at place 3"),
        ({"id": [1], "monto": [1], "_batch_id": [1]}, "lake adds itself"),
    ],
)
def test_names_that_break_the_contract_are_refused(load: Load, columns, reason):
    delivery, _ = load(pa.table(columns), {"id": "integer", "monto": "integer"})
    assert delivery.status == "quarantined"
    assert reason in delivery.reason


def test_a_file_without_rows_is_an_empty_delivery(load: Load):
    empty = pa.table({"id": pa.array([], pa.int64())})
    delivery, rows = load(empty, {"id": "integer"})
    assert (delivery.status, rows) == ("loaded", [])


def refused(content: bytes, tmp_path: Path) -> str:
    file = tmp_path / "ventas.parquet"
    file.write_bytes(content)
    with pytest.raises(DeliveryRefused) as refusal:
        stage_parquet(file, parquet_table({"id": "integer"}), tmp_path / "scratch")
    assert not [*(tmp_path / "scratch").glob("*")]
    return str(refusal.value)


def a_file(tmp_path: Path) -> bytes:
    path = tmp_path / "good.parquet"
    table = pa.table({"id": range(2_000), "s": [f"text {n % 7}" for n in range(2_000)]})
    pq.write_table(table, path, row_group_size=500, compression="snappy")
    return path.read_bytes()


def test_what_is_no_whole_parquet_file_is_refused(tmp_path):
    good = a_file(tmp_path)
    assert "is empty" in refused(b"", tmp_path)
    assert "no Parquet file" in refused(b"id,s\n1,2\n", tmp_path)
    assert "cut off" in refused(good[:-1_000], tmp_path)
    assert "cut off" in refused(b"PAR1", tmp_path) or "cannot be read" in refused(b"PAR1", tmp_path)
    assert "cannot be read" in refused(good[:100] + good[900:], tmp_path)
    assert "cannot be read" in refused(b"PAR1" + b"\xff" * 200 + b"PAR1", tmp_path)
    assert "encrypted" in refused(b"PARE" + good[4:-4] + b"PARE", tmp_path)


CHILD = """
import random, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from lakehouse.errors import DeliveryRefused
from lakehouse.formats.parquet.reader import stage_parquet
from lakehouse.source_catalog import Table

table = Table.model_validate_json(Path(sys.argv[2]).read_text())
good, folder = Path(sys.argv[1]).read_bytes(), Path(sys.argv[1]).parent
numbers = random.Random(int(sys.argv[4]))
for _ in range(int(sys.argv[5])):
    content = bytearray(good)
    for _ in range(numbers.randint(1, 6)):
        place = numbers.choice([numbers.randrange(len(good)), numbers.randrange(len(good) - 600, len(good) - 4)])
        content[place] = numbers.randrange(256)
    file = folder / "hurt.parquet"
    file.write_bytes(content)
    try:
        stage_parquet(file, table, folder / "scratch").path.unlink()
    except DeliveryRefused:
        pass
print("alive")
"""  # noqa: E501


@pytest.mark.parametrize("seed", range(3))
def test_damaged_bytes_never_end_the_process(tmp_path, seed):
    a_file(tmp_path)
    declared = tmp_path / "table.json"
    declared.write_text(parquet_table({"id": "integer"}).model_dump_json())
    what = [tmp_path / "good.parquet", declared, Path.cwd(), seed, 150]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *map(str, what)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "alive"), done.stderr[-2_000:]


TYPES: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "varchar": (pa.string(), st.text(max_size=12).filter(lambda text: text.isprintable())),
    "integer": (pa.int64(), st.integers(-(2**31), 2**31 - 1)),
    "utinyint": (pa.int16(), st.integers(0, 255)),
    "decimal(20,4)": (pa.decimal128(20, 4), st.decimals(-(10**15), 10**15, places=4)),
    "double": (pa.float64(), st.floats(allow_nan=False)),
    "boolean": (pa.bool_(), st.booleans()),
    "date": (pa.date32(), st.dates()),
    "timestamp": (pa.timestamp("us"), st.datetimes().map(lambda value: value.replace(fold=0))),
    "time": (pa.time64("us"), st.times().map(lambda value: value.replace(fold=0))),
    "blob": (pa.binary(), st.binary(max_size=8)),
    "varchar[]": (pa.list_(pa.string()), st.lists(st.sampled_from("añ"), max_size=3)),
}


@given(
    names=st.lists(
        st.text(st.characters(categories=("L", "N", "P", "S"), exclude_characters="\0"),
                min_size=1, max_size=6),
        min_size=1,
        max_size=5,
        unique_by=str.casefold,
    ),
    data=st.data(),
)  # fmt: skip
@hypothesis_settings(max_examples=25, deadline=None)
def test_any_table_is_read_back_as_it_was_written(load: Load, names, data):
    kinds = {name: data.draw(st.sampled_from(sorted(TYPES))) for name in names}
    rows = data.draw(
        st.lists(
            st.tuples(*(st.one_of(st.none(), TYPES[kind][1]) for kind in kinds.values())),
            max_size=6,
        )
    )
    arrays = [
        pa.array([row[place] for row in rows], TYPES[kind][0])
        for place, kind in enumerate(kinds.values())
    ]
    numbers = random.Random(len(rows))
    options = {"compression": numbers.choice(["snappy", "zstd", "none"]), "row_group_size": 2}
    delivery, read = load(pa.table(arrays, names=names), kinds, **options)
    assert delivery.status == "loaded", delivery.reason
    assert sorted(map(repr, read)) == sorted(map(repr, rows))
