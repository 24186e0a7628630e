"""TLS to a server: checked against a CA that the URL names, and refused for good where it fails."""

from dataclasses import replace
from pathlib import Path

import pytest
from servers.certificate import write_certificate
from servers.database_source import DatabaseSource, loaded_rows
from servers.mariadb import MariaDbServer

from lakehouse.errors import DatabaseRefused

pytestmark = pytest.mark.integration


def with_query(source: DatabaseSource, **query: str) -> DatabaseSource:
    return replace(source, url=source.url.update_query_dict(query))


def test_a_table_is_read_over_tls_that_is_checked(
    mysql_source: DatabaseSource, mariadb_server: MariaDbServer
) -> None:
    mysql_source.run(
        "create user only_tls@'127.0.0.1' identified by 'a-b' require ssl",
        "grant select, process on *.* to only_tls@'127.0.0.1'",
        "create table t (id int primary key)",
        "insert into t values (1), (2)",
    )
    table = mysql_source.table("t", {"id": "integer"}, key=["id"])
    guest = replace(mysql_source, url=mysql_source.url.set(username="only_tls", password="a-b"))
    over_tls = with_query(guest, ssl_ca=str(mariadb_server.certificate))
    assert loaded_rows(over_tls.load(table)) == [2]


def test_a_certificate_of_somebody_else_is_refused_and_not_tried_again(
    mysql_source: DatabaseSource, tmp_path: Path
) -> None:
    mysql_source.run("create table t (id int primary key)")
    write_certificate(tmp_path / "other.pem", tmp_path / "key.pem")
    other = with_query(mysql_source, ssl_ca=str(tmp_path / "other.pem"))
    with pytest.raises(DatabaseRefused, match=r"certificate is not to be trusted.*ssl_ca"):
        other.load(mysql_source.table("t", {"id": "integer"}, key=["id"]))
