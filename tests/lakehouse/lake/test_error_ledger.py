import json
import threading
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from lakehouse.errors import ErrorNotOpen
from lakehouse.faults import Fault
from lakehouse.lake.audit_database import audit_engine
from lakehouse.lake.error_ledger import ErrorLedger, ErrorRecord, write_error_log

START = datetime(2026, 11, 1, 6, tzinfo=UTC)
REASON = "the shop closed in June"


def make_fault(**overrides) -> Fault:
    values = {
        "stage": "extract",
        "table": "shop.sales",
        "error_type": "file_missing",
        "message": "no file",
    }
    return Fault(**{**values, **overrides})


@pytest.fixture
def ledger(settings):
    opened = ErrorLedger(audit_engine(settings))
    yield opened
    opened.engine.dispose()


@pytest.fixture
def run(ledger):
    """`run(day, fault, ...)`: a run of that day that met these and saw all others gone."""

    def one(day: int, *faults: Fault, end: str = "RESOLVED", domain: str = "shop") -> bool:
        return ledger.settle(domain, faults, lambda _: end, START + timedelta(days=day))

    return one


@pytest.fixture
def rows(ledger, tmp_path):
    """Every row of the domain as its warehouse shows them."""

    def read(domain: str = "shop") -> list[dict]:
        with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
            connection.execute("set timezone = 'UTC'")
            write_error_log(connection, ledger.engine, domain)
            found = connection.execute("from etl.error_log order by error_id")
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    return read


def test_a_fault_that_persists_stays_one_row_with_its_first_time(run, rows):
    run(0, make_fault())
    run(3, make_fault(message="still no file"))
    (row,) = rows()
    assert row["error_timestamp"] == row["created_at"] == START
    assert json.loads(row["error_details"]) == {"last_seen": "2026-11-04T06:00:00+00:00"}
    assert (row["error_message"], row["resolution_status"]) == ("still no file", "OPEN")
    assert row["resolved_at"] is None


def test_the_log_has_the_columns_that_it_promises(run, rows):
    run(0, make_fault(at=START - timedelta(hours=1), details={"pattern": "a*.csv"}))
    (row,) = rows()
    assert list(row) == [
        "error_id",
        "error_timestamp",
        "pipeline_stage",
        "table_name",
        "error_type",
        "error_message",
        "error_details",
        "resolution_status",
        "created_at",
        "resolved_at",
    ]
    assert (row["error_timestamp"], row["created_at"]) == (START - timedelta(hours=1), START)
    assert json.loads(row["error_details"])["pattern"] == "a*.csv"


def test_the_same_run_told_twice_changes_nothing(run, rows):
    fault = make_fault(at=START)
    assert run(1, fault)
    before = rows()
    assert not run(2, fault)
    assert rows() == before


def test_a_fault_that_comes_back_is_a_second_row(run, rows):
    run(0, make_fault())
    run(1)
    run(2, make_fault())
    assert [(row["resolution_status"], row["resolved_at"]) for row in rows()] == [
        ("RESOLVED", START + timedelta(days=1)),
        ("OPEN", None),
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"stage": "load"},
        {"table": "shop.stock"},
        {"error_type": "new_column"},
        {"subject": "a.csv"},
    ],
    ids=str,
)
def test_stage_table_type_and_file_tell_faults_apart(run, rows, other):
    run(0, make_fault(), make_fault(**other))
    assert len(rows()) == 2


def test_what_a_run_says_nothing_about_stays_open(run, rows):
    run(0, make_fault())
    assert not run(1, end="OPEN")
    assert rows()[0]["resolution_status"] == "OPEN"


def test_domains_do_not_settle_one_another(run, rows):
    run(0, make_fault(), domain="shop")
    run(1, domain="stock")
    assert rows("shop")[0]["resolution_status"] == "OPEN"
    assert rows("stock") == []


def test_an_ignored_error_stays_ignored_until_its_fault_is_gone(run, rows, ledger):
    run(0, make_fault())
    at = START + timedelta(hours=1)
    ignored = ledger.ignore(rows()[0]["error_id"], REASON, by="ana", at=at)
    assert ignored.resolution_status == "IGNORED"
    assert ledger.open_errors("shop") == []
    run(1, make_fault())
    (row,) = rows()
    assert (row["resolution_status"], row["resolved_at"]) == ("IGNORED", at)
    decision = json.loads(row["error_details"])["ignored"]
    assert decision == {"by": "ana", "reason": REASON}
    run(2)
    assert rows()[0]["resolved_at"] == at
    run(3, make_fault())
    assert [one["resolution_status"] for one in rows()] == ["IGNORED", "OPEN"]


@pytest.mark.parametrize("reason", ["", "no", "1234567890", "   a    b "])
def test_to_ignore_an_error_needs_a_reason(run, rows, ledger, reason):
    run(0, make_fault())
    with pytest.raises(ErrorNotOpen, match="at least 10 characters"):
        ledger.ignore(rows()[0]["error_id"], reason, by="ana", at=START)
    assert rows()[0]["resolution_status"] == "OPEN"


@pytest.mark.parametrize("number", [0, 77, 2**70])
def test_an_error_that_does_not_exist_cannot_be_ignored(ledger, number):
    with pytest.raises(ErrorNotOpen, match="does not exist"):
        ledger.ignore(number, REASON, by="ana", at=START)


def test_an_error_is_settled_once(run, rows, ledger):
    run(0, make_fault())
    run(1)
    with pytest.raises(ErrorNotOpen, match="RESOLVED already"):
        ledger.ignore(rows()[0]["error_id"], REASON, by="ana", at=START)


def test_a_call_that_fails_in_its_middle_leaves_the_rows_as_they_were(run, rows):
    run(0, make_fault())
    before = rows()
    with pytest.raises(Exception, match="JSON serializable"):
        run(1, make_fault(subject="b.csv", details={"rows": object()}))
    assert rows() == before


def test_runs_that_settle_at_once_write_one_row(run, rows):
    start = threading.Barrier(4)

    def work(day: int) -> None:
        start.wait()
        run(day, make_fault())

    threads = [threading.Thread(target=work, args=(day,)) for day in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(rows()) == 1


def test_open_errors_come_oldest_first(run, ledger):
    run(0, make_fault())
    run(1, make_fault(), make_fault(subject="b.csv"))
    found = ledger.open_errors("shop")
    assert [type(one) for one in found] == [ErrorRecord, ErrorRecord]
    assert [one.subject for one in found] == ["", "b.csv"]
