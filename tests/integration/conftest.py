"""Fixtures for tests against real servers, which the tests start themselves."""

import os
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest
from sqlalchemy import URL

from lakehouse.lake.raw_lake import RawLake
from lakehouse.settings import Settings

sys.path.insert(0, str(Path(__file__).resolve().parent))

from servers.database_source import DatabaseSource
from servers.http_api import HttpApiServer, running_http_api
from servers.mariadb import MariaDbMissingError, MariaDbServer, connect_to, running_mariadb
from servers.postgres import PostgresMissingError, PostgresServer, running_postgres
from servers.postgres_source import PostgresSource
from servers.prefect_server import running_prefect_server
from servers.s3 import new_bucket, running_s3
from servers.sshd import SshdMissingError, SshServer, running_sshd

Server = TypeVar("Server")


def started(
    start: Callable[[], AbstractContextManager[Server]], missing: type[Exception]
) -> Iterator[Server]:
    """A running server; a skip where it is not installed, and a failure there when CI=true."""
    try:
        with start() as server:
            yield server
    except missing as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server."""
    yield from started(running_postgres, PostgresMissingError)


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    """`postgresql+psycopg://...` of a superuser, in one database for the whole session."""
    return postgres_server.url.render_as_string(hide_password=False)


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> URL:
    """SQLAlchemy URL of an empty database that only this test uses."""
    name = f"test_{uuid.uuid4().hex}"
    admin = postgres_server.url.set(drivername="postgresql")
    with psycopg.connect(admin.render_as_string(hide_password=False), autocommit=True) as session:
        session.execute(f'create database "{name}"')
    return postgres_server.url.set(database=name)


@pytest.fixture
def postgres_source(
    postgres_database: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PostgresSource]:
    """An empty PostgreSQL database and an empty lake."""
    monkeypatch.setenv("ALJIBE_HOME", str(tmp_path / "home"))
    lake = RawLake.of(Settings())
    yield PostgresSource(postgres_database, lake)
    lake.ledger.engine.dispose()


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Variables of a running Prefect server: PREFECT_API_URL, PREFECT_HOME and quiet ones."""
    with running_prefect_server(tmp_path_factory.mktemp("prefect")) as variables:
        yield variables


@pytest.fixture
def http_api() -> Iterator[HttpApiServer]:
    """An HTTP server that answers as the test tells it to."""
    with running_http_api() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDbServer]:
    """A MariaDB server."""
    yield from started(running_mariadb, MariaDbMissingError)


@pytest.fixture
def mariadb_database(mariadb_server: MariaDbServer) -> URL:
    """SQLAlchemy URL of an empty database that only this test uses."""
    name = f"test_{uuid.uuid4().hex}"
    with connect_to(mariadb_server.url) as session, session.cursor() as cursor:
        cursor.execute(f"create database `{name}` character set utf8mb4")
    return mariadb_server.url.set(database=name)


@pytest.fixture
def mysql_source(
    mariadb_database: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DatabaseSource]:
    """An empty MySQL database and an empty lake."""
    monkeypatch.setenv("ALJIBE_HOME", str(tmp_path / "home"))
    lake = RawLake.of(Settings())
    yield DatabaseSource(mariadb_database, lake)
    lake.ledger.engine.dispose()


@pytest.fixture(scope="session")
def ssh_server() -> Iterator[SshServer]:
    """An OpenSSH server."""
    yield from started(running_sshd, SshdMissingError)


@pytest.fixture
def upload(ssh_server: SshServer) -> Path:
    """An empty folder on the OpenSSH server that only this test uses."""
    folder = ssh_server.uploads / uuid.uuid4().hex
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def s3_server() -> Iterator[dict[str, str]]:
    """Standard AWS variables of a running S3-compatible server."""
    with running_s3() as variables:
        yield variables


@pytest.fixture
def s3_bucket(s3_server: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """`s3://...` of an empty bucket that only this test uses; the environment leads to it."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in s3_server.items():
        monkeypatch.setenv(name, value)
    return f"s3://{new_bucket(s3_server)}"
