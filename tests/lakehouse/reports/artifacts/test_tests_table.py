import json
from datetime import timedelta

from lakehouse.quality.failing_rows import FailingRows
from lakehouse.quality.run_facts import TestState
from lakehouse.reports.artifacts.tests_table import build_tests_table


def test_a_row_says_what_fails_since_when_and_whose_it_is(make_facts, make_test, now):
    test = make_test(owner="Ventas")
    facts = make_facts(
        test,
        failing_rows={test.unique_id: FailingRows(total=2)},
        tests={test.unique_id: TestState("STILL", now - timedelta(days=3))},
    )
    assert build_tests_table(facts) == [
        {
            "model": "stg",
            "column": "id",
            "test": "unique_stg_id",
            "severity": "warn",
            "status": "warn",
            "failing_rows": 2,
            "since": "2026-11-18",
            "owner": "Ventas",
            "relation": '"w"."dq_audit"."unique_stg_id"',
        }
    ]


def test_the_worst_come_first_and_models_are_left_out(make_facts, make_test, make_model):
    statuses = ["pass", "skipped", "warn", "error", "fail"]
    tests = [make_test(name=status, status=status) for status in statuses]
    rows = build_tests_table(make_facts(make_model(), *tests))
    assert [row["status"] for row in rows] == ["fail", "error", "warn", "skipped", "pass"]


def test_a_table_of_many_tests_is_cut_and_says_so(make_facts, make_test):
    tests = [make_test(name=f"t{at}", status="pass", failures=0) for at in range(700)]
    rows = build_tests_table(make_facts(*tests, make_test(name="worst", status="fail")))
    assert len(rows) == 500
    assert rows[0]["test"] == "worst"
    assert rows[-1]["test"] == "202 more tests are not shown; none is worse than these."
    assert all(row.keys() == rows[0].keys() for row in rows)
    json.dumps(rows)


def test_exactly_five_hundred_tests_are_all_shown(make_facts, make_test):
    tests = [make_test(name=f"t{at}") for at in range(500)]
    rows = build_tests_table(make_facts(*tests))
    assert {row["test"] for row in rows} == {test.name for test in tests}


def test_a_name_is_escaped_only_where_it_would_be_markup(make_facts, make_test):
    names = ["relationships_a__id__ref_b_", "<img src=x>", "_all_", "*all*", "a | b"]
    rows = build_tests_table(make_facts(*(make_test(name=name) for name in names)))
    assert {str(row["test"]) for row in rows} == {
        "relationships_a__id__ref_b_",
        "&lt;img src=x&gt;",
        "\\_all\\_",
        "\\*all\\*",
        "a | b",
    }
