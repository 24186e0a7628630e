"""The servers that other tests rely on start, answer, and are gone afterwards."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import psycopg
import pytest
from servers.postgres import (
    PostgresMissingError,
    PostgresServer,
    postgres_binaries,
    running_postgres,
)
from servers.prefect_server import without_prefect
from sqlalchemy import URL, create_engine, text

pytestmark = pytest.mark.integration


def test_postgres_url_reaches_a_server_that_keeps_what_is_written(postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(text("create temporary table t as select 7 as n"))
        assert connection.scalar(text("select n from t")) == 7
        assert connection.scalar(text("show server_encoding")) == "UTF8"
    engine.dispose()


def test_each_test_gets_a_database_of_its_own(postgres_database: URL, postgres_url: str) -> None:
    engine = create_engine(postgres_database)
    with engine.connect() as connection:
        assert connection.scalar(text("select current_database()")) == postgres_database.database
    engine.dispose()
    assert str(postgres_database.database) not in postgres_url


def test_postgres_asks_for_its_password(postgres_server: PostgresServer) -> None:
    url = postgres_server.url.set(drivername="postgresql", password="wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url.render_as_string(hide_password=False))


def test_postgres_leaves_neither_process_nor_folder(postgres_server: PostgresServer) -> None:
    with running_postgres() as second:
        assert second.url.port != postgres_server.url.port
        os.kill(second.pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(second.pid, 0)
    assert not second.folder.exists()


def test_prefect_server_records_a_flow_run(prefect_api: dict[str, str], tmp_path: Path) -> None:
    script = tmp_path / "one_flow.py"
    script.write_text(
        "from prefect import flow\n\n\n@flow\ndef recorded():\n    return 1\n\n\nrecorded()\n"
    )
    environment = without_prefect(os.environ) | prefect_api
    subprocess.run([sys.executable, script], env=environment, check=True, capture_output=True)
    answer = httpx.post(
        f"{prefect_api['PREFECT_API_URL']}/flow_runs/filter",
        json={"flows": {"name": {"any_": ["recorded"]}}},
    )
    assert [run["state_type"] for run in answer.json()] == ["COMPLETED"]
    assert (Path(prefect_api["PREFECT_HOME"]) / "prefect.db").exists()


def test_a_machine_without_postgres_is_told_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(PostgresMissingError, match="apt-get install postgresql"):
        postgres_binaries(tmp_path)
