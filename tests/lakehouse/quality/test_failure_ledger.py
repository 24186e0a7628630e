from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, select

from lakehouse.lake.audit_schema import metadata, test_failures
from lakehouse.quality.failure_ledger import FailingKey, FailingKeys, FailureLedger

START = datetime(2026, 11, 1, 6, tzinfo=UTC)
TEST = "test.p.a"


def make_keys(*keys: str, complete: bool = True) -> FailingKeys:
    return FailingKeys(tuple(FailingKey(key, f"label {key}", 1) for key in keys), complete)


def open_keys(engine: Engine) -> dict[str, datetime]:
    query = select(test_failures.c.row_key, test_failures.c.first_seen_at).where(
        test_failures.c.unique_id == TEST, test_failures.c.resolved_at.is_(None)
    )
    with engine.connect() as connection:
        return {row.row_key: row.first_seen_at for row in connection.execute(query)}


@pytest.fixture
def ledger(audit: Engine) -> FailureLedger:
    return FailureLedger(audit)


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def test_a_row_keeps_the_day_it_was_first_seen(ledger, audit):
    ledger.record_rows("shop", day(0), {TEST: make_keys("a", "b")})
    ledger.record_rows("shop", day(1), {TEST: make_keys("b", "c")})
    assert open_keys(audit) == {"b": day(0), "c": day(1)}


def test_first_days_are_told_of_every_row_that_fails(ledger):
    many = [f"k{at}" for at in range(1200)]
    ledger.record_rows("shop", day(0), {TEST: make_keys(*many, "gone"), "test.p.b": make_keys("a")})
    seen = ledger.record_rows(
        "shop", day(1), {TEST: make_keys(*many, "new"), "test.p.c": make_keys()}
    )
    assert seen == {TEST: {**dict.fromkeys(many, day(0)), "new": day(1)}, "test.p.c": {}}
    assert ledger.record_rows("other", day(2), {TEST: make_keys("k0")}) == {TEST: {"k0": day(2)}}


def test_a_row_that_fails_again_after_its_end_begins_anew(ledger, audit):
    for number, keys in enumerate((("a",), (), ("a",))):
        ledger.record_rows("shop", day(number), {TEST: make_keys(*keys)})
    assert open_keys(audit) == {"a": day(2)}
    with audit.connect() as connection:
        rows = connection.execute(select(test_failures.c.resolved_at)).scalars().all()
    assert sorted(rows, key=str) == [day(1), None]


def test_rows_that_were_not_all_read_do_not_end(ledger, audit):
    ledger.record_rows("shop", day(0), {TEST: make_keys("a", "b")})
    ledger.record_rows("shop", day(1), {TEST: make_keys("b", complete=False)})
    assert open_keys(audit) == {"a": day(0), "b": day(0)}


def test_more_rows_than_one_statement_holds_end_together(ledger, audit):
    ledger.record_rows("shop", day(0), {TEST: make_keys(*map(str, range(1200)))})
    ledger.record_rows("shop", day(1), {TEST: make_keys("7")})
    assert open_keys(audit) == {"7": day(0)}


@given(runs=st.lists(st.sets(st.sampled_from("abcde")), min_size=1, max_size=8))
def test_what_is_open_is_what_failed_last_since_its_present_row_of_failures(runs):
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    ledger = FailureLedger(engine)
    since: dict[str, datetime] = {}
    for number, failing in enumerate(runs):
        since = {key: since.get(key, day(number)) for key in failing}
        ledger.record_rows("shop", day(number), {TEST: make_keys(*sorted(failing))})
    assert open_keys(engine) == since
