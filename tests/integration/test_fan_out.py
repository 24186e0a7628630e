"""Runs that are split over two real workers of a real server, on a lake."""

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pytest
from servers.many_workers import ManyWorkers
from servers.prefect_server import running_prefect_server

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def shop(tmp_path_factory, postgres_server) -> Iterator[ManyWorkers]:
    folder = tmp_path_factory.mktemp("shop")
    with running_prefect_server(folder / "prefect", 240) as prefect:
        many = ManyWorkers(folder, prefect, postgres_server, f"shop_{uuid.uuid4().hex[:8]}")
        many.write_payments()
        many.deploy()
        for name in ("worker-1", "worker-2"):
            many.start_worker(name)
        many.wait_for_workers()
        yield many
        many.stop()


def published(shop: ManyWorkers) -> list[tuple[Any, ...]]:
    copy = shop.home / "serving" / "shop.duckdb"
    with duckdb.connect(str(copy), read_only=True) as connection:
        return connection.execute(
            "select count(*), sum(doubled), (select sum(amount) from marts.right_payments) "
            "from marts.left_payments"
        ).fetchall()


def until(shop: ManyWorkers, what: Callable[[], Any], seconds: float = 700) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        if found := what():
            return found
        assert time.monotonic() < deadline, shop.logs()
        time.sleep(0.2)


def running_right(shop: ManyWorkers, attempts: int = 1) -> dict[str, Any] | None:
    """The part that is held at the gate."""
    return next(
        (
            part
            for part in shop.parts("build")
            if part["status"] == "running"
            and any("right_payments" in node for node in part["work"])
            and part["wave"] == 1
            and part["attempts"] == attempts
        ),
        None,
    )


@pytest.mark.soak
def test_two_workers_share_a_run_that_ends_as_one(shop):
    shop.deliver(4, 10)
    shop.gate.close()
    run_id = shop.request("elt", parts=2)
    # Held at the gate, so that the other branch is built beside it.
    held = until(shop, lambda: running_right(shop))
    until(
        shop, lambda: [p for p in shop.parts("build") if p["wave"] == 1 and p["status"] == "done"]
    )
    assert running_right(shop) == held
    shop.gate.open()
    run = shop.wait(run_id)
    assert run["state_name"] == "Completed", (run["state"], shop.logs())
    assert published(shop) == [(10, 90, 45)]
    parts = shop.parts("build")
    assert [(part["wave"], part["status"], part["attempts"]) for part in parts] == [
        (0, "done", 1),
        (1, "done", 1),
        (1, "done", 1),
        (2, "done", 1),
    ]
    assert [part["status"] for part in shop.parts("extract")] == ["done", "done"]
    taken = {part["run_id"] for part in (*parts, *shop.parts("extract"))}
    found = [*shop.runs_of("dbt-build-part"), *shop.runs_of("extract-part")]
    runs = [one for one in found if one["id"] in taken]
    assert len(runs) == len(taken) == 6
    assert all(one["state_name"] == "Completed" for one in runs)
    assert all(one["parent_task_run_id"] for one in runs)
    workers = {one["labels"]["prefect.worker.name"] for one in runs}
    assert workers == {"worker-1", "worker-2"}
    reports = shop.ask("artifacts/latest/filter")
    assert [one["key"] for one in reports].count("dbt-shop") == 1
    again = shop.wait(shop.request("elt", parts=2))
    assert "nothing new" in again["state"]["message"]


@pytest.mark.soak
def test_a_part_that_is_killed_is_done_again_and_the_others_are_not(shop):
    shop.deliver(4, 10)
    before = len(shop.parts("build"))
    shop.gate.close()
    run_id = shop.request("elt", parts=2)
    held = until(shop, lambda: running_right(shop))
    shop.kill_run(held["run_id"])
    until(shop, lambda: running_right(shop, attempts=2))
    shop.gate.open()
    run = shop.wait(run_id)
    assert run["state_name"] == "Completed", (run["state"], shop.logs())
    assert published(shop) == [(20, 380, 190)]
    attempts = [part["attempts"] for part in shop.parts("build")[before:]]
    assert sorted(attempts) == [1, 1, 1, 2]


@pytest.mark.soak
def test_a_run_that_is_killed_goes_on_with_what_is_left(shop):
    shop.deliver(4, 10)
    before = len(shop.parts("build"))
    shop.gate.close()
    run_id = shop.request("elt", parts=2)
    until(shop, lambda: running_right(shop))
    done = until(
        shop,
        lambda: [p for p in shop.parts("build")[before:] if p["status"] == "done"][1:],
    )
    shop.kill_run(run_id)
    again = until(shop, lambda: [one for one in shop.runs_of("elt") if "resumed" in one["tags"]])
    # The part lives on, and the run that goes on waits for it.
    shop.gate.open()
    run = shop.wait(again[-1]["id"])
    assert run["state_name"] == "Completed", (run["state"], shop.logs())
    assert published(shop) == [(30, 870, 435)]
    parts = shop.parts("build")[before:]
    assert len({part["split_id"] for part in parts}) == 1
    assert len(parts) == 4
    kept = {part["number"]: part["ended_at"] for part in parts}
    assert all(kept[part["number"]] == part["ended_at"] for part in done)
