"""`aljibe new-source`: what it writes runs, from the first file or table to staging."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from lakehouse.settings import PROJECT_ROOT

SALES = "factura;fecha;monto\n0001;31/01/2024;1.234,50\n0002;01/02/2024;0,99\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A dbt project with our macros and generic tests, and no domain yet."""
    copy = tmp_path / "dbt"
    ours = PROJECT_ROOT / "dbt"
    for name in ("macros", "tests/generic"):
        shutil.copytree(ours / name, copy / name)
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(ours / name, copy / name)
    (copy / "models").mkdir()
    return copy


@pytest.fixture
def command(aljibe, project, tmp_path):
    """Run `aljibe` on that project, with a landing folder and a database of its own."""
    landing = tmp_path / "landing"
    landing.mkdir()
    database = tmp_path / "shop.db"
    with closing(sqlite3.connect(database)) as shop:
        shop.execute(
            "create table clientes (id integer primary key, nombre text, saldo decimal(12,2))"
        )
        shop.execute("insert into clientes values (1, 'Ana', 10.5), (2, null, -0.25)")
        shop.commit()

    def run(*arguments: str):
        return aljibe(
            *arguments,
            ALJIBE_PROJECT_DIR=str(project),
            PHARMA_LANDING=str(landing),
            TECHSTORE_DATABASE_URL=f"sqlite:///{database}",
        )

    return run


@pytest.mark.long
def test_a_declared_file_and_a_declared_table_run_as_they_are(command, tmp_path):
    (tmp_path / "landing/ventas_2024-01.csv").write_text(SALES)
    sample = str(tmp_path / "landing/ventas_2024-01.csv")
    options = ("--key", "factura", "--block", "landing-pharma-latam")
    one = command("new-source", "tienda", "tienda_files", "ventas", "--from", sample, *options)
    assert one.returncode == 0, one.stderr
    two = command("new-source", "tienda", "tienda_db", "clientes", "--from", "techstore-database")
    assert two.returncode == 0, two.stderr
    ended = command("run", "tienda")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.splitlines()[-1].startswith("Completed:"), ended.stdout
    with duckdb.connect(str(tmp_path / "home/warehouse/tienda.duckdb"), read_only=True) as built:
        sales = built.execute("select factura, monto::varchar from staging.stg_ventas order by 1")
        assert sales.fetchall() == [("0001", "1234.50"), ("0002", "0.99")]
        clients = built.execute("select id, saldo::varchar from staging.stg_clientes order by 1")
        assert clients.fetchall() == [(1, "10.50"), (2, "-0.25")]


def test_a_dry_run_shows_everything_and_writes_nothing(command, project, tmp_path):
    (tmp_path / "v.csv").write_text(SALES)
    shown = command("new-source", "x", "y", "z", "--from", str(tmp_path / "v.csv"), "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "current_rows('y', 'z')" in shown.stdout
    assert "date_format: '%d/%m/%Y'" in shown.stdout
    assert list((project / "models").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("x", "y", "Z", "--from", "v.csv"), "'Z' cannot be a name"),
        (("x", "y", "z", "--from", "no/such.csv"), "There is no file no/such.csv"),
        (("x", "y", "z", "--from", "no-such-block"), "no-such-block"),
        (("x", "y", "z", "--from", "techstore-database"), "clientes"),
    ],
)
def test_what_cannot_be_declared_says_why(command, project, arguments, words):
    ended = command("new-source", *arguments)
    assert ended.returncode == 1
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list((project / "models").iterdir()) == []
