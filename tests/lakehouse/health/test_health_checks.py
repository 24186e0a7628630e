"""What is trouble and what is not: disks, locks, watchers, backups, runs."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lakehouse.backup.backup_store import BackupStore
from lakehouse.backup.take_backup import take_backup
from lakehouse.health.disk_space import DiskSample, check_disks, disk_samples
from lakehouse.health.machine_health import check_backup, check_locks, check_watchers
from lakehouse.health.run_health import (
    DeploymentSeen,
    RunSeen,
    check_deployments,
    check_open_runs,
)
from lakehouse.lake.audit_database import release_audit_engine
from lakehouse.lake.file_lock import FileLock, Holder
from lakehouse.settings import Settings
from lakehouse.watch.watcher_log import WatcherSeen

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
GIB = 2**30
PATIENCE = timedelta(hours=2)


def sample(gib: float, hours_ago: float = 0, folder: str = "home") -> DiskSample:
    return DiskSample(folder, NOW - timedelta(hours=hours_ago), int(gib * GIB))


@pytest.mark.parametrize(
    ("now", "before", "verdict", "said"),
    [
        (sample(100), [], "ok", "100.0 GiB free"),
        (sample(100), [sample(110, 24)], "ok", "full in 10.0 days"),
        (sample(60), [sample(70, 24)], "look", "full in 6.0 days"),
        (sample(60), [sample(70, 48), sample(60.5, 1)], "ok", "full in 12.0 days"),
        (sample(60), [sample(90, 1)], "ok", "60.0 GiB free"),
        (sample(60), [sample(20, 24)], "ok", "60.0 GiB free"),
        (sample(60), [sample(90, 24, "raw")], "ok", "60.0 GiB free"),
        (sample(4), [], "look", "4.0 GiB free"),
        (sample(0.4), [sample(9, 24)], "broken", "0.4 GiB free, full in"),
    ],
)
def test_a_disk_is_judged_by_its_space_and_by_how_it_shrinks(now, before, verdict, said):
    (check,) = check_disks([now], before, enough_days=7)
    assert check.verdict == verdict
    assert check.text.startswith(said) or said in check.text


def test_one_disk_is_looked_at_once(tmp_path: Path):
    settings = Settings(home=tmp_path / "not" / "yet")
    (one,) = disk_samples(settings, NOW)
    assert (one.folder, one.at) == ("home", NOW)
    assert one.free > 0


def test_a_lock_held_longer_than_others_wait_is_trouble(tmp_path: Path):
    settings = Settings(home=tmp_path, lock_timeout_seconds=60)
    with FileLock(settings.lock_file("olist"), Holder.of_this_process("elt"), timeout=0):
        now = datetime.now(UTC)
        (fine,) = check_locks(settings, ["olist", "wells"], now)
        (late,) = check_locks(settings, ["olist"], now + timedelta(minutes=5))
    assert (fine.verdict, late.verdict) == ("ok", "broken")
    assert "elt (pid" in late.text
    assert not list(check_locks(settings, ["olist"], now))


def seen(name: str, seconds_ago: float, fault: str | None = None) -> WatcherSeen:
    moment = NOW - timedelta(seconds=seconds_ago)
    return WatcherSeen(name, 1, ("olist",), 3, fault, moment, moment)


def test_only_the_newest_watcher_and_those_that_still_look_are_judged():
    looks = [seen("b", 20), seen("c", 50, "SFTP is away"), seen("a", 90_000)]
    checks = list(check_watchers(looks, NOW))
    assert [(check.subject, check.verdict) for check in checks] == [("newest", "ok"), ("c", "look")]
    (stopped,) = check_watchers([seen("a", 500)], NOW)
    assert stopped.verdict == "look"
    assert "last look 500 s ago" in stopped.text
    assert not list(check_watchers([], NOW))


def test_a_backup_that_is_old_or_lacks_files_or_is_not_there_is_trouble(tmp_path: Path):
    place = tmp_path / "backups"
    settings = Settings.model_validate({"home": tmp_path / "home", "backup_url": str(place)})
    (none,) = check_backup(settings, NOW)
    assert none.verdict == "look"
    assert "there is none" in none.text
    take_backup(settings, BackupStore(str(place)))
    now = datetime.now(UTC)
    assert [check.verdict for check in check_backup(settings, now)] == ["ok"]
    assert [check.verdict for check in check_backup(settings, now + timedelta(days=2))] == ["look"]
    place.chmod(0o755)
    (place / "backups").rename(place / "gone")
    (place / "backups").write_text("a file where a folder was")
    (unread,) = check_backup(settings, now)
    assert unread.verdict == "look"
    assert not list(check_backup(Settings(home=tmp_path), now)), "none are made, none is missed"
    release_audit_engine(settings)


def deployment(**values: object) -> DeploymentSeen:
    return DeploymentSeen(
        **{
            "name": "elt/olist",
            "created_at": NOW - timedelta(days=9),
            "crons": (("0 2 * * *", "America/Sao_Paulo"),),
            "last_good": NOW - timedelta(hours=6),
            "last_state": "Completed",
            **values,
        }
    )


@pytest.mark.parametrize(
    ("changed", "verdict", "said"),
    [
        ({}, "ok", "last good run 2026-11-30 06:00"),
        ({"last_good": NOW - timedelta(hours=31)}, "broken", "2026-11-30 02:00 -03, when it was"),
        ({"last_good": None}, "broken", "no good run yet"),
        ({"last_good": None, "created_at": NOW - timedelta(hours=1)}, "ok", "no good run yet"),
        ({"last_good": None, "crons": ()}, "ok", "no good run yet"),
        (
            {"last_was_good": False, "last_state": "Crashed", "last_message": "no heartbeat"},
            "broken",
            "last run Crashed; last good run 2026-11-30 06:00 UTC. no heartbeat",
        ),
    ],
)
def test_a_deployment_has_to_complete_when_it_is_due(changed, verdict, said):
    (check,) = check_deployments([deployment(**changed)], NOW, PATIENCE)
    assert check.verdict == verdict
    assert said in check.text


def test_a_moment_that_just_passed_leaves_the_run_its_time():
    one = deployment(crons=(("0 11 * * *", "UTC"),), last_good=NOW - timedelta(hours=25))
    assert next(check_deployments([one], NOW, PATIENCE)).verdict == "ok"
    later = NOW + timedelta(hours=1, minutes=1)
    assert next(check_deployments([one], later, PATIENCE)).verdict == "broken"


@pytest.mark.parametrize(
    ("state", "minutes", "is_running", "expected", "found"),
    [
        ("Running", 60, True, None, None),
        ("Running", 130, True, None, ("stuck run", "look")),
        ("Running", 130, True, 3600, None),
        ("Running", 190, True, 3600, ("stuck run", "look")),
        ("Late", 10, False, None, None),
        ("Late", 20, False, None, ("waiting run", "broken")),
        ("Pending", 20, False, None, ("waiting run", "broken")),
        ("AwaitingConcurrencySlot", 60, False, None, None),
        ("AwaitingConcurrencySlot", 130, False, None, ("waiting run", "broken")),
    ],
)
def test_runs_that_hang_and_runs_that_nobody_takes_are_trouble(
    state, minutes, is_running, expected, found
):
    run = RunSeen("elt-olist", state, NOW - timedelta(minutes=minutes), is_running, expected)
    checks = [(check.kind, check.verdict) for check in check_open_runs([run], NOW, PATIENCE)]
    assert checks == ([found] if found else [])
