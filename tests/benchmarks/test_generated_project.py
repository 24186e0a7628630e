"""The dbt projects that the overhead benchmark builds."""

import re
from pathlib import Path

import pytest
import yaml

from benchmarks.generated_project import SIZES, ProjectSize, let_recover, write_project
from benchmarks.report_cost import SIZE as REPORTED


@pytest.fixture(params=[*SIZES, REPORTED], ids=lambda size: size.name)
def size(request: pytest.FixtureRequest) -> ProjectSize:
    return request.param


def declared_tests(folder: Path) -> list[object]:
    described = yaml.safe_load((folder / "models" / "_models.yml").read_text())["models"]
    return [
        test for model in described for column in model["columns"] for test in column["data_tests"]
    ]


def test_project_has_as_many_models_tests_and_warnings_as_it_says(
    tmp_path: Path, size: ProjectSize
) -> None:
    write_project(tmp_path, size, tmp_path / "x.duckdb", threads=2)
    tests = declared_tests(tmp_path)
    assert len(list((tmp_path / "models").glob("*.sql"))) == size.models
    recovering = list((tmp_path / "tests").glob("*.sql"))
    assert len(recovering) == size.recovering
    assert len(tests) + len(recovering) == size.tests
    assert str(tests).count("'severity': 'warn'") == size.warnings


def test_what_recovers_keeps_its_name_and_finds_nothing_any_more(
    tmp_path: Path, size: ProjectSize
) -> None:
    write_project(tmp_path, size, tmp_path / "x.duckdb", threads=2)
    before = {path.name: path.read_text() for path in (tmp_path / "tests").iterdir()}
    let_recover(tmp_path, size)
    after = {path.name: path.read_text() for path in (tmp_path / "tests").iterdir()}
    assert before.keys() == after.keys()
    assert all("where kind = 6" in sql for sql in before.values())
    # The kinds of a model are 0 to 6.
    assert all("where kind = 7" in sql for sql in after.values())


def test_every_model_has_one_of_the_owners(tmp_path: Path) -> None:
    write_project(tmp_path, REPORTED, tmp_path / "x.duckdb", threads=2)
    told = yaml.safe_load((tmp_path / "models" / "_models.yml").read_text())
    groups = {group["name"] for group in told["groups"]}
    assert len(groups) == REPORTED.groups
    assert {model["config"]["group"] for model in told["models"]} == groups


def test_every_model_reads_only_models_before_it(tmp_path: Path, size: ProjectSize) -> None:
    write_project(tmp_path, size, tmp_path / "x.duckdb", threads=2)
    joined = 0
    for path in (tmp_path / "models").glob("*.sql"):
        parents = re.findall(r"ref\('(\w+)'\)", path.read_text())
        assert all(parent < path.stem for parent in parents)
        assert all((tmp_path / "models" / f"{parent}.sql").exists() for parent in parents)
        joined += bool(parents)
    assert joined == size.models - size.models // 5
