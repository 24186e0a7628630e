from dataclasses import replace

import pytest

from lakehouse.lake.ledger import CurrentBatch
from lakehouse.transform.dbt_command import DbtBuild
from lakehouse.transform.fingerprint import build_fingerprint

A, B = CurrentBatch("shop", "sales", "a", 1), CurrentBatch("shop", "sales", "b", 2)


@pytest.mark.parametrize(
    "change",
    [
        {"select": "a"},
        {"exclude": "a"},
        {"target": "prod"},
        {"full_refresh": True},
        {"variables": {"x": 1}},
    ],
    ids=str,
)
def test_options_change_it(build, change):
    assert build_fingerprint(replace(build, **change), [A]) != build_fingerprint(build, [A])


@pytest.mark.parametrize(
    "name", ["models/shop/a.sql", "seeds/shop/s.csv", "macros/new.sql", "profiles.yml", "x.md"]
)
def test_files_of_the_project_change_it(build, project, name):
    before = build_fingerprint(build, [A])
    (project / name).write_text("something else")
    assert build_fingerprint(build, [A]) != before


def test_a_file_that_moves_changes_it(build, project):
    before = build_fingerprint(build, [A])
    (project / "models/shop/a.sql").rename(project / "models/shop/b.sql")
    assert build_fingerprint(build, [A]) != before


@pytest.mark.parametrize("folder", ["target", "logs", ".git", "models/__pycache__"])
def test_what_dbt_writes_itself_does_not_change_it(build, project, folder):
    before = build_fingerprint(build, [A])
    (project / folder).mkdir(parents=True)
    (project / folder / "x").write_text("x")
    (project / "models/shop/a.sql").touch()
    assert build_fingerprint(build, [A]) == before


def test_neither_threads_nor_the_place_of_the_warehouse_change_it(build, tmp_path):
    other = replace(build, threads=9, warehouse=tmp_path / "x.duckdb", target_path=tmp_path)
    assert build_fingerprint(other, [A]) == build_fingerprint(build, [A])


def test_batches_change_it_and_their_order_of_delivery_too(build):
    both = build_fingerprint(build, [A, B])
    assert both == build_fingerprint(build, [B, A])
    assert both != build_fingerprint(build, [A])
    assert both != build_fingerprint(build, [replace(A, sequence=3), B])
    assert both == build_fingerprint(build, [replace(A, sequence=7), replace(B, sequence=9)])


def test_the_environment_that_the_project_names_changes_it(build, project, monkeypatch):
    (project / "models/shop/a.sql").write_text("select '{{ env_var( \"SHOP_YEAR\", '1' ) }}'")
    before = build_fingerprint(build, [])
    monkeypatch.setenv("OTHER", "1")
    assert build_fingerprint(build, []) == before
    monkeypatch.setenv("SHOP_YEAR", "2026")
    assert build_fingerprint(build, []) != before


def test_a_profile_elsewhere_counts(settings, tmp_path):
    (tmp_path / "profiles.yml").write_text("p: {}")
    build = DbtBuild.of(settings, "shop", profiles_dir=str(tmp_path))
    before = build_fingerprint(build, [])
    (tmp_path / "profiles.yml").write_text("p: {target: x}")
    assert build_fingerprint(build, []) != before


def test_a_broken_link_does_no_harm(build, project):
    (project / "models/shop/gone.sql").symlink_to(project / "nowhere.sql")
    assert build_fingerprint(build, [])
