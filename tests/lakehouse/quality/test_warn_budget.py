import pytest

from lakehouse.errors import WarnBudgetInvalid
from lakehouse.quality.run_facts import BudgetBreach, WarnBudget
from lakehouse.quality.warn_budget import breach_text, declared_budget, find_breach


def make_test(budget: object) -> dict[str, object]:
    return {
        "name": "unique_stg_id",
        "original_file_path": "models/_stg.yml",
        "config": {"meta": {"warn_budget": budget}},
    }


@pytest.mark.parametrize(
    ("budget", "found", "breach"),
    [
        (WarnBudget(rows=10), {"failing_rows": 10}, None),
        (WarnBudget(rows=10), {"failing_rows": 11}, BudgetBreach("rows", 11, 10)),
        (WarnBudget(rows=0), {"failing_rows": 1}, BudgetBreach("rows", 1, 0)),
        (WarnBudget(rows=10), {"failing_rows": None}, None),
        (WarnBudget(share=0.01), {"failing_rows": 1, "model_rows": 100}, None),
        (
            WarnBudget(share=0.01),
            {"failing_rows": 2, "model_rows": 100},
            BudgetBreach("share", 0.02, 0.01),
        ),
        (WarnBudget(share=0.01), {"failing_rows": 2, "model_rows": 0}, None),
        (WarnBudget(days=7), {"days_open": 7}, None),
        (WarnBudget(days=7), {"days_open": 8}, BudgetBreach("days", 8, 7)),
        (WarnBudget(), {"failing_rows": 10**9, "model_rows": 1, "days_open": 999}, None),
    ],
)
def test_a_budget_is_passed_by_more_than_it_bears(budget, found, breach):
    seen = {"failing_rows": None, "model_rows": None, "days_open": 0, **found}
    assert find_breach(budget, **seen) == breach


def test_a_test_declares_its_budget_in_its_meta():
    declared = declared_budget(make_test({"rows": 3, "share": 0.5, "days": 1}))
    assert declared == WarnBudget(3, 0.5, 1)
    assert declared_budget({"name": "x", "config": {}}) is None


@pytest.mark.parametrize("budget", [{"row": 3}, {"rows": -1}, {"share": 2}, "10", {"days": "x"}])
def test_a_budget_that_says_nothing_is_refused_by_name_and_file(budget):
    with pytest.raises(WarnBudgetInvalid, match=r"unique_stg_id in models/_stg.yml"):
        declared_budget(make_test(budget))


def test_a_breach_is_told_with_its_limit():
    assert breach_text(BudgetBreach("rows", 1200, 10)) == "1,200 rows, its budget is 10"
    assert "2.50% of the rows, its budget is 1.00%" in breach_text(
        BudgetBreach("share", 0.025, 0.01)
    )
