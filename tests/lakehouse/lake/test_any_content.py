import csv
import io
import string

import duckdb
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lakehouse.connectors.folder import FoundFile
from lakehouse.lake.load_file import load_file


def rows_of(connection: duckdb.DuckDBPyConnection, columns: str = "*") -> list[tuple]:
    return connection.execute(f"select {columns} from raw.sales order by all").fetchall()


def test_groups_of_the_name_become_columns_of_their_declared_type(make_table, deliver, warehouse):
    table = make_table(
        regex=r"(?P<day>.+)_(?P<store>\w+)\.csv",
        columns={"id": "integer", "city": "varchar", "day": "date"},
    )
    deliver("2026-02-01_north.csv", "id,city\n1,Salta\n", table)
    with warehouse(table) as connection:
        assert rows_of(connection, "id, city, day::varchar, store") == [
            (1, "Salta", "2026-02-01", "north")
        ]
        assert connection.execute("select typeof(day) from raw.sales").fetchone() == ("DATE",)


@pytest.mark.parametrize(
    "name",
    ["it's.csv", 'dou"ble.csv', "100%.csv", "{x}.csv", "[a].csv", "*.csv", "añ o.csv", ";--.csv"],
)
def test_a_file_of_any_name_is_loaded_under_it(make_table, deliver, warehouse, name):
    table = make_table(regex=r"(?P<shop>.*)\.csv")
    assert deliver(name, "id,city\n1,Salta\n", table).status == "loaded"
    with warehouse(table) as connection:
        found = rows_of(connection, "_source_file, shop")
    assert found == [(name, name.removesuffix(".csv"))]


CELL = st.text(
    st.one_of(st.sampled_from("\",;' \t|\\%{}[]ñ€😀\n\r"), st.sampled_from(string.printable[:62])),
    max_size=12,
)


@given(
    header=st.lists(
        st.text(st.sampled_from("abcñ ,;\"'%[]"), min_size=1, max_size=8).map(str.strip),
        min_size=1,
        max_size=4,
        unique_by=str.casefold,
    ).filter(all),
    data=st.data(),
)
@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_table_of_text_is_read_back_as_it_was_written(
    header, data, make_table, landing, lake, warehouse
):
    row = st.lists(CELL, min_size=len(header), max_size=len(header)).filter(any)
    written = data.draw(st.lists(row, max_size=5))
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *written])
    number = len(list(landing.iterdir()))
    path = landing / f"{number}.csv"
    path.write_bytes(text.getvalue().encode())
    status = path.stat()
    table = make_table(f"sales_{number}", columns=dict.fromkeys(header, "varchar"))
    found = FoundFile(path.name, status.st_size, status.st_mtime_ns)
    delivery = load_file(landing, found, table, lake)
    assert delivery.status == "loaded", delivery.reason
    with warehouse(table) as connection:
        names = ", ".join('"' + name.replace('"', '""') + '"' for name in header)
        read = connection.execute(f"select {names} from raw.{table.name} order by _source_line")
        assert read.fetchall() == [tuple(cell or None for cell in row) for row in written]


@pytest.mark.parametrize("bad", ["", "x\n"])
@pytest.mark.parametrize(
    "names",
    [["file_row_number"], ["_line"], ["raw", "fault", "name"], ["cell_1", "cell_0", "staged"]],
)
def test_columns_of_any_name_keep_what_was_delivered(make_table, deliver, warehouse, names, bad):
    table = make_table(columns={"id": "integer", **dict.fromkeys(names, "varchar")})
    header = ",".join(["id", *names])
    value = ",".join(f"{name} value" for name in names)
    rest = bad and "x" + ",y" * len(names) + "\n"
    delivery = deliver("a.csv", f"{header}\n7,{value}\n{rest}", table)
    assert (delivery.status, delivery.rows_loaded, delivery.rows_rejected) == (
        "loaded",
        1,
        int(bool(bad)),
    )
    with warehouse(table) as connection:
        found = rows_of(connection, ", ".join(f'"{name}"' for name in [*names, "_source_line"]))
    assert found == [(*(f"{name} value" for name in names), 2)]
