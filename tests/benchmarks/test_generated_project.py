"""The dbt projects that the overhead benchmark builds."""

import re
from pathlib import Path

import pytest
import yaml

from benchmarks.generated_project import SIZES, ProjectSize, write_project


@pytest.fixture(params=SIZES, ids=lambda size: size.name)
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
    assert len(tests) == size.tests
    assert str(tests).count("'severity': 'warn'") == size.warnings


def test_every_model_reads_only_models_before_it(tmp_path: Path, size: ProjectSize) -> None:
    write_project(tmp_path, size, tmp_path / "x.duckdb", threads=2)
    joined = 0
    for path in (tmp_path / "models").glob("*.sql"):
        parents = re.findall(r"ref\('(\w+)'\)", path.read_text())
        assert all(parent < path.stem for parent in parents)
        assert all((tmp_path / "models" / f"{parent}.sql").exists() for parent in parents)
        joined += bool(parents)
    assert joined == size.models - size.models // 5
