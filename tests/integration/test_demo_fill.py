"""`demo.fill` on a real MariaDB and folders, as compose.yaml fills its stand-ins."""

import os
import subprocess
import sys
from pathlib import Path

import pymysql
import pytest

from demo.fill import TABLES
from demo.techstore_shop import Shop

pytestmark = pytest.mark.integration


def fill(tmp_path: Path, url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "demo.fill", *arguments],
        env={**os.environ, "DEMO_DATABASE_URL": url, "ALJIBE_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )


def rows_of(url) -> dict[str, list[tuple]]:
    with (
        pymysql.connect(
            host=url.host,
            port=url.port,
            user=url.username,
            password=url.password,
            database=url.database,
        ) as session,
        session.cursor() as cursor,
    ):
        found = {}
        for table in TABLES:
            cursor.execute(f"select * from {table} order by 1")
            found[table] = list(cursor.fetchall())
        return found


def test_the_shop_is_written_whole_and_once(mariadb_database, tmp_path):
    url = mariadb_database.render_as_string(hide_password=False)
    first = fill(tmp_path, url)
    assert first.returncode == 0, first.stderr
    rows = rows_of(mariadb_database)
    expected = {name: list(make(Shop())) for name, make in TABLES.items()}
    assert {k: len(v) for k, v in rows.items()} == {k: len(v) for k, v in expected.items()}
    name = rows["clientes"][0][1]
    assert name == expected["clientes"][0][1]
    again = fill(tmp_path, url)
    assert again.returncode == 0
    assert again.stdout.count("rows are there") == len(TABLES)
    assert rows_of(mariadb_database) == rows


def test_a_database_that_refuses_is_named_without_its_password(mariadb_database, tmp_path):
    url = mariadb_database.set(password="clave-mala").render_as_string(hide_password=False)
    done = fill(tmp_path, url)
    assert done.returncode == 1
    assert "cannot be filled" in done.stderr
    assert "clave-mala" not in done.stderr


def test_folders_are_filled_and_files_that_are_there_stay(tmp_path):
    first = fill(tmp_path, "", "--sftp", str(tmp_path / "upload"), "--landing")
    assert first.returncode == 0, first.stderr
    home = tmp_path / "home" / "landing"
    assert {path.name for path in home.iterdir()} == {
        "pharma_latam",
        "olist",
        "wells",
        "bioreactor",
    }
    files = [*home.rglob("*.*"), *(tmp_path / "upload").iterdir()]
    assert len(files) > 50
    before = {path: path.stat().st_mtime_ns for path in files}
    fill(tmp_path, "", "--sftp", str(tmp_path / "upload"), "--landing")
    assert {path: path.stat().st_mtime_ns for path in files} == before
