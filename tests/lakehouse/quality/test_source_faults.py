from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from lakehouse.faults import Fault
from lakehouse.lake.error_ledger import ErrorLedger, ErrorRecord
from lakehouse.quality.source_faults import source_faults

NOW = datetime(2026, 11, 21, 6, tzinfo=UTC)


@pytest.fixture
def noted(audit) -> Callable[..., list[ErrorRecord]]:
    """The open errors of a domain in which these faults were met."""

    def note(*faults: Fault) -> list[ErrorRecord]:
        ledger = ErrorLedger(audit)
        ledger.settle("mill", faults, lambda _: "OPEN", NOW)
        return ledger.open_errors("mill")

    return note


@pytest.mark.parametrize(
    ("fault", "kind", "file"),
    [
        (
            Fault("extract", "s.t", "file_missing", "none", details={"pattern": "t*.csv"}),
            "missing",
            "t*.csv",
        ),
        (Fault("extract", "s", "source_unreachable", "no answer"), "unread", ""),
        (Fault("extract", "s.t", "file_unreadable", "no rights", "t.csv"), "unread", "t.csv"),
        (Fault("load", "s.t", "schema_mismatch", "lacks b", "t.csv"), "quarantined", "t.csv"),
        (Fault("load", "s.t", "rows_refused", "too many", "t.csv"), "quarantined", "t.csv"),
        (
            Fault("load", "s.t", "values_refused", "of b", "t.csv", details={"rows_refused": 1}),
            "partly",
            "t.csv",
        ),
    ],
)
def test_what_keeps_a_table_from_being_loaded_is_a_fault_of_it(noted, fault, kind, file):
    (found,) = source_faults("s.t", noted(fault))
    assert (found.kind, found.table, found.file) == (kind, fault.table, file)
    assert (found.message, found.since) == (fault.message, NOW)


def test_other_tables_late_sources_new_columns_and_models_are_not(noted):
    errors = noted(
        Fault("extract", "s.other", "file_missing", "none"),
        Fault("extract", "s.t", "source_stale", "late"),
        Fault("load", "s.t", "new_column", "c", "t.csv", details={"columns": ["c"]}),
        Fault("transform", "s.t", "test_failed", "a test"),
        Fault("load", None, "step_failed", "disk"),
    )
    assert source_faults("s.t", errors) == ()
