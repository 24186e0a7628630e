import json
from itertools import pairwise
from pathlib import Path

import pytest

from lakehouse.errors import DbtCouldNotRun, DomainUnknown
from lakehouse.settings import Settings
from lakehouse.transform.dbt_command import DbtBuild, dbt_executable


def test_a_build_of_a_domain_selects_the_folders_that_it_has(build):
    assert build.selection == ["path:models/shop", "path:seeds/shop", "path:tests/singular/shop"]


def test_every_option_becomes_an_argument(settings, project):
    build = DbtBuild.of(
        settings,
        "shop",
        select="stg_a+ tag:b",
        exclude="c d",
        target="prod",
        full_refresh=True,
        variables={"días": [1, "x y"]},
        threads=7,
    )
    arguments = build.arguments()
    assert arguments[:3] == ["build", "--project-dir", str(project)]
    after = dict(pairwise(arguments))
    assert arguments[arguments.index("--select") + 1 :][:2] == [
        "stg_a+,path:*/shop",
        "tag:b,path:*/shop",
    ]
    assert arguments[arguments.index("--exclude") + 1 :][:2] == ["c", "d"]
    assert (after["--target"], after["--threads"]) == ("prod", "7")
    assert json.loads(after["--vars"]) == {"días": [1, "x y"]}
    assert "--full-refresh" in arguments
    assert after["--target-path"] == str(settings.dbt_target("shop"))


def test_what_was_not_asked_for_is_not_an_argument(build):
    assert not {"--exclude", "--target", "--full-refresh", "--vars"} & set(build.arguments())


def test_the_profile_gets_its_variables(build, settings):
    environment = build.environment()
    assert environment["ALJIBE_WAREHOUSE"] == str(settings.warehouse("shop"))
    assert environment["ALJIBE_DBT_THREADS"] == str(settings.dbt_threads)
    assert environment["ALJIBE_DBT_MEMORY"] == settings.dbt_memory


def test_a_relative_project_folder_is_ours_and_absolute(project, tmp_path, monkeypatch):
    monkeypatch.chdir(project.parent)
    settings = Settings(home=tmp_path / "home", project_dir=Path("project"))
    build = DbtBuild.of(settings, "shop", project_dir="./project")
    assert (build.foreign, build.project_dir) == (False, project)
    assert DbtBuild.of(settings, "shop").project_dir == project


def make_foreign(tmp_path: Path) -> Path:
    root = tmp_path / "foreign"
    root.mkdir()
    (root / "dbt_project.yml").write_text("name: f")
    (root / "profiles.yml").write_text("f: {}")
    return root


def test_a_foreign_project_is_built_whole(settings, tmp_path):
    build = DbtBuild.of(settings, "jaffle-shop", project_dir=str(make_foreign(tmp_path)))
    assert build.foreign
    assert build.selection == []
    assert "--select" not in build.arguments()


def test_a_part_of_a_foreign_project_is_selected_as_given(settings, tmp_path):
    folder = str(make_foreign(tmp_path))
    build = DbtBuild.of(settings, "jaffle-shop", select="stg_a+ tag:b", project_dir=folder)
    assert build.selection == ["stg_a+", "tag:b"]


@pytest.mark.parametrize("name", ["shop", "../x", "a/b", "", "a b", ".hidden"])
def test_a_foreign_project_cannot_take_the_place_of_a_domain_or_leave_the_home(
    settings, tmp_path, name
):
    with pytest.raises(DomainUnknown, match="cannot be the name"):
        DbtBuild.of(settings, name, project_dir=str(make_foreign(tmp_path)))


def test_a_folder_without_a_project_or_profile_is_named(settings, tmp_path, project):
    with pytest.raises(DbtCouldNotRun, match=r"no dbt_project\.yml in .*nowhere"):
        DbtBuild.of(settings, "other", project_dir=str(tmp_path / "nowhere"))
    with pytest.raises(DbtCouldNotRun, match=r"no profiles\.yml in"):
        DbtBuild.of(settings, "shop", profiles_dir=str(project / "models"))


def test_the_dbt_of_this_python_is_used():
    assert Path(dbt_executable()).name == "dbt"


def test_a_missing_dbt_is_a_clear_error(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DbtCouldNotRun, match="not installed"):
        dbt_executable()
