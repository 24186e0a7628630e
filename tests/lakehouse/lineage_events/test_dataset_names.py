"""Names of datasets: as the spec has them, the same in every step, and without credentials."""

from pathlib import Path

import pytest
from openlineage.client.naming.dataset import LocalFileSystem, MySQL, Postgres
from sqlalchemy import make_url

from lakehouse.lineage_events.dataset_names import (
    DatasetName,
    api_resource,
    database_table,
    duckdb_relation,
    file_behind_url,
    local_path,
    raw_table,
    sftp_file,
)

PASSWORD = "s3cret"


def test_a_local_file_is_named_by_its_path():
    name = local_path(Path("/landing/ventas_arg.csv"))
    rule = LocalFileSystem(path="/landing/ventas_arg.csv")
    assert name == DatasetName(rule.get_namespace(), rule.get_name())


def test_a_raw_table_is_the_folder_of_its_batches():
    assert raw_table(Path("/lake/raw"), "pharma_files", "ventas_arg") == DatasetName(
        "file", "/lake/raw/pharma_files/ventas_arg"
    )
    assert raw_table("s3://lake/raw", "pharma_files", "ventas_arg") == DatasetName(
        "s3://lake", "raw/pharma_files/ventas_arg"
    )


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("s3://bucket/in", DatasetName("s3://bucket", "in/a.csv")),
        ("s3://bucket", DatasetName("s3://bucket", "a.csv")),
        ("ftp://ana@host:2121/in/", DatasetName("ftp://host:2121", "in/a.csv")),
        ("file:///landing", DatasetName("file", "/landing/a.csv")),
    ],
)
def test_a_file_behind_a_url_is_named_by_place_and_key(folder, expected):
    assert file_behind_url(folder, "a.csv") == expected


def test_an_sftp_file_is_named_by_server_and_path():
    assert sftp_file("files.example.com", 2222, "/upload/", "a.csv") == DatasetName(
        "sftp://files.example.com:2222", "/upload/a.csv"
    )


@pytest.mark.parametrize(
    ("base_url", "path", "expected"),
    [
        (
            "https://api.example.com/v1/",
            "/rates/{year}",
            ("https://api.example.com/v1", "/rates/{year}"),
        ),
        ("https://api.example.com", "/rates?key=s3cret", ("https://api.example.com", "/rates")),
        (f"https://ana:{PASSWORD}@api.example.com", "", ("https://api.example.com", "/")),
    ],
)
def test_an_api_is_named_by_its_base_url_without_user_and_query(base_url, path, expected):
    assert api_resource(base_url, path) == DatasetName(*expected)


def test_mysql_and_postgres_are_named_by_the_rules_of_the_client():
    mysql = MySQL(host="db", port="3306", database="shop", table="orders")
    postgres = Postgres(host="db", port="5433", database="shop", schema="public", table="orders")
    assert database_table(
        make_url(f"mysql+pymysql://u:{PASSWORD}@db/shop"), "orders"
    ) == DatasetName(mysql.get_namespace(), mysql.get_name())
    assert database_table(
        make_url(f"postgresql+psycopg://u:{PASSWORD}@db:5433/shop?password=s3cret"), "orders"
    ) == DatasetName(postgres.get_namespace(), postgres.get_name())


@pytest.mark.parametrize(
    ("url", "relation", "expected"),
    [
        ("mysql+pymysql://db/shop", "other.orders", ("mysql://db:3306", "other.orders")),
        ("postgresql+psycopg://db/shop", "crm.orders", ("postgres://db:5432", "shop.crm.orders")),
        ("sqlite:////srv/shop.db", "orders", ("sqlite:///srv/shop.db", "orders")),
        (
            f"mssql+pyodbc://u:{PASSWORD}@db:1433/shop",
            "dbo.orders",
            ("mssql://db:1433", "shop.dbo.orders"),
        ),
    ],
)
def test_a_table_of_a_database_is_named_by_server_database_and_relation(url, relation, expected):
    assert database_table(make_url(url), relation) == DatasetName(*expected)


def test_a_duckdb_relation_is_named_by_file_schema_and_table():
    assert duckdb_relation(Path("/w/shop.duckdb"), "marts", "fct") == DatasetName(
        "duckdb:///w/shop.duckdb", "shop.marts.fct"
    )
