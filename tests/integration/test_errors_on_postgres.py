"""The error ledger on a real PostgreSQL server."""

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from pydantic import SecretStr
from sqlalchemy import URL

from lakehouse.connectors.folder import find_files
from lakehouse.faults import Fault
from lakehouse.lake.audit_database import audit_engine
from lakehouse.lake.error_ledger import ErrorLedger, write_error_log
from lakehouse.lake.load_faults import settle_loads
from lakehouse.lake.load_file import load_file
from lakehouse.lake.raw_lake import RawLake
from lakehouse.settings import Settings
from lakehouse.source_catalog import Catalog, Column, Table, TableMeta

pytestmark = pytest.mark.integration

NOW = datetime(2026, 11, 1, 6, tzinfo=UTC)
MISSING = Fault("extract", "shop.sales", "file_missing", "no file", details={"pattern": "a*"})


@pytest.fixture
def lake(postgres_database: URL, tmp_path: Path):
    url = postgres_database.render_as_string(hide_password=False)
    opened = RawLake.of(Settings(home=tmp_path, audit_url=SecretStr(url)))
    yield opened
    opened.ledger.engine.dispose()


@pytest.fixture
def ledger(lake):
    return ErrorLedger(audit_engine(lake.settings))


def test_runs_that_settle_at_once_write_one_row(ledger):
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        ledger.settle("shop", [MISSING], lambda _: "OPEN", NOW)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(ledger.open_errors("shop")) == 1


def test_an_error_lives_from_its_fault_over_a_decision_to_the_warehouse(ledger, tmp_path):
    ledger.settle("shop", [MISSING], lambda _: "OPEN", NOW)
    (error,) = ledger.open_errors("shop")
    ledger.ignore(error.error_id, "the shop closed in June", by="ana", at=NOW)
    assert ledger.settle("shop", [], lambda _: "RESOLVED", NOW + timedelta(days=1))
    assert not ledger.settle("shop", [], lambda _: "RESOLVED", NOW + timedelta(days=2))
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        write_error_log(connection, ledger.engine, "shop")
        ((status, details),) = connection.execute(
            "select resolution_status, error_details from etl.error_log"
        ).fetchall()
    assert status == "IGNORED"
    assert json.loads(details)["pattern"] == "a*"
    assert json.loads(details)["ignored"]["by"] == "ana"


def test_load_errors_are_those_that_deliveries_have(lake, ledger, tmp_path):
    table = Table(
        source="shop",
        name="sales",
        connector="files",
        block="landing",
        schema_name="raw",
        meta=TableMeta(load="append", pattern="*.csv"),
        columns=(Column(name="id", data_type="integer"),),
        file=Path("_shop__sources.yml"),
    )
    for name, content in (("a.csv", "id,zone\n1,n\nx,n\n"), ("b.csv", ""), ("c.csv", "id\n1\n")):
        (tmp_path / name).write_text(content)
    for found in find_files(tmp_path, table):
        load_file(tmp_path, found, table, lake, run_id="run-1")
    settle_loads(Catalog(domain="shop", tables=(table,)), lake.ledger, NOW)
    assert sorted((one.error_type, one.subject) for one in ledger.open_errors("shop")) == [
        ("file_unreadable", "b.csv"),
        ("new_column", "a.csv"),
        ("values_refused", "a.csv"),
    ]
