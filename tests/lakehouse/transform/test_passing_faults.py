"""Builds that meet another writer are repeated; what fails for itself is not."""

import json
from dataclasses import replace

import pytest

from lakehouse.errors import DbtCouldNotRun, WarehouseUnusable
from lakehouse.lake.warehouse import warehouse_of
from lakehouse.settings import Settings
from lakehouse.transform import passing_faults
from lakehouse.transform.dbt_command import DbtBuild
from lakehouse.transform.passing_faults import build_until_settled, failed_in_passing

CONFLICT = "Transaction conflict - attempting to create schema with name dq"
SCHEMA = "https://schemas.getdbt.com/dbt/run-results/v6.json"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(passing_faults, "_FIRST_WAIT_SECONDS", 0)
    monkeypatch.setattr(passing_faults, "_LONGEST_WAIT_SECONDS", 0)


@pytest.fixture
def build(tmp_path) -> DbtBuild:
    settings = Settings(
        home=tmp_path, target="lake", lake_catalog_url="postgresql://u:p@127.0.0.1/lake"
    )
    made = DbtBuild.of(settings, "pharma_latam")
    made.target_path.mkdir(parents=True)
    return made


def leave(build: DbtBuild, *ends: tuple[str, str]) -> None:
    results = [
        {"unique_id": f"model.a.{at}", "status": status, "message": said}
        for at, (status, said) in enumerate(ends)
    ]
    text = json.dumps({"metadata": {"dbt_schema_version": SCHEMA}, "results": results})
    (build.target_path / "run_results.json").write_text(text)


def test_a_build_is_repeated_until_nobody_was_in_the_way(build):
    ends = iter([[("error", CONFLICT), ("skipped", "")], [("success", "OK"), ("success", "OK")]])
    told: list[list[str]] = []
    build_until_settled(build, lambda: leave(build, *next(ends)), lambda n, _s: told.append(n))
    assert told == [["model.a.0"]]
    assert failed_in_passing(build) == []


def test_what_fails_of_its_own_sql_is_built_once(build):
    runs: list[int] = []

    def run() -> None:
        runs.append(1)
        leave(build, ("error", "Binder Error: no such column"), ("fail", CONFLICT))

    build_until_settled(build, run, lambda *_: pytest.fail("repeated"))
    assert len(runs) == 1


def test_the_last_of_a_few_tries_stands(build):
    runs: list[int] = []

    def run() -> None:
        runs.append(1)
        leave(build, ("error", CONFLICT))

    build_until_settled(build, run, lambda *_: None)
    assert len(runs) == passing_faults._TRIES
    assert failed_in_passing(build) == ["model.a.0"]


def test_a_lake_that_is_away_when_dbt_starts_is_asked_again_and_named_at_last(build):
    said = "dbt could not run: Unable to connect to Postgres at x: Connection refused"
    runs: list[int] = []

    def run() -> None:
        runs.append(1)
        if len(runs) != 3:
            raise DbtCouldNotRun(said)
        leave(build, ("success", "OK"))

    build_until_settled(build, run, lambda *_: None)
    assert len(runs) == 3
    with pytest.raises(WarehouseUnusable, match="could not reach lake pharma_latam"):
        build_until_settled(build, run, lambda *_: None)
    with pytest.raises(DbtCouldNotRun, match="Parsing"):
        build_until_settled(build, _unparsed, lambda *_: None)


def _unparsed() -> None:
    raise DbtCouldNotRun("Parsing Error")


def test_a_file_has_one_writer_and_no_conflicts(build, tmp_path):
    embedded = replace(build, warehouse=warehouse_of(Settings(home=tmp_path), "pharma_latam"))
    leave(embedded, ("error", CONFLICT))
    assert failed_in_passing(embedded) == []
