from dataclasses import replace
from pathlib import Path

import pytest

from lakehouse.errors import DbtKilled
from lakehouse.transform.dbt_command import DbtBuild
from lakehouse.transform.fingerprint import project_hash
from lakehouse.transform.parse_cache import parsed_before, trust_parse_of

CACHE = "partial_parse.msgpack"


def test_a_cache_of_the_same_files_stays(tmp_path: Path) -> None:
    trust_parse_of("one", tmp_path)
    (tmp_path / CACHE).write_bytes(b"parsed")
    assert trust_parse_of("one", tmp_path)
    assert (tmp_path / CACHE).read_bytes() == b"parsed"


def test_a_cache_of_other_files_or_of_unknown_ones_goes(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / CACHE).write_bytes(b"parsed")
    assert not trust_parse_of("one", target)
    assert not (target / CACHE).exists()
    (target / CACHE).write_bytes(b"parsed")
    assert not trust_parse_of("two", target)
    assert not (target / CACHE).exists()


def test_a_target_folder_is_made_where_there_is_none(tmp_path: Path) -> None:
    assert not trust_parse_of("one", tmp_path / "new" / "target")
    assert trust_parse_of("one", tmp_path / "new" / "target")


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    folder = tmp_path / "shared"
    folder.mkdir()
    return folder


@pytest.fixture
def build(tmp_path: Path) -> DbtBuild:
    project = tmp_path / "project"
    project.mkdir()
    (project / "dbt_project.yml").write_text("name: shop")
    (project / "profiles.yml").write_text("shop: {}")
    return DbtBuild(
        domain="shop",
        project_dir=project,
        profiles_dir=project,
        target_path=tmp_path / "home" / "target",
        warehouse=tmp_path / "home" / "shop.duckdb",
    )


def in_another_home(build: DbtBuild, name: str = "other") -> DbtBuild:
    home = build.warehouse.parents[1] / name
    return replace(build, target_path=home / "target", warehouse=home / "shop.duckdb")


def parse(build: DbtBuild, shared: Path | None, content: bytes = b"parsed") -> bytes | None:
    """Do as dbt does: take the cache that is there, or make one."""
    cache = build.target_path / CACHE
    with parsed_before(build, shared):
        found = cache.read_bytes() if cache.exists() else None
        if found is None:
            cache.write_bytes(content)
    return found


def test_another_home_starts_from_what_one_has_parsed(build: DbtBuild, shared: Path) -> None:
    assert parse(build, shared) is None
    assert parse(in_another_home(build), shared) == b"parsed"
    assert len(list(shared.iterdir())) == 1


def test_a_home_whose_first_dbt_was_killed_takes_it_too(build: DbtBuild, shared: Path) -> None:
    parse(build, shared)
    killed = in_another_home(build)
    trust_parse_of(project_hash(killed), killed.target_path)
    assert parse(killed, shared) == b"parsed"


def test_without_a_shared_folder_each_home_parses(build: DbtBuild) -> None:
    assert parse(build, None) is None
    assert parse(build, None) == b"parsed"
    assert parse(in_another_home(build), None) is None


def test_what_was_parsed_of_other_files_is_not_taken(build: DbtBuild, shared: Path) -> None:
    parse(build, shared)
    (build.project_dir / "dbt_project.yml").write_text("name: store")
    assert parse(in_another_home(build), shared, b"anew") is None
    assert parse(in_another_home(build, "third"), shared) == b"anew"


@pytest.mark.parametrize(
    "change",
    [
        {"variables": {"as_of": 3}},
        {"foreign": True},
        {"target": "lake"},
        {"domain": "store", "warehouse": Path("store.duckdb")},
    ],
)
def test_a_build_that_dbt_would_parse_otherwise_takes_nothing(
    build: DbtBuild, shared: Path, change: dict
) -> None:
    parse(build, shared)
    assert parse(replace(in_another_home(build), **change), shared) is None


def test_a_build_that_failed_leaves_nothing_to_others(build: DbtBuild, shared: Path) -> None:
    around = parsed_before(build, shared)
    around.__enter__()
    (build.target_path / CACHE).write_bytes(b"half")
    assert not around.__exit__(DbtKilled, DbtKilled("kill -9"), None)
    assert not list(shared.iterdir())


def test_the_profile_of_a_domain_names_no_path_of_its_home(build: DbtBuild) -> None:
    environment = build.child_environment()
    assert (build.working_dir / environment["ALJIBE_WAREHOUSE"]) == build.warehouse
    assert environment == in_another_home(build).child_environment() | {
        "DBT_LOG_PATH": environment["DBT_LOG_PATH"]
    }
    foreign = replace(build, foreign=True)
    assert foreign.working_dir == build.project_dir
    assert foreign.child_environment() == foreign.environment()
