import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lakehouse.errors import DeliveryUnreadable
from lakehouse.faults import fault_of
from lakehouse.lake.ledger import Delivery
from lakehouse.lake.pending_files import FileToLoad, TableFiles
from lakehouse.source_catalog import Column, Table, TableMeta
from lakehouse.table_load import TableLoad, ingest_summary


def make_delivery(**overrides) -> Delivery:
    values = {
        "source_name": "shop",
        "table_name": "sales",
        "file_name": "a.csv",
        "size": 1,
        "mtime_ns": 1,
        "sha256": "0",
        "reading_hash": "r",
        "status": "loaded",
        "batch_id": "b",
        "rows_delivered": 12,
        "rows_loaded": 10,
        "rows_rejected": 2,
        "started_at": datetime(2026, 1, 1, tzinfo=UTC),
        "seconds": 0.5,
    }
    return Delivery(**{**values, **overrides})


def make_load() -> TableLoad:
    known = make_delivery(file_name="b.csv", status="known")
    refused = make_delivery(
        file_name="c.csv", status="quarantined", batch_id=None, reason="Why.", rows_loaded=0
    )
    load = TableLoad("shop", "sales", files_found=4)
    for delivery in (make_delivery(reason="new column zone"), known, refused):
        load = load.with_delivery(delivery)
    return load.with_moving("d.csv")


def test_only_new_rows_are_counted():
    load = make_load()
    assert (load.rows_loaded, load.rows_rejected) == (10, 2)
    assert load.summary == ("1 loaded, 1 known, 1 quarantined of 3 deliveries, 10 rows, 2 refused")
    assert ingest_summary([load, TableLoad("shop", "x")]) == (
        "3 deliveries in 2 tables (1 with content that the lake has already), "
        "10 rows loaded, 2 refused"
    )


def test_every_file_says_how_it_ended():
    assert [str(file) for file in make_load().deliveries] == [
        "a.csv: 10 rows loaded in 0.5 s, 2 refused (new column zone)",
        "b.csv: content already in the lake, counted once",
        "c.csv: in quarantine. Why.",
    ]


def test_refused_rows_and_moving_files_are_findings():
    assert make_load().findings == [
        "shop.sales: 2 of 12 rows of a.csv were refused; lines and reasons are in "
        "etl.rejected_rows",
        "shop.sales: d.csv was still being written; the next run takes it",
        "shop.sales: a.csv: new column zone",
    ]


def test_nothing_new_is_said_as_such():
    assert TableLoad("shop", "sales").summary == "nothing new"
    assert TableLoad("shop", "sales", cached=True).summary == "nothing new (cached)"
    moving = TableLoad("shop", "sales").with_moving("a.csv")
    assert moving.summary == "nothing was loaded, see the findings"
    assert ingest_summary([TableLoad("shop", "sales")]) == "nothing new in 1 tables"


def test_a_load_survives_json():
    fault = fault_of("extract", "shop.sales", DeliveryUnreadable("forbidden"), subject="e.csv")
    load = replace(make_load(), faults=(fault,))
    assert TableLoad.from_dict(json.loads(json.dumps(load.to_dict()))) == load


def make_listing(*names: str, **overrides) -> TableFiles:
    files = tuple(FileToLoad(name, 1, 1, "0", {}, pending=True) for name in names)
    return TableFiles("landing", files, **overrides)


def make_table(**meta) -> Table:
    return Table(
        source="shop",
        name="sales",
        connector="files",
        block="landing",
        schema_name="raw",
        meta=TableMeta(load="append", pattern="sales*.csv", **meta),
        columns=(Column(name="id"),),
        file=Path("_shop__sources.yml"),
    )


def test_a_listing_without_a_file_of_a_required_table_is_a_fault():
    load = TableLoad.of_listing(make_table(required=True), make_listing())
    (fault,) = load.faults
    assert (fault.error_type, fault.table) == ("file_missing", "shop.sales")
    assert "no file named like sales*.csv is in landing" in fault.message
    assert load.summary == "nothing was loaded, see the findings"


@pytest.mark.parametrize(
    ("meta", "listing"),
    [
        ({"required": False}, make_listing()),
        ({"required": True}, make_listing("sales_1.csv")),
        ({"required": True}, make_listing(moving=("sales_1.csv",))),
        ({"required": True}, make_listing(unusable=("sales\\x1b.csv",))),
    ],
    ids=["not required", "a file", "a file that is being written", "a name not to be trusted"],
)
def test_any_file_of_the_table_or_none_that_is_required_is_no_fault(meta, listing):
    assert TableLoad.of_listing(make_table(**meta), listing).faults == ()
