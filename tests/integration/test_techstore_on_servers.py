"""techstore on MariaDB, SFTP and HTTP: the marts are right, and no secret is written anywhere."""

import os
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pymysql
import pytest

from demo.techstore_database import SCHEMA
from demo.techstore_shop import Shop
from demo.techstore_sources import running_sources, write_sources

pytestmark = [pytest.mark.integration, pytest.mark.long, pytest.mark.timeout(900)]
PASSWORD = "clave-Ñandú/muy@secreta"
TABLES = ("clientes", "productos", "pedidos", "detalle_pedidos")


@pytest.fixture
def sources(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Variables of running sources, with the shop in SQLite."""
    folder = tmp_path / "sources"
    write_sources(Shop(), folder)
    with running_sources(folder) as variables:
        yield dict(variables)


@pytest.fixture
def shop_in_mariadb(mariadb_server, sources) -> str:
    """URL of the same shop in MariaDB, for a user who may only read it."""
    admin = mariadb_server.url
    name, user = f"shop_{uuid.uuid4().hex[:8]}", f"reader_{uuid.uuid4().hex[:8]}"
    sqlite_file = sources["TECHSTORE_DATABASE_URL"].removeprefix("sqlite:///")
    with (
        closing(sqlite3.connect(sqlite_file)) as shop,
        closing(
            pymysql.connect(
                host=admin.host, port=admin.port, user=admin.username, password=admin.password
            )
        ) as server,
        server.cursor() as cursor,
    ):
        cursor.execute(f"create database {name} character set utf8mb4")
        cursor.execute(f"use {name}")
        for statement in SCHEMA.split(";"):
            if statement.strip():
                cursor.execute(statement)
        for table in TABLES:
            rows = shop.execute(f"select * from {table}").fetchall()
            marks = ", ".join(["%s"] * len(rows[0]))
            cursor.executemany(f"insert into {table} values ({marks})", rows)
        cursor.execute(f"create user {user} identified by %s", (PASSWORD,))
        cursor.execute(f"grant select on {name}.* to {user}")
        server.commit()
    url = admin.set(username=user, password=PASSWORD, database=name)
    return url.render_as_string(hide_password=False)


def run(home: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "ALJIBE_HOME": str(home), **variables}
    for name in [name for name in environment if name.startswith("PREFECT_")]:
        del environment[name]
    command = [Path(sys.executable).parent / "aljibe", "run", "techstore"]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


def files_with(folder: Path, secrets: list[str]) -> list[str]:
    """Files below a folder that hold one of the secrets."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            found += [f"{path}: {s}" for s in secrets if s.encode() in content]
    return found


def revenue(home: Path) -> tuple:
    with duckdb.connect(str(home / "serving/techstore.duckdb"), read_only=True) as marts:
        return marts.execute(
            "select (select sum(revenue) from consume.revenue_mensual), "
            "(select sum(revenue) from consume.ventas_por_categoria), "
            "(select count(*) from consume.top_clientes)"
        ).fetchone()


def test_the_marts_are_those_of_sqlite_and_no_secret_of_a_run_is_written_anywhere(
    sources, shop_in_mariadb, tmp_path
):
    variables = {**sources, "TECHSTORE_DATABASE_URL": shop_in_mariadb}
    home = tmp_path / "home"
    wrong_database = shop_in_mariadb.replace("reader_", "nobody_")
    wrong_sftp = {"TECHSTORE_SFTP_PASSWORD": "equivocada-" + sources["TECHSTORE_SFTP_PASSWORD"]}
    ended = [
        run(home, variables),
        run(home, {**variables, "TECHSTORE_DATABASE_URL": wrong_database}),
        run(home, {**variables, **wrong_sftp}),
    ]
    assert [done.returncode for done in ended] == [0, 1, 1], [done.stdout for done in ended]
    quoted = shop_in_mariadb.partition("://")[2].partition("@")[0].partition(":")[2]
    secrets = [PASSWORD, quoted, sources["TECHSTORE_SFTP_PASSWORD"]]
    said = "\n".join(done.stdout + done.stderr for done in ended)
    assert [secret for secret in secrets if secret in said] == []
    assert files_with(home, secrets) == []
    assert "techstore_mysql" in ended[1].stdout
    assert "techstore_sftp" in ended[2].stdout

    from_sqlite = run(tmp_path / "other", sources)
    assert from_sqlite.returncode == 0, from_sqlite.stderr + from_sqlite.stdout
    by_month, by_category, clients = revenue(home)
    assert by_month == by_category > 0
    assert clients == 20
    assert revenue(tmp_path / "other") == (by_month, by_category, clients)
