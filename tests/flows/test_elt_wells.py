"""wells through the real flows: known defects are counted, corrections win, tables come at once."""

import threading
from pathlib import Path

import duckdb
import pytest

from demo.wells.deliveries import write_wells
from flows.dbt_build import dbt_build
from flows.elt import elt
from flows.ingest import ingest
from lakehouse.lake import raw_views
from lakehouse.settings import load_settings
from tasks import extract_files

DOMAIN = "wells"
ROWS = 1600


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("ALJIBE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("WELLS_LANDING", raising=False)


@pytest.fixture
def wells_landing():
    return load_settings().landing(DOMAIN)


def ask(sql):
    """Rows of the warehouse."""
    with duckdb.connect(str(load_settings().warehouse(DOMAIN)), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def ask_one(sql):
    """The one value of a query."""
    ((value,),) = ask(sql)
    return value


def test_every_defect_that_was_made_is_found_and_the_rest_is_published(wells_landing):
    told = write_wells(wells_landing, rows=ROWS)
    state = elt(DOMAIN, exclude="resource_type:unit_test", return_state=True)
    assert state.name == "CompletedWithWarnings", state.message
    assert "new columns" not in state.message
    defects = told.defects
    found = ask("select columna, motivo, count(*) from core.registros_rechazados group by all")
    counts = {}
    for column, reason, count in found:
        kind = (column if column in ("timestamp", "fecha_paro") else "sensor", reason)
        counts[kind] = counts.get(kind, 0) + count
    assert counts == {
        ("sensor", "no es un número"): defects.texts,
        ("timestamp", "momento repetido en el pozo"): defects.repeated,
        ("timestamp", "no es una fecha"): defects.bad_moments // 2,
        ("timestamp", "fecha sin desfase horario"): defects.bad_moments // 2,
        ("fecha_paro", "no es una fecha"): defects.bad_stops,
    }
    assert _named_lines(wells_landing) == ask(
        "select _source_file, _source_line, texto from core.registros_rechazados "
        "where motivo = 'no es un número' order by all"
    )
    counted = ask_one(
        "select count(*) from intermediate.int_registros_evaluados "
        "where motivo is null and numero_equipo is null"
    )
    assert counted == defects.without_pump
    assert ask_one("select count(*) from staging.stg_registros") == defects.lines
    assert ask_one("select count(*) from core.eventos where fecha_fin is null") == (
        defects.open_stops
    )
    sensors = {sensor.name for well in told.wells for sensor in well.sensors}
    assert ask_one("select count(distinct sensor) from core.lecturas") == len(sensors)
    serving = load_settings().serving(DOMAIN)
    with duckdb.connect(str(serving), read_only=True) as connection:
        months = connection.execute("select min(disponibilidad) from marts.paros_por_pozo")
        assert 0 < months.fetchone()[0] < 1


def _named_lines(landing):
    """File, line and text of every cell that is no number, read from the files."""
    texts = ("N/A", "1,234.5", "Sin señal", "---")
    named = []
    for path in landing.glob("AYATSIL-*.csv"):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            named += [(path.name, number, text) for text in texts if text in line]
    return sorted(named)


@pytest.mark.long
def test_a_corrected_file_under_its_old_name_wins_and_may_bring_another_sensor(wells_landing):
    name = "AYATSIL-139_all.csv"
    _write(wells_landing / name, "timestamp,Corriente\n2024-03-01 00:00:00-0600,N/A\n")
    _write(
        wells_landing / "BEC_AYATSIL-139_all.csv",
        "modelo_bomba,marca_bomba,modelo_motor,numero_equipo,fecha_entrada_operacion,"
        "fecha_salida_operacion\nM,B,T,BEC-1,2024-01-01T00:00:00-06:00,\n",
    )
    _write(
        wells_landing / "Eventos_AYATSIL-139_all.csv",
        "categoria_principal,categoria_secundaria,fecha_paro,fecha_reinicio,comentario\n",
    )
    models = f"path:models/{DOMAIN}"
    ingest(DOMAIN, return_state=True)
    assert dbt_build(DOMAIN, select=models, return_state=True).is_completed()
    assert ask("select columna, texto, _source_line from core.registros_rechazados") == [
        ("Corriente", "N/A", 2)
    ]
    _write(
        wells_landing / name,
        "timestamp,Corriente,Presión\n2024-03-01T00:00:00-06:00,45.5,\n"
        "2024-03-01 00:20:00-0600,47.5,900\n",
    )
    ingest(DOMAIN, return_state=True)
    assert dbt_build(DOMAIN, select=models, return_state=True).is_completed()
    assert ask("from core.registros_rechazados") == []
    assert ask(
        "select numero_equipo, sensor, ts::varchar, valor from core.lecturas order by all"
    ) == [
        ("BEC-1", "Corriente", "2024-03-01 06:00:00", 45.5),
        ("BEC-1", "Corriente", "2024-03-01 06:10:00", 46.5),
        ("BEC-1", "Corriente", "2024-03-01 06:20:00", 47.5),
        ("BEC-1", "Presión", "2024-03-01 06:20:00", 900.0),
    ]


def test_the_three_tables_are_extracted_at_the_same_time_and_one_writer_writes(
    wells_landing, monkeypatch
):
    monkeypatch.setenv("ALJIBE_EXTRACT_WORKERS", "3")
    write_wells(wells_landing, wells=1, rows=300)
    all_three = threading.Barrier(3, timeout=60)
    load, opened = extract_files.load_file, raw_views.open_warehouse
    loading, writing = set(), []

    def load_together(folder, found, table, *arguments, **options):
        # It breaks, and fails the run, unless three loads wait here at once.
        all_three.wait()
        loading.add(table.name)
        assert not load_settings().warehouse(DOMAIN).exists()
        return load(folder, found, table, *arguments, **options)

    def open_and_tell(warehouse: Path, **options):
        writing.append(threading.current_thread().name)
        return opened(warehouse, **options)

    monkeypatch.setattr(extract_files, "load_file", load_together)
    monkeypatch.setattr(raw_views, "open_warehouse", open_and_tell)
    state = ingest(DOMAIN, return_state=True)
    assert state.is_completed(), state.message
    assert loading == {"sensor_data", "equipos", "eventos"}
    assert len(writing) == 1
    assert ask_one("select count(*) > 0 from raw.sensor_data")


def _write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.rename(path)
