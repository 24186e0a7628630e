"""dbt-duckdb projects of any size: layered models, mostly passing tests, some that warn."""

from dataclasses import dataclass
from pathlib import Path

import yaml

ROWS_PER_SOURCE = 2000
PARENTS = 2


@dataclass(frozen=True)
class ProjectSize:
    """How large a generated project is.

    Attributes:
        warnings: tests among `tests` that find rows and only warn.
        target: most that the flow's duration may be, in bare `dbt build`s.
        recovering: tests among `tests` that warn until `let_recover`.
        groups: owners that the models belong to, in turns.
    """

    name: str
    models: int
    tests: int
    warnings: int
    target: float
    recovering: int = 0
    groups: int = 0


SIZES = (
    ProjectSize("small", models=20, tests=60, warnings=4, target=1.5),
    ProjectSize("large", models=100, tests=200, warnings=8, target=1.25),
)


def write_project(folder: Path, size: ProjectSize, warehouse: Path, threads: int) -> None:
    """Write a project that builds into `warehouse`.

    A fifth of the models are views that generate rows; the others are tables, each joining
    two models before it, so that dbt has a real order to keep.
    """
    models = folder / "models"
    models.mkdir(parents=True)
    config = {
        "name": "measured",
        "version": "1.0",
        "profile": "measured",
        "flags": {"send_anonymous_usage_stats": False},
        "models": {"measured": {"+materialized": "table"}},
    }
    output = {"type": "duckdb", "path": str(warehouse), "threads": threads}
    profile = {"measured": {"target": "dev", "outputs": {"dev": output}}}
    (folder / "dbt_project.yml").write_text(yaml.safe_dump(config))
    (folder / "profiles.yml").write_text(yaml.safe_dump(profile))
    for number in range(size.models):
        (models / f"{model_name(number)}.sql").write_text(_model_sql(number, size.models))
    described = [
        {"name": model_name(number), "columns": _columns(tests), **_owned(number, size)}
        for number, tests in enumerate(_tests_by_model(size))
    ]
    groups = [
        {"name": f"group_{at}", "owner": {"name": f"Owner {at}"}} for at in range(size.groups)
    ]
    told = {"version": 2, "models": described, **({"groups": groups} if groups else {})}
    (models / "_models.yml").write_text(yaml.safe_dump(told))
    (folder / "tests").mkdir()
    _write_recovering(folder, size, "kind = 6")


def let_recover(folder: Path, size: ProjectSize) -> None:
    """Change the tests that recover so that they find nothing from the next build on."""
    _write_recovering(folder, size, "kind = 7")


def model_name(number: int) -> str:
    """Name of the model with this number, counted from 0."""
    return f"model_{number:03d}"


def _model_sql(number: int, models: int) -> str:
    sources = max(PARENTS, models // 5)
    if number < sources:
        return (
            "{{ config(materialized='view') }}\n"
            f"select range as id, range % 7 as kind, range * {number + 1} as amount\n"
            f"from range({ROWS_PER_SOURCE})\n"
        )
    left, right = max(0, number - 1 - number % 5), (number - 1) // 2
    return (
        "select l.id, l.kind, greatest(l.amount, r.amount) as amount\n"
        f"from {{{{ ref('{model_name(left)}') }}}} as l\n"
        f"join {{{{ ref('{model_name(right)}') }}}} as r on r.id = l.id\n"
    )


def _write_recovering(folder: Path, size: ProjectSize, wrong: str) -> None:
    for number in range(size.recovering):
        (folder / "tests" / f"recovers_{number:03d}.sql").write_text(
            "{{ config(severity='warn', store_failures=true) }}\n"
            f"select * from {{{{ ref('{model_name(number)}') }}}} where {wrong}\n"
        )


def _owned(number: int, size: ProjectSize) -> dict[str, object]:
    return {"config": {"group": f"group_{number % size.groups}"}} if size.groups else {}


def _tests_by_model(size: ProjectSize) -> list[list[tuple[str, object]]]:
    """For each model its tests as (column, test); the first of `warnings` models gets one each."""
    kinds: list[tuple[str, object]] = [
        ("id", "not_null"),
        ("id", "unique"),
        ("amount", "not_null"),
        ("kind", {"accepted_values": {"arguments": {"values": list(range(7)), "quote": False}}}),
        ("kind", "not_null"),
    ]
    tests: list[list[tuple[str, object]]] = [[] for _ in range(size.models)]
    for number in range(size.warnings):
        finding = {
            "arguments": {"values": [0, 1, 2, 3, 4, 5], "quote": False},
            "name": f"warns_{number:03d}",
            "config": {"severity": "warn", "store_failures": True},
        }
        tests[number].append(("kind", {"accepted_values": finding}))
    for number in range(size.tests - size.warnings - size.recovering):
        tests[number % size.models].append(kinds[number // size.models])
    return tests


def _columns(tests: list[tuple[str, object]]) -> list[dict[str, object]]:
    by_column: dict[str, list[object]] = {}
    for column, test in tests:
        by_column.setdefault(column, []).append(test)
    return [{"name": column, "data_tests": found} for column, found in by_column.items()]
