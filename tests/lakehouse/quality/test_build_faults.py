from datetime import UTC, datetime

import pytest

from lakehouse.lake.error_ledger import ErrorLedger
from lakehouse.quality.build_faults import build_faults, settle_build
from lakehouse.quality.build_results import BuildResults, NodeResult

AT = datetime(2026, 11, 21, 6, 3, tzinfo=UTC)
NOW = datetime(2026, 11, 21, 6, 4, tzinfo=UTC)
CONVERSION = (
    "Runtime Error in model fct (models/fct.sql)\n"
    "  Conversion Error: Could not convert string 'canary' to INT32"
)


def make_test(status: str, unique_id: str = "test.p.unique_fct_id", **overrides) -> NodeResult:
    values = {"severity": "error", "model": "fct", "failures": 2, "test_kind": "unique"}
    name = unique_id.rpartition(".")[2]
    return NodeResult(unique_id, name, "test", status, **{**values, **overrides})


def make_model(status: str, message: str | None = None) -> NodeResult:
    return NodeResult("model.p.fct", "fct", "model", status, message=message, path="fct.sql")


def results_of(*nodes: NodeResult) -> BuildResults:
    return BuildResults(nodes, "run-1", AT, 1.0, "1.11")


@pytest.fixture
def build(audit):
    """`build(node, ...)`: type, table and node of what is open after a build with these results."""

    def one(*nodes: NodeResult, known: set[str] | None = None) -> list[tuple[str, str, str]]:
        ids = {"test.p.unique_fct_id", "test.p.other", "model.p.fct"} if known is None else known
        settle_build(audit, "shop", results_of(*nodes), ids, NOW)
        errors = ErrorLedger(audit).open_errors("shop")
        return [(error.error_type, error.table_name, error.subject) for error in errors]

    return one


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("fail", "unique_fct_id fails (2 rows)"),
        ("warn", "unique_fct_id warns (2 rows)"),
        ("error", "unique_fct_id could not run"),
    ],
)
def test_a_test_that_does_not_pass_is_a_fault_of_its_model(status, said):
    (fault,) = build_faults(results_of(make_test(status)))
    assert (fault.stage, fault.error_type, fault.table) == ("transform", "test_failed", "fct")
    assert (fault.message, fault.at) == (said, AT)
    assert (fault.details["status"], fault.details["severity"]) == (status, "error")


@pytest.mark.parametrize("status", ["pass", "skipped"])
def test_what_passes_or_was_left_out_is_no_fault(status):
    assert build_faults(results_of(make_test(status), make_model(status))) == []


def test_a_model_that_failed_tells_the_kind_of_error_and_no_value():
    (fault,) = build_faults(results_of(make_model("error", CONVERSION)))
    assert fault.error_type == "model_failed"
    assert fault.message.startswith("fct could not be built: Runtime Error in model fct")
    assert "Conversion Error" in fault.message
    assert "canary" not in fault.message + str(fault.details)


def test_words_of_code_are_told_whole():
    message = 'Runtime Error in model fct (f.sql)\n  Binder Error: no column "nope"'
    (fault,) = build_faults(results_of(make_model("error", message)))
    assert 'no column "nope"' in fault.message


def test_a_node_that_ends_well_resolves_its_error_and_one_that_is_skipped_does_not(build):
    failed = [("test_failed", "fct", "test.p.unique_fct_id")]
    assert build(make_test("fail")) == failed
    assert build(make_test("skipped")) == failed
    assert build(make_test("pass", "test.p.other")) == failed
    assert build(make_test("pass")) == []


def test_a_failure_that_becomes_a_warning_stays_the_same_error(build, audit):
    build(make_test("fail"))
    build(make_test("warn"))
    (error,) = ErrorLedger(audit).open_errors("shop")
    assert (error.error_id, error.error_details["status"]) == (1, "warn")


def test_errors_of_a_node_that_the_project_has_no_more_are_resolved(build):
    build(make_test("fail"))
    assert build(known={"model.p.fct"}) == []


def test_a_late_source_is_an_error_of_extraction_until_it_is_judged_again(build):
    late = NodeResult(
        "source.p.shop.sales",
        "freshness of shop.sales",
        "source",
        "warn",
        message="The newest delivery is 3 days old; at most 1 day is allowed.",
        model="shop.sales",
    )
    (fault,) = build_faults(results_of(late))
    assert (fault.stage, fault.message) == ("extract", late.message)
    assert build(late) == [("source_stale", "shop.sales", "source.p.shop.sales")]
    assert build(make_test("pass")) == []


def test_the_same_results_told_twice_change_nothing(audit):
    results, known = results_of(make_test("fail")), {"test.p.unique_fct_id"}
    assert settle_build(audit, "shop", results, known, NOW)
    assert not settle_build(audit, "shop", results, known, NOW)
