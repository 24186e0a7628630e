from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from sqlalchemy import update

from lakehouse.errors import PublishRefused, WarnBudgetInvalid
from lakehouse.lake.audit_schema import test_incidents
from lakehouse.quality.build_results import BuildResults, NodeResult
from lakehouse.quality.publish_gate import refuse_beyond_budget
from lakehouse.transform.build_history import BuildHistory

TEST = "test.p.unique_stg_id"


@pytest.fixture
def publish(audit, make_manifest, tmp_path) -> Callable[..., None]:
    """`publish({"rows": 1}, failures=2)`: a build whose test warns, then the gate."""
    path = tmp_path / "w.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create view stg as select range as id from range(100)")
    history = BuildHistory(audit)

    def one(budget: object, status: str = "warn", failures: int = 2, days: int = 0) -> None:
        manifest = make_manifest(
            {
                "model.p.stg": {"database": "w"},
                TEST: {
                    "attached_node": "model.p.stg",
                    "original_file_path": "models/_stg.yml",
                    "config": {"meta": {"warn_budget": budget}} if budget else {},
                },
            }
        )
        build = history.start("shop", "f", run_id=None)
        node = NodeResult(TEST, "unique_stg_id", "test", status, "warn", failures)
        history.finish(build, "warned", BuildResults((node,), build, datetime.now(UTC), 1.0, "1"))
        with audit.begin() as connection:
            opened = datetime.now(UTC) - timedelta(days=days)
            connection.execute(update(test_incidents).values(opened_at=opened))
        refuse_beyond_budget("shop", manifest, audit, path)

    return one


@pytest.mark.parametrize(
    ("budget", "seen", "told"),
    [
        ({"rows": 1}, {}, "2 rows, its budget is 1"),
        ({"share": 0.01}, {}, "2.00% of the rows, its budget is 1.00%"),
        ({"days": 7}, {"days": 8}, "8 days, its budget is 7"),
    ],
)
def test_a_warning_beyond_its_budget_stops_a_publication_by_name(publish, budget, seen, told):
    with pytest.raises(PublishRefused) as refused:
        publish(budget, **seen)
    assert f"unique_stg_id ({told})" in str(refused.value)
    publish(budget, status="pass", failures=0)


@pytest.mark.parametrize(
    "budget", [None, {"rows": 2}, {"share": 0.02}, {"days": 0}, {"rows": 2, "days": 1}]
)
def test_a_warning_within_its_budget_lets_it_pass(publish, budget):
    publish(budget)


def test_a_failed_test_is_not_judged_by_its_budget(publish):
    publish({"rows": 0}, status="fail")


def test_a_budget_that_cannot_be_used_stops_a_publication_too(publish):
    with pytest.raises(WarnBudgetInvalid, match=r"models/_stg\.yml"):
        publish({"row": 1})
