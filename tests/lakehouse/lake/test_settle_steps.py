from datetime import UTC, datetime

import pytest

from lakehouse.faults import Fault
from lakehouse.lake.error_ledger import ErrorLedger
from lakehouse.lake.settle_steps import settle_done, settle_extraction, settle_stopped
from lakehouse.source_catalog import Catalog

NOW = datetime(2026, 11, 1, 6, tzinfo=UTC)
DOWN = Fault("extract", "shop", "source_unreachable", "no answer")
MISSING = Fault("extract", "shop.sales", "file_missing", "no file")
LOCKED = Fault("extract", "shop.stock", "step_failed", "no room")


@pytest.fixture
def extract(lake, make_table):
    """`extract(["shop.sales"], fault)`: what is open after tables were read, others not."""

    def one(read: list[str], *faults: Fault, names=("sales", "stock")):
        catalog = Catalog(domain="shop", tables=tuple(make_table(name) for name in names))
        settle_extraction(catalog, lake.ledger.engine, read, faults, NOW)
        return open_faults(lake)

    return one


def open_faults(lake) -> list[tuple[str | None, str]]:
    errors = ErrorLedger(lake.ledger.engine).open_errors("shop")
    return [(error.table_name, error.error_type) for error in errors]


def test_a_table_that_is_read_again_resolves_its_own_errors_only(extract):
    both = extract([], MISSING, LOCKED)
    assert both == [("shop.sales", "file_missing"), ("shop.stock", "step_failed")]
    assert extract(["shop.sales"]) == [("shop.stock", "step_failed")]
    assert extract(["shop.sales", "shop.stock"]) == []


def test_a_source_that_is_read_again_resolves_the_error_of_the_source(extract):
    assert extract([], DOWN) == [("shop", "source_unreachable")]
    assert extract([]) == [("shop", "source_unreachable")]
    assert extract(["shop.sales"]) == []


def test_a_fault_of_a_table_that_was_read_stays_as_long_as_it_is_met(extract):
    extract(["shop.sales"], MISSING)
    assert extract(["shop.sales"], MISSING) == [("shop.sales", "file_missing")]


def test_errors_of_a_table_that_is_declared_no_more_are_resolved(extract):
    extract([], MISSING)
    assert extract(["shop.stock"], names=("stock",)) == []


def test_a_step_that_ends_well_resolves_what_stopped_it_and_nothing_else(extract, lake):
    extract([], MISSING)
    engine = lake.ledger.engine
    for stage, kind in (("publish", "publish_refused"), ("transform", "step_failed")):
        assert settle_stopped(engine, "shop", Fault(stage, None, kind, "why"), NOW)
    assert settle_done(engine, "shop", "publish", NOW)
    assert open_faults(lake) == [("shop.sales", "file_missing"), (None, "step_failed")]
    assert not settle_done(engine, "shop", "publish", NOW)
