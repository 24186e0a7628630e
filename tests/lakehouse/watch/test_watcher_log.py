"""The last look of each watcher, and what the doctor says of it."""

from datetime import UTC, datetime, timedelta

import pytest

from cli.doctor import _watchers
from lakehouse.lake.audit_database import audit_engine
from lakehouse.settings import Settings
from lakehouse.watch.watcher_log import WatcherSeen, last_looks, record_look

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path):
    made = Settings(home=tmp_path / "home")
    yield made
    audit_engine(made).dispose()


def seen(name: str = "here", **values) -> WatcherSeen:
    given = {"pid": 7, "domains": ("shop",), "waiting": 2, "fault": None, "started_at": NOW}
    return WatcherSeen(name=name, **{**given, "seen_at": NOW, **values})


def test_each_machine_has_its_last_look(settings):
    engine = audit_engine(settings)
    record_look(engine, seen())
    record_look(engine, seen("there", seen_at=NOW + timedelta(minutes=2)))
    record_look(engine, seen(waiting=0, seen_at=NOW + timedelta(minutes=1)))
    assert [(one.name, one.waiting) for one in last_looks(engine)] == [("there", 2), ("here", 0)]
    assert last_looks(engine)[1].domains == ("shop",)


@pytest.mark.parametrize(
    ("ago", "fault", "verdict"), [(5, None, "ok"), (500, None, "look"), (5, "it is away", "look")]
)
def test_the_doctor_looks_at_a_watcher_that_is_late_or_in_trouble(settings, ago, fault, verdict):
    at = datetime.now(UTC) - timedelta(seconds=ago)
    record_look(audit_engine(settings), seen(seen_at=at, fault=fault))
    (check,) = _watchers(settings)
    assert check.verdict == verdict
    assert "2 files wait" in check.text
    assert (fault or "here") in check.text
