"""`aljibe profile-source`: hazards and YAML of a database, by URL and by block."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import yaml


@pytest.fixture
def url(tmp_path: Path) -> str:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("create table clientes (id integer primary key, saldo float)")
        connection.execute("create table otra (id integer)")
        connection.executemany("insert into clientes values (?, 1.5)", [(n,) for n in range(9)])
    return f"sqlite:///{path}"


def test_help_says_what_is_looked_for(aljibe):
    assert " profile-source " in aljibe("--help").stdout
    shown = " ".join(aljibe("profile-source", "--help").stdout.split())
    for words in ("--yaml", "--table", "--domain", "--rows", "tinyint(1)", "infinity"):
        assert words in shown


def test_hazards_come_first_and_then_the_yaml(aljibe, url):
    shown = aljibe("profile-source", url, "--domain", "tienda")
    assert shown.returncode == 0, shown.stderr
    hazards, _, text = shown.stdout.partition("sources:\n")
    assert "keeps money as a binary number" in hazards
    assert "has no primary key" in hazards
    (source,) = yaml.safe_load(f"sources:\n{text}")["sources"]
    assert source["name"] == "tienda_database"
    assert [table["name"] for table in source["tables"]] == ["clientes", "otra"]


def test_the_yaml_alone_and_of_one_table_of_a_block(aljibe, url):
    options = ("--yaml", "--table", "clientes", "--domain", "techstore")
    shown = aljibe("profile-source", "techstore-database", *options, TECHSTORE_DATABASE_URL=url)
    assert shown.returncode == 0, shown.stderr
    (source,) = yaml.safe_load(shown.stdout)["sources"]
    assert source["config"]["meta"]["block"] == "techstore-database"
    assert [table["name"] for table in source["tables"]] == ["clientes"]


def test_a_look_at_part_of_a_table_is_said(aljibe, url):
    shown = aljibe("profile-source", url, "--rows", "5")
    assert "of clientes only the first rows were looked at" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sqlite:////no/such/file.db",), "There is no SQLite file /no/such/file.db"),
        (("mysql://ana:s3cr3t@127.0.0.1:9/x",), "cannot be read now"),
        (("postgresql://ana:s3cr3t@127.0.0.1:9/x",), "does not answer"),
        (("no-such-block",), "no-such-block"),
        (("nonsense://",), "There is no driver for nonsense"),
    ],
)
def test_what_cannot_be_looked_at_says_why_without_a_secret(aljibe, arguments, words):
    ended = aljibe("profile-source", *arguments)
    assert ended.returncode == 1
    assert words in ended.stderr
    assert "s3cr3t" not in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_table_that_is_not_there_is_named_with_those_that_are(aljibe, url):
    ended = aljibe("profile-source", url, "--table", "pedidos")
    assert ended.returncode == 1
    assert "There is: clientes, otra" in ended.stderr
