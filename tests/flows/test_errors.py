"""What a run leaves in `etl.error_log`, and what the next one settles."""

import json
import shutil
import sqlite3

import duckdb
import pytest

from flows.elt import elt
from flows.ingest import ingest

FILES = """
sources:
  - name: tiny_files
    schema: raw
    config: {meta: {connector: files, block: landing-pharma-latam, load: append, settle_seconds: 0}}
    tables:
      - name: things
        config: {meta: {pattern: "things*.csv", required: true}}
        columns: [{name: thing, data_type: varchar}]
"""
OWNED = """
groups:
  - {name: stores, owner: {name: Stores, email: stores@example.com}, config: {meta: {language: es}}}
models:
  - {name: stg_things, config: {group: stores}, columns: [{name: thing, data_tests: [not_null]}]}
"""
DATABASE = """
  - name: tiny_database
    schema: raw
    config: {meta: {connector: database, block: techstore-database, load: snapshot}}
    tables:
      - {name: clients, columns: [{name: id, data_type: integer}]}
"""


@pytest.fixture
def declare(settings, tmp_path, monkeypatch):
    """Declare the sources of the domain `tiny`."""
    project = tmp_path / "dbt"
    ignored = shutil.ignore_patterns("target", "logs", "models", "seeds", "snapshots", "singular")
    shutil.copytree(settings.project_dir, project, ignore=ignored)
    (project / "models/tiny/staging").mkdir(parents=True)
    monkeypatch.setenv("ALJIBE_PROJECT_DIR", str(project))
    return (project / "models/tiny/staging/_tiny__sources.yml").write_text


@pytest.fixture
def owned(declare, tmp_path):
    """A model over the files, whose owner owns them too."""
    declare(FILES.replace("settle_seconds: 0", "settle_seconds: 0, owner: stores"))
    staging = tmp_path / "dbt/models/tiny/staging"
    (staging / "_tiny__models.yml").write_text(OWNED)
    rows = "select thing from {{ current_rows('tiny_files', 'things') }}\n"
    (staging / "stg_things.sql").write_text(rows)


@pytest.fixture
def errors(settings):
    """Stage, table, type and status of each row in the warehouse, and its details."""

    def read():
        with duckdb.connect(str(settings.warehouse("tiny")), read_only=True) as connection:
            found = connection.execute(
                "select pipeline_stage, table_name, error_type, resolution_status, error_details "
                "from etl.error_log order by error_id"
            ).fetchall()
        return [row[:4] for row in found], [json.loads(row[4]) for row in found]

    return read


def test_a_file_that_does_not_come_is_a_finding_and_an_error_until_it_does(
    declare, landing, errors
):
    declare(FILES)
    missing = ("extract", "tiny_files.things", "file_missing")
    for _ in range(2):
        state = ingest("tiny", return_state=True)
        assert state.name == "CompletedWithWarnings"
        assert state.message.count("no file named like things*.csv") == 1
        assert errors()[0] == [(*missing, "OPEN")]
    (landing / "things.csv").write_text("thing\nbucket\n")
    assert ingest("tiny", return_state=True).name == "Completed"
    assert errors()[0] == [(*missing, "RESOLVED")]


def test_a_missing_file_keeps_the_last_load_and_holds_nobody_up(declare, landing, errors, settings):
    stock = '      - {name: stock, config: {meta: {pattern: "stock*.csv"}}, columns: [{name: n}]}\n'
    declare(FILES + stock)
    (landing / "things.csv").write_text("thing\nbucket\n")
    ingest("tiny", return_state=True)
    (landing / "things.csv").unlink()
    (landing / "stock.csv").write_text("n\n1\n")
    state = ingest("tiny", return_state=True)
    assert state.name == "CompletedWithWarnings"
    assert errors()[0] == [("extract", "tiny_files.things", "file_missing", "OPEN")]
    with duckdb.connect(str(settings.warehouse("tiny")), read_only=True) as connection:
        assert connection.execute("select thing from raw.things").fetchall() == [("bucket",)]
        assert connection.execute("select n from raw.stock").fetchall() == [("1",)]


def test_a_database_that_cannot_be_read_is_an_error_of_its_source_until_it_can(
    declare, landing, tmp_path, monkeypatch, errors
):
    declare(FILES + DATABASE)
    monkeypatch.setenv("TECHSTORE_DATABASE_URL", f"sqlite:///{tmp_path}/shop.db")
    (landing / "things.csv").write_text("thing;else\nbucket\n")
    assert ingest("tiny", return_state=True).name == "Failed"
    found, details = errors()
    assert found == [
        ("extract", "tiny_database", "source_unreachable", "OPEN"),
        ("load", "tiny_files.things", "file_unreadable", "OPEN"),
    ]
    assert details[0]["run"]
    assert details[1]["file"] == "things.csv"
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("create table clients (id integer)")
    (landing / "things.csv").write_text("thing\nbucket\n")
    ingest("tiny", return_state=True)
    assert [row[3] for row in errors()[0]] == ["RESOLVED", "RESOLVED"]


def test_a_lake_that_lost_a_file_is_an_error_of_the_step_until_it_is_whole(
    declare, landing, settings, errors
):
    declare(FILES)
    (landing / "things.csv").write_text("thing\nbucket\n")
    ingest("tiny", return_state=True)
    (landing / "things.csv").rename(landing / "away")
    (file,) = settings.raw.rglob("*.parquet")
    file.rename(file.with_suffix(".gone"))
    assert ingest("tiny", return_state=True).name == "Failed"
    assert ("load", None, "step_failed", "OPEN") in errors()[0]
    file.with_suffix(".gone").rename(file)
    assert ingest("tiny", return_state=True).name == "CompletedWithWarnings"
    assert ("load", None, "step_failed", "RESOLVED") in errors()[0]


def test_an_owner_is_told_once_that_a_file_did_not_come_also_by_a_run_that_built_nothing(
    owned, landing, settings, posted
):
    sheet = settings.reports / "tiny/owners/stores.html"
    for _ in range(2):
        assert elt("tiny", return_state=True).name == "CompletedWithWarnings"
        assert "se espera things*.csv" in "".join(posted)
        assert len(posted) == 1
        assert "no llegó" in sheet.read_text("utf-8")
    landing.rename(landing.with_name("away"))
    for _ in range(2):
        assert elt("tiny", return_state=True).is_failed()
        assert "No se pudo leer: tiny_files.things" in posted[-1]
        assert "Hoy no hay datos nuevos" in posted[-1]
        assert len(posted) == 2
        assert "no se pudo leer" in sheet.read_text("utf-8")
