from pathlib import Path

import pytest

from lakehouse.errors import SettingsInvalid
from lakehouse.settings import Settings
from lakehouse.transform import parse_ahead as module
from lakehouse.transform.dbt_command import DbtBuild
from lakehouse.transform.parse_ahead import parse_ahead
from lakehouse.transform.parse_cache import parsed_before


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    project = tmp_path / "dbt"
    for domain in ("shop", "wells"):
        (project / "models" / domain).mkdir(parents=True)
    (project / "dbt_project.yml").write_text("name: x")
    (project / "profiles.yml").write_text("x: {}")
    (tmp_path / "parsed").mkdir()
    return Settings(home=tmp_path / "home", project_dir=project, parse_dir=tmp_path / "parsed")


@pytest.fixture
def parses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Domains for which dbt was asked to parse; it leaves what dbt leaves."""
    asked: list[str] = []

    def parse(arguments: list[str], environment: dict[str, str], **_: object) -> int:
        assert arguments[0] == "parse"
        target = Path(arguments[arguments.index("--target-path") + 1])
        made = target / "partial_parse.msgpack"
        if not made.exists():
            asked.append(environment["ALJIBE_WAREHOUSE"])
            made.write_text(environment["ALJIBE_WAREHOUSE"])
        return 0

    monkeypatch.setattr(module, "run_dbt", parse)
    return asked


def test_each_domain_is_parsed_once_for_every_home(settings: Settings, parses: list[str]) -> None:
    assert parse_ahead(settings) == ["parsed shop", "parsed wells"]
    assert parse_ahead(settings.model_copy(update={"home": settings.home / "other"}))
    assert parses == ["shop.duckdb", "wells.duckdb"]


def test_a_build_of_another_home_starts_from_it(settings: Settings, parses: list[str]) -> None:
    parse_ahead(settings)
    other = settings.model_copy(update={"home": settings.home.parent / "other"})
    build = DbtBuild.of(Settings(**other.model_dump()), "wells")
    with parsed_before(build, settings.parse_dir):
        assert (build.target_path / "partial_parse.msgpack").read_text() == "wells.duckdb"


def test_without_a_folder_it_says_what_to_set(settings: Settings) -> None:
    with pytest.raises(SettingsInvalid, match="ALJIBE_PARSE_DIR"):
        parse_ahead(settings.model_copy(update={"parse_dir": None}))
