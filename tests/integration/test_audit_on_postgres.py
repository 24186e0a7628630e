"""The audit database on a real PostgreSQL server."""

import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from pydantic import SecretStr
from sqlalchemy import URL, text

from lakehouse.connectors.folder import find_files
from lakehouse.errors import AuditRefused, AuditUnavailable
from lakehouse.formats.staged_file import RejectedRow
from lakehouse.lake import audit_database
from lakehouse.lake.audit_database import audit_engine
from lakehouse.lake.audit_schema import metadata
from lakehouse.lake.ledger import Batch, Delivery, Ledger
from lakehouse.lake.load_file import load_file
from lakehouse.lake.raw_lake import RawLake
from lakehouse.lake.raw_views import register_raw
from lakehouse.publish.publication_log import PublicationLog
from lakehouse.settings import Settings
from lakehouse.source_catalog import Catalog, Column, Table, TableMeta
from lakehouse.transform.build_history import BuildHistory

pytestmark = pytest.mark.integration

OPEN = """
import sys
from lakehouse.lake.audit_database import audit_engine
from lakehouse.settings import load_settings
print("up", flush=True)
sys.stdin.readline()
with audit_engine(load_settings()).connect() as connection:
    print(connection.exec_driver_sql("select count(*) from deliveries").fetchall(), flush=True)
"""
NOW = datetime(2026, 1, 2, 3, 4, 5, 678, UTC)


@pytest.fixture
def settings(postgres_database: URL, tmp_path: Path) -> Settings:
    url = postgres_database.render_as_string(hide_password=False)
    return Settings(home=tmp_path, audit_url=SecretStr(url))


@pytest.fixture
def engine(settings):
    opened = audit_engine(settings)
    yield opened
    opened.dispose()


def make_delivery(**overrides) -> Delivery:
    values = {
        "source_name": "shop",
        "table_name": "sales",
        "file_name": "a.csv",
        "size": 2**40,
        "mtime_ns": 2**62,
        "sha256": "0" * 64,
        "reading_hash": "r",
        "status": "loaded",
        "batch_id": "b1",
        "rows_delivered": 2**40,
        "rows_loaded": 2**40,
        "rows_rejected": 0,
        "started_at": NOW,
        "seconds": 0.5,
    }
    return Delivery(**{**values, **overrides})


def make_batch(**overrides) -> Batch:
    values = {
        "batch_id": "b1",
        "source_name": "shop",
        "table_name": "sales",
        "content_key": "c1",
        "path": "shop/sales/b1.parquet",
        "sha256": "0" * 64,
        "schema_hash": "s",
        "rows_loaded": 1,
        "rows_rejected": 0,
        "bytes": 2**40,
        "extracted_at": NOW,
    }
    return Batch(**{**values, **overrides})


def make_table(name: str = "sales") -> Table:
    return Table(
        source="shop",
        name=name,
        connector="files",
        block="landing",
        schema_name="raw",
        meta=TableMeta(load="append", pattern="*.csv"),
        columns=(Column(name="id", data_type="integer"), Column(name="city")),
        file=Path("_shop__sources.yml"),
    )


def test_models_and_migrations_agree(engine):
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_processes_that_open_a_new_database_at_once_migrate_it_once(settings, monkeypatch):
    monkeypatch.setenv("ALJIBE_AUDIT_URL", settings.audit_database_url.get_secret_value())
    monkeypatch.setenv("ALJIBE_HOME", str(settings.home))
    children = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for child in children:
        assert child.stdout.readline() == "up\n"
    for child in children:
        child.stdin.write("\n")
        child.stdin.flush()
    assert [child.communicate(timeout=60) for child in children] == [("[(0,)]\n", "")] * 3


def test_deliveries_come_back_as_they_were_recorded(engine):
    ledger = Ledger(engine)
    reject = RejectedRow(7, "id", "not an integer", "x", "x,y")
    number = ledger.record(make_delivery(), new_batch=make_batch(), rejects=[reject])
    assert ledger.batch("b1") == make_batch()
    found = ledger.newest_deliveries(make_table())["a.csv"]
    assert found == make_delivery(delivery_id=number)


def test_threads_record_at_once(engine):
    ledger = Ledger(engine)

    def work(number: int) -> None:
        for turn in range(5):
            name = f"{number}-{turn}"
            ledger.record(make_delivery(file_name=name, status="quarantined", batch_id=None))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ledger.newest_deliveries(make_table())) == 25


def test_a_file_is_loaded_and_registered(settings, engine, tmp_path):
    landing = tmp_path / "landing"
    landing.mkdir()
    (landing / "a.csv").write_text("id,city\n1,Salta\nx,bad\n")
    table, lake = make_table(), RawLake.of(settings)
    (found,) = find_files(landing, table)
    assert load_file(landing, found, table, lake).rows_loaded == 1
    assert load_file(landing, found, table, lake).status == "known"
    catalog = Catalog(domain="shop", tables=(table,))
    assert len(register_raw(catalog, lake, settings.warehouse("shop"), "test")) == 1


def test_builds_and_publications_are_kept(engine):
    history, log = BuildHistory(engine), PublicationLog(engine)
    build_id = history.start("shop", "f", run_id="run")
    history.finish(build_id, "passed", None)
    assert history.last("shop").is_good
    written = log.record("shop", build_id, {"marts.año": 3}, None)
    assert log.last("shop") == written


def test_a_connection_that_the_server_closed_is_opened_again(engine, postgres_database):
    ledger = Ledger(engine)
    assert ledger.batch("b1") is None
    with audit_database._create(
        postgres_database.render_as_string(hide_password=False)
    ).begin() as other:
        other.execute(
            text(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid()"
            )
        )
    assert ledger.batch("b1") is None


def test_a_connection_lost_in_a_transaction_is_transient(engine, postgres_database):
    other = audit_database._create(postgres_database.render_as_string(hide_password=False))
    with engine.connect() as connection:
        pid = connection.execute(text("select pg_backend_pid()")).scalar()
        with other.begin() as admin:
            admin.execute(text("select pg_terminate_backend(:pid)"), {"pid": pid})
        with pytest.raises(AuditUnavailable, match="ALJIBE_AUDIT_URL"):
            connection.execute(text("select 1"))
    other.dispose()


def test_a_wrong_password_or_database_is_told_without_the_password(postgres_database, tmp_path):
    for url in (
        postgres_database.set(username="nobody", password="s3cr3t"),
        postgres_database.set(database="nowhere"),
    ):
        shown = SecretStr(url.render_as_string(hide_password=False))
        with pytest.raises(AuditRefused, match=r"nobody|nowhere") as caught:
            audit_engine(Settings(home=tmp_path, audit_url=shown))
        assert "s3cr3t" not in str(caught.value)
