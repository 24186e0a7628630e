"""The real dbt in its child process: what it tells, and how it ends."""

from pathlib import Path

import pytest

from lakehouse.errors import DbtCouldNotRun
from lakehouse.transform.dbt_process import DbtLine, run_dbt

PROFILES = "shop: {target: dev, outputs: {dev: {type: duckdb, path: shop.duckdb}}}\n"
MODELS = {
    "orders.sql": "select 1 as order_id",
    "_models.yml": (
        "models: [{name: orders, columns: [{name: order_id, data_tests: [unique, "
        "{accepted_values: {arguments: {values: [2]}, config: {severity: warn}}}]}]}]\n"
    ),
}


@pytest.fixture
def dbt(tmp_path: Path):
    project = tmp_path / "shop"
    (project / "models").mkdir(parents=True)
    (project / "dbt_project.yml").write_text("name: shop\nprofile: shop\nversion: '1.0'\n")
    (project / "profiles.yml").write_text(PROFILES)
    for name, content in MODELS.items():
        (project / "models" / name).write_text(content)

    def run(*arguments: str) -> tuple[int, list[DbtLine]]:
        seen: list[DbtLine] = []
        code = run_dbt(
            arguments,
            {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
            timeout=120,
            on_line=seen.append,
            working_dir=project,
        )
        return code, seen

    run.project = project
    return run


def test_every_node_is_told_as_it_ends_and_no_other_event(dbt):
    code, seen = dbt("build")
    assert code == 0
    ends = [line for line in seen if line.done]
    assert [(line.done, line.total) for line in ends] == [(1, 3), (2, 3), (3, 3)]
    assert "orders" in ends[0].text
    assert {line.level for line in seen} == {"info", "warn"}
    assert any(line.text.startswith("Done. PASS=2 WARN=1") for line in seen)
    assert not any("\x1b" in line.text or "START" in line.text for line in seen)


def test_a_model_that_fails_ends_with_one(dbt):
    (dbt.project / "models" / "orders.sql").write_text("select nothing_there")
    code, seen = dbt("build")
    assert code == 1
    assert any(line.level == "error" and "orders" in line.text for line in seen)


def test_a_project_that_cannot_be_parsed_is_told_in_dbts_words(dbt):
    (dbt.project / "models" / "orders.sql").write_text("select * from {{ ref('nowhere') }}")
    with pytest.raises(DbtCouldNotRun, match="nowhere"):
        dbt("build")


def test_an_option_that_dbt_does_not_know_is_told(dbt):
    with pytest.raises(DbtCouldNotRun, match="--no-such-option"):
        dbt("build", "--no-such-option")


def test_a_module_in_the_folder_of_the_project_is_not_taken_for_another(dbt):
    for name in ("json", "dbt", "lakehouse"):
        (dbt.project / f"{name}.py").write_text("raise SystemExit(9)\n")
    assert dbt("build")[0] == 0
