"""Which domains go to Spark: those whose SQL is portable, and no other by mistake."""

from pathlib import Path

import pytest

from lakehouse.errors import DbtCouldNotRun
from lakehouse.settings import PROJECT_ROOT
from lakehouse.transform.own_target import own_target


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "dbt_project.yml").write_text("name: p\nvars: {spark_domains: [mill]}\n")
    return tmp_path


@pytest.mark.parametrize(
    ("domain", "asked", "setting", "target"),
    [
        ("mill", None, "embedded", None),
        ("mill", None, "spark", "spark"),
        ("mill", "embedded", "spark", "embedded"),
        ("mill", "spark", "embedded", "spark"),
        ("shop", None, "spark", None),
        ("shop", "embedded", "spark", "embedded"),
    ],
)
def test_a_run_goes_where_it_says_else_where_the_setting_says(
    folder, domain, asked, setting, target
):
    assert own_target(folder, domain, asked, setting) == target


def test_a_run_that_asks_for_spark_where_it_cannot_go_is_told(folder):
    with pytest.raises(DbtCouldNotRun, match=r"shop cannot be built on Spark.*mill"):
        own_target(folder, "shop", "spark", "embedded")


def test_wells_and_bioreactor_are_portable():
    for domain in ("wells", "bioreactor"):
        assert own_target(PROJECT_ROOT / "dbt", domain, None, "spark") == "spark"
    assert own_target(PROJECT_ROOT / "dbt", "olist", None, "spark") is None
