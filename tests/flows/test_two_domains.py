"""Domains do not wait for one another; runs of one domain do."""

import shutil
import threading

import pytest

from demo.pharma_deliveries import seed_deliveries
from flows.elt import elt
from lakehouse.lake.file_lock import FileLock, Holder

SOURCES = """
sources:
  - name: tiny_files
    schema: raw
    config: {meta: {connector: files, block: landing-pharma-latam, load: append}}
    tables:
      - name: things
        config: {meta: {pattern: "things*.csv"}}
        columns: [{name: thing, data_type: varchar}, {name: pieces, data_type: integer}]
"""


def held(settings, domain: str) -> FileLock:
    return FileLock(settings.lock_file(domain), Holder.of_this_process("a test"), timeout=5)


@pytest.mark.long
def test_a_domain_runs_while_another_is_being_written(
    settings, landing, tmp_path, monkeypatch, caplog
):
    project = tmp_path / "dbt"
    shutil.copytree(settings.project_dir, project, ignore=shutil.ignore_patterns("target", "logs"))
    staging = project / "models" / "tiny" / "staging"
    staging.mkdir(parents=True)
    (staging / "_tiny_files__sources.yml").write_text(SOURCES)
    (staging / "stg_things.sql").write_text(
        "select thing, pieces from {{ current_rows('tiny_files', 'things') }}\n"
    )
    monkeypatch.setenv("ALJIBE_PROJECT_DIR", str(project))
    (landing / "things.csv").write_text("thing,pieces\nbucket,3\n")
    with held(settings, "pharma_latam"):
        state = elt("tiny", return_state=True)
    assert state.name == "Completed", state.message
    assert "Waiting for" not in caplog.text


@pytest.mark.long
def test_a_run_of_the_same_domain_waits_with_the_holders_name_and_then_runs(
    settings, landing, run, caplog
):
    seed_deliveries(landing)
    lock = held(settings, "pharma_latam")
    lock.__enter__()
    timer = threading.Timer(3.0, lambda: lock.__exit__(None, None, None))
    timer.start()
    state = run()
    timer.join()
    assert state.name == "Completed"
    assert "Waiting for pharma_latam: it is being written by a test (pid" in caplog.text


@pytest.mark.long
def test_a_run_that_may_not_wait_longer_fails_and_names_the_holder(
    settings, landing, run, monkeypatch
):
    seed_deliveries(landing)
    monkeypatch.setenv("ALJIBE_LOCK_TIMEOUT_SECONDS", "0.5")
    with held(settings, "pharma_latam"):
        state = run()
    assert state.name == "Failed"
    assert "a test (pid" in state.message
