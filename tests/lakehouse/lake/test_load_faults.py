from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from lakehouse.connectors.folder import find_files
from lakehouse.lake.audit_schema import errors
from lakehouse.lake.error_ledger import ErrorLedger
from lakehouse.lake.load_faults import settle_loads
from lakehouse.lake.load_file import load_file
from lakehouse.lake.quarantine import discard, find_refused, replay
from lakehouse.source_catalog import Catalog, Column

GOOD = "id,city\n1,Salta\n"
ONE_BAD_VALUE = "id,city\n1,Salta\nx,Jujuy\n"
ONE_BAD_RECORD = "id,city\n1,Salta\n2,Jujuy,Tilcara\n"
WIDER = "id,city,zone\n1,Salta,norte\n"
REASON = "sent by mistake, agreed with the shop"
NOW = datetime(2026, 11, 1, 6, tzinfo=UTC)


@pytest.fixture
def deliver_in(lake, landing, put):
    """`deliver_in("run-1", "a.csv", content, table)`: a file that a run loads."""

    def one(run: str, name: str, content: str | bytes, table):
        put(name, content)
        found = next(file for file in find_files(landing, table) if file.name == name)
        return load_file(landing, found, table, lake, run_id=run)

    return one


@pytest.fixture
def settled(lake):
    """Settle the load errors of a table; type, file and status of each row."""

    def settle(*tables):
        settle_loads(Catalog(domain="shop", tables=tables), lake.ledger, NOW)
        query = select(errors.c.error_type, errors.c.subject, errors.c.resolution_status)
        with lake.ledger.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(query.order_by(errors.c.error_id))]

    return settle


def open_errors(lake):
    return ErrorLedger(lake.ledger.engine).open_errors("shop")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("", "file_unreadable"),
        ("something;else\n1;2\n", "file_unreadable"),
        ("id,town\n1,Salta\n", "schema_mismatch"),
        ("id,city,city\n1,Salta,x\n", "schema_mismatch"),
        ("id,city\nx,Salta\n", "rows_refused"),
        ("id,city\n" + "1,Salta\n" * 30 + "x,Jujuy\n" * 30, "rows_refused"),
    ],
    ids=["empty", "other file", "renamed", "doubled", "no good row", "many bad rows"],
)
def test_a_refused_file_is_one_error_of_the_kind_of_its_refusal(
    deliver_in, settled, table, lake, content, kind
):
    delivery = deliver_in("run-1", "a.csv", content, table)
    assert delivery.status == "quarantined"
    assert settled(table) == [(kind, "a.csv", "OPEN")]
    (error,) = open_errors(lake)
    assert (error.pipeline_stage, error.table_name) == ("load", "shop.sales")
    assert error.error_message == delivery.reason
    assert error.error_details["delivery_id"] == delivery.delivery_id
    assert abs(error.error_timestamp - delivery.started_at) < timedelta(seconds=1)


def test_a_missing_column_has_one_kind_in_every_format(deliver_in, settled, make_table):
    json_table = make_table("docs", format="ndjson")
    xml_table = make_table("pages", format="xml", file={"record_path": "/r/x"})
    deliver_in("run-1", "a.json", '{"id": 1}\n', json_table)
    deliver_in("run-1", "a.xml", "<r><x><id>1</id></x></r>", xml_table)
    kinds = [kind for kind, _, _ in settled(json_table, xml_table)]
    assert kinds == ["schema_mismatch", "schema_mismatch"]


def test_a_snapshot_that_collapsed_has_its_own_kind(deliver_in, settled, make_table):
    table = make_table(load="snapshot")
    deliver_in("run-1", "a.csv", "id,city\n" + "1,Salta\n" * 10, table)
    deliver_in("run-2", "b.csv", GOOD, table)
    assert settled(table) == [("row_count_collapsed", "b.csv", "OPEN")]


def test_only_a_good_file_of_its_name_resolves_a_refused_one(deliver_in, settled, table):
    deliver_in("run-1", "a.csv", "id;town\n1;Salta\n", table)
    settled(table)
    deliver_in("run-2", "b.csv", GOOD, table)
    assert settled(table)[0][2] == "OPEN"
    deliver_in("run-3", "a.csv", "id,city\n2,Jujuy\n", table)
    assert settled(table) == [("file_unreadable", "a.csv", "RESOLVED")]


def test_a_file_refused_again_is_the_same_error_and_for_another_reason_another(
    deliver_in, settled, table
):
    deliver_in("run-1", "a.csv", "id,town\n1,Salta\n", table)
    settled(table)
    deliver_in("run-2", "a.csv", "id,town\n1,Jujuy\n", table)
    assert settled(table) == [("schema_mismatch", "a.csv", "OPEN")]
    deliver_in("run-3", "a.csv", "", table)
    assert settled(table) == [
        ("schema_mismatch", "a.csv", "RESOLVED"),
        ("file_unreadable", "a.csv", "OPEN"),
    ]


