"""Two DuckDB files are the same only if every row is, as often, to the last bit."""

import duckdb
import pytest

from benchmarks.equal_tables import assert_equal_rows
from benchmarks.measurements import MeasurementError

ROWS = "(values (1, 0.1::double, null), (1, 0.1, null), (2, 0.3, 'x')) as v(id, valor, texto)"


@pytest.fixture
def files(tmp_path):
    """Two files of which each holds `t` as its SQL says."""

    def make(one: str, other: str):
        for name, sql in (("one", one), ("other", other)):
            with duckdb.connect(str(tmp_path / name)) as connection:
                connection.execute(f"create or replace table t as from {sql}")
        return tmp_path / "one", tmp_path / "other", {"t": ("from t", "from t")}

    return make


def test_the_same_rows_in_another_order_are_equal(files):
    assert_equal_rows(*files(ROWS, f"(select * from {ROWS} order by id desc)"))


@pytest.mark.parametrize(
    ("other", "found"),
    [
        (f"(select * replace (valor + 1e-16 as valor) from {ROWS})", "0.1000000000000001"),
        (f"(select distinct * from {ROWS})", "3 rows of"),
        (f"(select * replace (coalesce(texto, '') as texto) from {ROWS})", "None"),
        (f"(select * replace (3 - id as id) from {ROWS})", "Only in other"),
    ],
)
def test_rows_that_differ_are_shown(files, other, found):
    with pytest.raises(MeasurementError, match="t: ") as raised:
        assert_equal_rows(*files(ROWS, other))
    assert found in str(raised.value)


def test_each_side_is_read_by_its_own_sql(files):
    one, other, _ = files(ROWS, f"(select id + 7 as id from {ROWS})")
    assert_equal_rows(one, other, {"t": ("select id from t", "select id - 7 from t")})
