"""Plain DuckDB reads the generated files of wells into the tables that the models ask for."""

import duckdb

from benchmarks.wells_bare import build_models, read_files
from demo.wells.deliveries import write_wells


def model(name, sql, *depends_on):
    return {
        "resource_type": "model",
        "fqn": ["aljibe", "wells", "core", name],
        "schema": "core",
        "alias": name,
        "config": {"materialized": "table"},
        "compiled_code": sql,
        "depends_on": {"nodes": list(depends_on)},
    }


def test_every_line_is_read_into_the_table_of_its_file(tmp_path):
    told = write_wells(tmp_path / "files", wells=2, rows=400)
    with duckdb.connect() as connection:
        read_files(connection, tmp_path / "files")
        lines = connection.execute(
            "select count(*), count(distinct pozo), min(_source_line) from raw.sensor_data"
        ).fetchone()
        batches = connection.execute("select count(*) from etl.current_batches").fetchone()
        pumps = connection.execute("select count(*) from raw.equipos").fetchone()
    assert lines == (told.defects.lines, 2, 2)
    assert batches == (6,)
    assert pumps == (4,)


def test_models_are_made_after_those_that_they_read():
    nodes = {
        "b": model("b", "from core.a", "a", "source"),
        "a": model("a", "select 1 as x", "source"),
    }
    with duckdb.connect() as connection:
        build_models(connection, {"nodes": nodes})
        assert connection.execute("from core.b").fetchall() == [(1,)]
