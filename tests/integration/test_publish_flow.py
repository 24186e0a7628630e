"""Flows that publish to a real PostgreSQL: what is told, who waits, and runs that are killed."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import psycopg
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from servers import killed_run
from sqlalchemy import URL

from cli.doctor import examine
from demo.olist.deliveries import write_history
from demo.olist.market import Marketplace
from demo.pharma_deliveries import seed_deliveries
from flows.elt import elt
from flows.publish import publish
from lakehouse.settings import Settings, load_settings
from tasks.publish_serving import publish_serving

pytestmark = pytest.mark.integration
FIGURES = "select invoice_id, venta_total_usd from {}.fct_ventas_latam order by 1"


@pytest.fixture
def settings(postgres_database: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("ALJIBE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ALJIBE_DATA_CATALOG", "false")
    monkeypatch.setenv("ALJIBE_SERVING_LOCK_SECONDS", "1")
    url = postgres_database.set(drivername="postgresql").render_as_string(hide_password=False)
    monkeypatch.setenv("ALJIBE_SERVING_URL", url)
    loaded = load_settings()
    seed_deliveries(loaded.landing("pharma_latam"))
    return loaded


def connected(url: URL, **options: str) -> psycopg.Connection:
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, **options)


def run_in_postgres(url: URL, statement: str) -> None:
    with connected(url) as session:
        session.execute(statement.encode())


def in_postgres(url: URL, query: str) -> list:
    with connected(url) as session:
        return session.execute(query.encode()).fetchall()


def in_copy(settings: Settings, query: str) -> list:
    with duckdb.connect(str(settings.serving("pharma_latam")), read_only=True) as connection:
        return connection.execute(query).fetchall()


def artifact(key: str):
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
        )
    return max(found, key=lambda one: str(one.created))


def deliver(settings: Settings, name: str, rows: str) -> None:
    (settings.landing("pharma_latam") / name).write_text(
        f"invoice_id,fecha,producto_cod,cantidad,precio_unit,moneda\n{rows}\n"
    )


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("prefect_database")
def test_runs_publish_to_both_or_to_neither_and_say_how_the_rows_balance(
    settings, postgres_database, monkeypatch
):
    state = elt("pharma_latam", return_state=True)
    assert state.is_completed(), state.message
    assert "published to PostgreSQL and the serving copy" in state.message
    there = in_postgres(postgres_database, FIGURES.format("pharma_latam_consume"))
    assert there == in_copy(settings, FIGURES.format("consume"))
    assert len(there) > 0

    told = artifact("balance-pharma-latam")
    assert told.description == "🟢 Every delivered row is accounted for."
    rows = json.loads(told.data)
    assert {row[""] for row in rows} == {"🟢"}
    assert {row["step"] for row in rows} >= {"delivered to RAW", "warehouse to PostgreSQL"}
    (table,) = [row for row in rows if row["table"] == "consume.fct\\_ventas\\_latam"] or [
        row for row in rows if row["table"] == "consume.fct_ventas_latam"
    ]
    assert table["rows in"] == table["rows out"] == str(len(there))

    comments = in_postgres(
        postgres_database,
        "select obj_description('pharma_latam_consume.fct_ventas_latam'::regclass)",
    )
    assert comments[0][0]
    again = publish("pharma_latam", return_state=True)
    assert "were published already" in again.message

    # What PostgreSQL lost, such as by a restore of an older backup, comes back without a build.
    run_in_postgres(postgres_database, "drop schema aljibe, pharma_latam_consume cascade")
    back = publish("pharma_latam", return_state=True)
    assert back.is_completed(), back.message
    assert in_postgres(postgres_database, FIGURES.format("pharma_latam_consume")) == there
    checks = {check.name: check for check in examine()}
    assert checks["serving database"].verdict == "ok"
    assert "1 domains published" in checks["serving database"].text

    deliver(settings, "ventas_arg_2.csv", "ARG-004,2024-02-02,AMOX500,1,850.50,ARS")
    count = "select count(*) from pharma_latam_consume.fct_ventas_latam"
    with connected(postgres_database, application_name="a dashboard") as reader:
        reader.execute(count)
        monkeypatch.setattr(publish_serving, "retries", 0)
        stopped = elt("pharma_latam", return_state=True)
        assert stopped.is_failed()
        assert "holds pharma_latam_consume.fct_ventas_latam" in stopped.message
        assert "a dashboard" in stopped.message
        # The reader's transaction goes on undisturbed.
        assert reader.execute(count).fetchone() == (len(there),)
    assert in_copy(settings, FIGURES.format("consume")) == there
    assert in_postgres(postgres_database, FIGURES.format("pharma_latam_consume")) == there

    done = publish("pharma_latam", return_state=True)
    assert done.is_completed(), done.message
    after = in_copy(settings, FIGURES.format("consume"))
    assert len(after) == len(there) + 1
    assert in_postgres(postgres_database, FIGURES.format("pharma_latam_consume")) == after


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("prefect_database")
def test_olist_balances_from_its_files_to_postgresql(settings, postgres_database):
    landing = settings.landing("olist")
    landing.mkdir(parents=True)
    write_history(landing, Marketplace(7, 400))
    state = elt("olist", return_state=True)
    assert state.is_completed(), state.message
    rows = json.loads(artifact("balance-olist").data)
    assert {row[""] for row in rows} == {"🟢"}
    assert {row["step"] for row in rows} == {
        "delivered to RAW",
        "RAW to staging",
        "reconciliation of the domain",
        "warehouse to PostgreSQL",
    }
    with duckdb.connect(str(settings.serving("olist")), read_only=True) as copy:
        tables = copy.execute(
            "select schema_name, table_name from duckdb_tables() order by 1, 2"
        ).fetchall()
        assert len(tables) > 10
        for schema, name in tables:
            here = copy.execute(f'select count(*) from "{schema}"."{name}"').fetchall()
            assert (
                in_postgres(postgres_database, f'select count(*) from "olist_{schema}"."{name}"')
                == here
            ), name


POINTS = {
    "nothing loaded yet": ("lakehouse.publish.postgres.publication", "load_beside", "before"),
    "loaded, not verified": ("lakehouse.publish.postgres.publication", "load_beside", "after"),
    "verified, not swapped": (
        "lakehouse.publish.postgres.publication", "change_when_free", "before",
    ),
    "swapped, not committed": (
        "lakehouse.publish.postgres.publication", "change_when_free", "after",
    ),
    "committed, file not renamed": ("lakehouse.publish.postgres.publication", "show", "after"),
    "file renamed, not recorded": ("lakehouse.publish.serving_copy", "publish_file", "after"),
}  # fmt: skip


@pytest.mark.soak
@pytest.mark.parametrize("point", POINTS)
def test_a_run_that_was_killed_is_completed_by_the_next(
    point, settings, postgres_database, prefect_api, monkeypatch
):
    environment = {**os.environ, **prefect_api}
    command = [str(Path(sys.executable).parent / "aljibe"), "run", "pharma_latam"]
    first = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert first.returncode == 0, first.stderr
    before = in_postgres(postgres_database, FIGURES.format("pharma_latam_consume"))
    deliver(settings, "ventas_arg_2.csv", "ARG-004,2024-02-02,AMOX500,1,850.50,ARS")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from servers import killed_run; "
        "killed_run.POINTS['it'] = (sys.argv[2], sys.argv[3], sys.argv[4], 1); "
        "killed_run.main('it')"
    )
    tests = str(Path(killed_run.__file__).parents[1])
    killed = subprocess.run(
        [sys.executable, "-c", code, tests, *POINTS[point]],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    seen = in_postgres(postgres_database, FIGURES.format("pharma_latam_consume"))
    assert (len(seen) == len(before)) == (point not in list(POINTS)[-2:])
    again = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    after = in_copy(settings, FIGURES.format("consume"))
    assert len(after) == len(before) + 1
    assert in_postgres(postgres_database, FIGURES.format("pharma_latam_consume")) == after
    assert not list(settings.serving("pharma_latam").parent.glob(".*"))
    leftovers = "select nspname from pg_namespace where nspname like 'aljibe\\_next%'"
    assert in_postgres(postgres_database, leftovers) == []