def test_a_discarded_file_is_ignored_and_a_replayed_one_resolved(deliver_in, settled, table, lake):
    first = deliver_in("run-1", "a.csv", "id,city\nx,Salta\n", table)
    second = deliver_in("run-1", "b.csv", "id,city\ny,Salta\n", table)
    settled(table)
    wide = table.model_copy(update={"columns": (Column(name="id"), Column(name="city"))})
    catalogs = [Catalog(domain="shop", tables=(wide,))]
    discard(find_refused(catalogs, lake, first.delivery_id), lake, REASON, run_id="ana")
    replay(find_refused(catalogs, lake, second.delivery_id), lake, run_id="ana")
    assert settled(wide) == [
        ("rows_refused", "a.csv", "IGNORED"),
        ("rows_refused", "b.csv", "RESOLVED"),
    ]


@pytest.mark.parametrize(
    ("content", "kind"), [(ONE_BAD_VALUE, "values_refused"), (ONE_BAD_RECORD, "rows_refused")]
)
def test_what_a_loaded_file_lost_is_an_error_until_a_later_run_is_free_of_it(
    deliver_in, settled, table, lake, content, kind
):
    deliver_in("run-1", "a.csv", content, table)
    deliver_in("run-1", "b.csv", GOOD, table)
    assert settled(table) == [(kind, "a.csv", "OPEN")]
    (error,) = open_errors(lake)
    assert (error.error_details["rows_delivered"], error.error_details["rows_refused"]) == (2, 1)
    assert "Jujuy" not in error.error_message + str(error.error_details)
    assert settled(table) == [(kind, "a.csv", "OPEN")]
    deliver_in("run-2", "c.csv", "id,city\n3,Salta\n", table)
    assert settled(table) == [(kind, "a.csv", "RESOLVED")]
    # A bad file of another name does not bring the settled one back.
    deliver_in("run-3", "c.csv", ONE_BAD_RECORD + "x,y\n", table)
    assert settled(table)[0] == (kind, "a.csv", "RESOLVED")


def test_a_corrected_file_resolves_what_it_lost(deliver_in, settled, table):
    deliver_in("run-1", "a.csv", ONE_BAD_VALUE, table)
    settled(table)
    deliver_in("run-1", "a.csv", "id,city\n1,Salta\n2,Jujuy\n", table)
    assert settled(table) == [("values_refused", "a.csv", "RESOLVED")]


def test_a_copy_of_a_bad_file_is_bad_too(deliver_in, settled, table):
    deliver_in("run-1", "a.csv", ONE_BAD_VALUE, table)
    copy = deliver_in("run-2", "copy.csv", ONE_BAD_VALUE, table)
    assert copy.status == "known"
    assert settled(table) == [
        ("values_refused", "copy.csv", "OPEN"),
        ("values_refused", "a.csv", "OPEN"),
    ]


def test_a_new_column_is_loaded_and_an_error_until_it_is_declared(
    deliver_in, settled, table, lake, warehouse
):
    delivery = deliver_in("run-1", "a.csv", WIDER, table)
    assert "new columns, loaded as text: zone" in delivery.reason
    assert settled(table) == [("new_column", "a.csv", "OPEN")]
    (error,) = open_errors(lake)
    assert error.error_details["columns"] == ["zone"]
    with warehouse(table) as connection:
        assert connection.execute("select zone from raw.sales").fetchall() == [("norte",)]
    declared = table.model_copy(update={"columns": (*table.columns, Column(name="zone"))})
    assert settled(declared) == [("new_column", "a.csv", "RESOLVED")]


def test_a_new_column_of_a_table_with_open_columns_is_loaded_and_nothing_is_told(
    deliver_in, settled, make_table, warehouse
):
    closed, opened = make_table(), make_table(open_columns=True)
    assert deliver_in("run-1", "a.csv", WIDER, opened).reason is None
    assert settled(opened) == []
    with warehouse(opened) as connection:
        assert connection.execute("select zone from raw.sales").fetchall() == [("norte",)]
    # What the lake has is told as soon as the table says no more that its columns are open.
    assert settled(closed) == [("new_column", "a.csv", "OPEN")]
    assert settled(opened) == [("new_column", "a.csv", "RESOLVED")]


def test_a_new_column_is_gone_when_the_next_files_lack_it(deliver_in, settled, table):
    deliver_in("run-1", "a.csv", WIDER, table)
    settled(table)
    deliver_in("run-2", "b.csv", GOOD, table)
    assert settled(table) == [("new_column", "a.csv", "RESOLVED")]


def test_errors_are_told_also_when_the_run_that_loaded_was_killed_before(
    deliver_in, settled, table
):
    deliver_in("run-1", "a.csv", ONE_BAD_VALUE, table)
    deliver_in("run-1", "b.csv", "id,town\n1,Salta\n", table)
    # The next run finds nothing new, and settles.
    expected = [("schema_mismatch", "b.csv", "OPEN"), ("values_refused", "a.csv", "OPEN")]
    assert settled(table) == settled(table) == expected


def test_errors_of_a_table_that_is_declared_no_more_are_resolved(deliver_in, settled, make_table):
    deliver_in("run-1", "a.csv", "", make_table())
    settled(make_table())
    assert settled(make_table("stock")) == [("file_unreadable", "a.csv", "RESOLVED")]
