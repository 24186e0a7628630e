import pytest

from lakehouse.errors import LockWaitTooLong, PartFailed, PartRefused, WarehouseConflict
from lakehouse.lake.run_parts import PlannedPart, error_of, part_lock

PLAN = [
    PlannedPart(0, ("model.a", "model.b"), {"target": None}),
    PlannedPart(1, ("model.c",), {"target": None}),
]


@pytest.fixture
def store(lake):
    from lakehouse.lake.run_parts import RunParts  # noqa: PLC0415

    return RunParts(lake.ledger.engine)


def test_the_same_plan_again_keeps_what_is_done(store):
    first, second = store.plan("s", "build", "shop", PLAN)
    store.begin(first, "run-1")
    store.end(first, {"results": [1]})
    again = store.plan("s", "build", "shop", PLAN)
    assert [(part.number, part.status) for part in again] == [(1, "done"), (2, "planned")]
    assert again[0].outcome == {"results": [1]}
    assert second.work == ("model.c",)


def test_another_plan_forgets_what_was_done(store):
    first, _ = store.plan("s", "build", "shop", PLAN)
    store.end(first, {})
    assert [part.status for part in store.plan("s", "build", "shop", PLAN[:1])] == ["planned"]


def test_asking_again_leaves_alone_what_is_done_or_being_done(store):
    first, second = store.plan("s", "build", "shop", PLAN)
    store.begin(first, "run-1")
    store.fail(second, WarehouseConflict("too late"))
    assert (store.ask(first).status, store.ask(second).status) == ("running", "planned")
    store.end(first, {})
    asked = store.ask(first)
    assert (asked.status, asked.attempts) == ("done", 2)


def test_what_is_left_out_is_not_to_do(store):
    first, second = store.plan("s", "build", "shop", PLAN)
    assert store.without(first, ["model.b"]).to_do == ("model.a",)
    store.leave_out(second)
    left = store.one("s", 2)
    assert (left.status, left.to_do, left.has_ended) == ("done", (), True)


def test_an_error_comes_back_as_its_class_and_a_foreign_one_without_its_words(store):
    first, second = store.plan("s", "build", "shop", PLAN)
    store.fail(first, WarehouseConflict("another wrote first"))
    store.fail(second, ValueError("secret value"))
    error = error_of(store.one("s", 1))
    assert (type(error), str(error)) == (WarehouseConflict, "part 1: another wrote first")
    foreign = error_of(store.one("s", 2))
    assert (type(foreign), str(foreign)) == (
        PartFailed,
        "part 2: ValueError; see the log of its run",
    )


def test_outcomes_go_and_the_rest_stays(store):
    first, _ = store.plan("s", "build", "shop", PLAN)
    store.begin(first, "run-1")
    assert [part.number for part in store.running("shop", "build")] == [1]
    store.end(first, {"results": []})
    store.forget_outcomes("s")
    part = store.one("s", 1)
    assert (part.outcome, part.run_id, part.status) == (None, "run-1", "done")
    assert store.running("shop", "build") == []


def test_a_part_that_was_never_planned_is_refused(store):
    with pytest.raises(PartRefused, match="no part 3 of s"):
        store.one("s", 3)


def test_one_at_a_time_works_at_a_part(store, lake):
    first, second = store.plan("s", "build", "shop", PLAN)
    with part_lock(lake.settings, first, "one", timeout=0):
        with (
            pytest.raises(LockWaitTooLong, match="held by one"),
            part_lock(lake.settings, first, "other", timeout=0),
        ):
            pass
        with part_lock(lake.settings, second, "other", timeout=0):
            pass
