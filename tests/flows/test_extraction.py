"""A source that cannot be read fails the run, and keeps no other source from being loaded."""

import shutil

from flows.ingest import ingest
from lakehouse.lake.raw_lake import RawLake
from lakehouse.source_catalog import load_catalog

SOURCES = """
sources:
  - name: tiny_files
    schema: raw
    config: {meta: {connector: files, block: landing-pharma-latam, load: append}}
    tables:
      - name: things
        config: {meta: {pattern: "things*.csv"}}
        columns: [{name: thing, data_type: varchar}]
  - name: tiny_database
    schema: raw
    config: {meta: {connector: database, block: techstore-database, load: snapshot}}
    tables:
      - {name: clients, columns: [{name: id, data_type: integer}]}
"""


def test_files_are_loaded_also_when_a_database_cannot_be_read(
    settings, landing, tmp_path, monkeypatch
):
    project = tmp_path / "dbt"
    shutil.copytree(settings.project_dir, project, ignore=shutil.ignore_patterns("target", "logs"))
    (project / "models/tiny/staging").mkdir(parents=True)
    (project / "models/tiny/staging/_tiny__sources.yml").write_text(SOURCES)
    monkeypatch.setenv("ALJIBE_PROJECT_DIR", str(project))
    monkeypatch.setenv("TECHSTORE_DATABASE_URL", f"sqlite:///{tmp_path}/no-such.db")
    (landing / "things.csv").write_text("thing\nbucket\n")
    state = ingest("tiny", return_state=True)
    assert state.name == "Failed"
    assert "no-such.db" in state.message
    things = load_catalog(project, "tiny").table("tiny_files", "things")
    assert RawLake.of(settings).ledger.newest_load(things).rows_loaded == 1
