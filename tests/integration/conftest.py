"""Fixtures for tests against real servers, which the tests start themselves."""

import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import URL

sys.path.insert(0, str(Path(__file__).resolve().parent))

from servers.postgres import PostgresMissingError, PostgresServer, running_postgres
from servers.prefect_server import running_prefect_server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server; skips where none is installed, and fails there when CI=true."""
    try:
        with running_postgres() as server:
            yield server
    except PostgresMissingError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


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


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Variables of a running Prefect server: PREFECT_API_URL, PREFECT_HOME and quiet ones."""
    with running_prefect_server(tmp_path_factory.mktemp("prefect")) as variables:
        yield variables
