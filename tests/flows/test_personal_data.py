"""A value of a column with `meta.pii` is in the lake and in no report, log or message."""

import json
import logging
import shutil

import pytest
from prefect.client.orchestration import get_client
from typer.testing import CliRunner

from cli.main import app
from flows.elt import elt
from flows.quarantine import quarantine

CANARY = "canario"
SOURCES = """
sources:
  - name: clinic_files
    schema: raw
    config: {meta: {connector: files, block: landing-pharma-latam, load: append, owner: salud}}
    tables:
      - name: visits
        config: {meta: {pattern: "visits*.csv"}}
        columns:
          - {name: visit_id, data_type: varchar}
          - {name: patient, data_type: varchar, config: {meta: {pii: true}}}
          - {name: weight, data_type: integer, config: {meta: {pii: true}}}
          - {name: seen_on, data_type: date, config: {meta: {pii: true}}}
"""
MODELS = """
groups:
  - name: salud
    owner: {name: Salud, email: salud@example.com}
    config: {meta: {language: es}}
models:
  - name: stg_visits
    config: {group: salud, meta: {key: [visit_id, patient]}}
    columns:
      - name: visit_id
        data_tests: [not_null]
      - name: patient
        data_tests:
          - unique
          - accepted_values: {arguments: {values: [someone else]}}
          - relationships: {arguments: {to: ref('people'), field: name}}
          - not_null: {config: {severity: error}}
  - name: people
    config: {group: salud}
  - name: int_weights
    config: {group: salud}
    data_tests:
      - unique_combination: {arguments: {columns: [nickname]}}
"""
FILES = {
    "staging/_clinic_files__sources.yml": SOURCES,
    "staging/_staging__models.yml": MODELS,
    "staging/stg_visits.sql": (
        "select visit_id, patient, weight, seen_on, _source_file, _source_line\n"
        "from {{ current_rows('clinic_files', 'visits') }}\n"
    ),
    "staging/people.sql": "select distinct 'nobody' as name from {{ ref('stg_visits') }}\n",
    "intermediate/int_weights.sql": (
        "select lower(patient) as nickname, visit_id from {{ ref('stg_visits') }}\n"
    ),
    "consume/broken.sql": (
        "{{ config(materialized='table', group='salud') }}\n"
        "select cast(patient as integer) as number from {{ ref('stg_visits') }}\n"
    ),
}
DELIVERED = (
    "visit_id,patient,weight,seen_on\n"
    f"V1,{CANARY}-uno,70,2026-01-01\n"
    f"V2,{CANARY}-uno,71,2026-01-02\n"
    f"V3,{CANARY}-dos,{CANARY}-heavy,2026-01-03\n"
    f"V4,{CANARY}-tres,80,{CANARY}-day\n"
    f",{CANARY}-cuatro,80,2026-01-05\n"
)
REFUSED = f"visit_id,patient,weight,seen_on\nV9,{CANARY}-nueve,{CANARY},{CANARY}\n"


@pytest.fixture
def clinic(settings, landing, tmp_path, monkeypatch) -> None:
    """A domain of patients, with rows and a file that are refused and tests of every kind."""
    project = tmp_path / "dbt"
    shutil.copytree(settings.project_dir, project, ignore=shutil.ignore_patterns("target", "logs"))
    for name, content in FILES.items():
        path = project / "models" / "clinic" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    singular = project / "tests" / "singular" / "clinic"
    singular.mkdir(parents=True)
    (singular / "assert_nobody_came.sql").write_text(
        "select patient || ' came' as remark, * from {{ ref('stg_visits') }}\n"
    )
    monkeypatch.setenv("ALJIBE_PROJECT_DIR", str(project))
    monkeypatch.setenv("ALJIBE_DATA_CATALOG", "true")
    (landing / "visits_1.csv").write_text(DELIVERED)
    (landing / "visits_2.csv").write_text(REFUSED)


def said_by_prefect() -> str:
    """Every artifact, event-like description and log that the API holds."""
    with get_client(sync_client=True) as client:
        artifacts = [artifact.model_dump(mode="json") for artifact in client.read_artifacts()]
        logs = [log.message for log in client.read_logs()]
        runs = [str(run.state) for run in client.read_flow_runs()]
        tasks = [str(run.state) for run in client.read_task_runs()]
    return json.dumps([artifacts, logs, runs, tasks], ensure_ascii=False)


def test_a_canary_is_in_the_lake_and_nowhere_else(clinic, posted, settings, caplog, warehouse):
    caplog.set_level(logging.DEBUG)
    state = elt("clinic", return_state=True)
    assert state.name == "Failed"
    quarantine("list", "clinic", return_state=True)
    for number in (1, 2):
        quarantine("show", "clinic", number, return_state=True)
    shown = [
        CliRunner().invoke(app, ["quarantine", *words]).output
        for words in (["list"], ["list", "--domain", "clinic"], ["show", "1"], ["show", "2"])
    ]
    pages = {
        str(path.relative_to(settings.reports)): path.read_text(encoding="utf-8")
        for path in settings.reports.rglob("*")
        if path.is_file()
    }
    prefect = said_by_prefect()

    # Every kind of report was made, and about these rows.
    assert {"clinic/report.json", "clinic/index.html", "clinic/catalog.html"} <= set(pages)
    for name in ("unique_stg_visits_patient", "accepted_values", "assert_nobody_came", "broken"):
        assert any(name in page for page in pages.values()), name
    assert "owner-clinic-salud" in prefect
    assert "visits_1.csv" in prefect
    assert posted
    assert any("visits_2.csv" in output for output in shown)

    for where, text in {
        **pages,
        "Prefect": prefect,
        "log": caplog.text,
        "state": str(state.message),
        "notifications": "\n".join(posted),
        "terminal": "\n".join(shown),
    }.items():
        at = text.lower().find(CANARY)
        assert at < 0, f"{where}: ...{text[max(0, at - 200) : at + 100]}"
