"""A source that cannot be read fails the run, and keeps no other source from being loaded."""

import os
import shutil
from pathlib import Path

import pytest

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


@pytest.fixture
def project(settings, tmp_path, monkeypatch):
    project = tmp_path / "dbt"
    shutil.copytree(settings.project_dir, project, ignore=shutil.ignore_patterns("target", "logs"))
    (project / "models/tiny/staging").mkdir(parents=True)
    (project / "models/tiny/staging/_tiny__sources.yml").write_text(SOURCES)
    monkeypatch.setenv("ALJIBE_PROJECT_DIR", str(project))
    return project


def test_files_are_loaded_also_when_a_database_cannot_be_read(
    project, settings, landing, tmp_path, monkeypatch
):
    monkeypatch.setenv("TECHSTORE_DATABASE_URL", f"sqlite:///{tmp_path}/no-such.db")
    (landing / "things.csv").write_text("thing\nbucket\n")
    state = ingest("tiny", return_state=True)
    assert state.name == "Failed"
    assert "no-such.db" in state.message
    things = load_catalog(project, "tiny").table("tiny_files", "things")
    assert RawLake.of(settings).ledger.newest_load(things).rows_loaded == 1


def test_a_file_that_may_not_be_read_is_a_finding_and_the_others_are_loaded(
    project, settings, landing, monkeypatch
):
    sources = project / "models/tiny/staging/_tiny__sources.yml"
    sources.write_text(SOURCES[: SOURCES.index("  - name: tiny_database")])
    for name in ("things_1.csv", "things_2.csv", "things_3.csv"):
        (landing / name).write_text(f"thing\n{name}\n")
    forbidden = landing / "things_2.csv"
    access, opened = os.access, Path.open

    # Who runs the tests may be root, who may read everything.
    def opens(path: Path, *arguments, **options):
        if path == forbidden:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", opens)
    monkeypatch.setattr(os, "access", lambda path, mode: path != forbidden and access(path, mode))
    state = ingest("tiny", return_state=True)
    assert state.name == "CompletedWithWarnings"
    assert "things_2.csv cannot be read: this user may not read it" in state.message
    things = load_catalog(project, "tiny").table("tiny_files", "things")
    loads = RawLake.of(settings).ledger.newest_deliveries(things)
    assert sorted(loads) == ["things_1.csv", "things_3.csv"]
