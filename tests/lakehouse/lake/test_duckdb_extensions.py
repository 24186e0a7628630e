"""DuckDB's extensions come out of packages, whoever asks first and how often."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from lakehouse.errors import ExtensionMissing
from lakehouse.lake import duckdb_extensions
from lakehouse.lake.duckdb_extensions import EXTENSIONS, load_extensions, prepare_extensions


def test_every_extension_loads_without_a_network(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        load_extensions(connection, tmp_path / "extensions", EXTENSIONS)
        loaded = connection.execute(
            "select extension_name from duckdb_extensions() where loaded"
        ).fetchall()
    assert {name for (name,) in loaded} >= {"httpfs", "postgres_scanner", "ducklake"}


def test_many_at_once_prepare_one_folder(tmp_path: Path) -> None:
    folder = tmp_path / "extensions"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: prepare_extensions(folder), range(64)))
    assert sorted(path.name for path in folder.rglob("*") if path.is_symlink()) == [
        "ducklake.duckdb_extension",
        "httpfs.duckdb_extension",
        "postgres_scanner.duckdb_extension",
    ]


def test_a_link_to_an_environment_that_went_away_is_replaced(tmp_path: Path) -> None:
    folder = prepare_extensions(tmp_path)
    link = next(folder.rglob("httpfs.duckdb_extension"))
    target = link.readlink()
    link.unlink()
    link.symlink_to(tmp_path / "gone")
    prepare_extensions(tmp_path)
    assert link.readlink() == target


def test_a_package_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duckdb_extensions, "EXTENSIONS", ("no_such_one",))
    with pytest.raises(ExtensionMissing, match="duckdb_extension_no_such_one"):
        prepare_extensions(tmp_path)
