"""Backups: whole of one moment, sent once, and back into an empty home."""

import signal
from pathlib import Path

import pytest

from lakehouse.backup.backup_manifest import (
    StoredFile,
    backup_ids,
    read_files,
    read_header,
    write_files,
    write_header,
)
from lakehouse.backup.backup_store import BackupStore, hash_of, object_name
from lakehouse.backup.prune_backups import prune_backups
from lakehouse.backup.restore_backup import restore_backup, restore_missing
from lakehouse.backup.take_backup import take_backup
from lakehouse.backup.verify_backup import verify_backup
from lakehouse.errors import (
    BackupDamaged,
    BackupRefused,
    LockWaitTooLong,
    RestoreRefused,
)
from lakehouse.lake.file_lock import FileLock, Holder
from lakehouse.lake.partition_layout import temporary_path
from lakehouse.lake.raw_lake import RawLake

# Dies at the n-th object it puts, or loads until it is told to stop.
BACKUP_THAT_DIES = """
    import os, signal, sys
    from pathlib import Path
    from lakehouse.backup import backup_store, take_backup
    from lakehouse.settings import Settings

    home, target, most = sys.argv[1:]
    real, puts = backup_store.BackupStore.put_object, []
    take_backup.for_each.__globals__["CONNECTIONS"] = 1

    def put(self, file, sha256):
        puts.append(sha256)
        if len(puts) > int(most):
            os.kill(os.getpid(), signal.SIGKILL)
        real(self, file, sha256)

    backup_store.BackupStore.put_object = put
    take_backup.take_backup(Settings(home=home), backup_store.BackupStore(target))
"""
RESTORE_THAT_DIES = """
    import os, signal, sys
    from lakehouse.backup import restore_backup
    from lakehouse.backup.backup_store import BackupStore
    from lakehouse.settings import Settings

    def die(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    home, target, point = sys.argv[1:]
    if point == "files":
        real, brought = restore_backup._bring, []
        restore_backup.for_each.__globals__["CONNECTIONS"] = 1
        def bring(*args):
            brought.append(1)
            if len(brought) == 3:
                die()
            return real(*args)
        restore_backup._bring = bring
    elif point == "ledger":
        restore_backup.put_in_place = die
    else:
        real_place = restore_backup.put_in_place
        restore_backup.put_in_place = lambda *args: (real_place(*args), die())
    restore_backup.restore_backup(Settings(home=home), BackupStore(target))
"""


@pytest.fixture
def store(tmp_path: Path) -> BackupStore:
    return BackupStore(str(tmp_path / "backups"))


@pytest.fixture
def filled(settings, deliver):
    for number in range(4):
        deliver(settings, f"{number}.csv", f"id,city\n{number},Salta\n")
    refused = deliver(settings, "bad.csv", "id,town\n1,Salta\n")
    assert refused.status == "quarantined"
    return settings


def test_what_was_backed_up_comes_back_into_an_empty_home(filled, home, store, rows, deliver):
    before = rows(filled)
    outcome = take_backup(filled, store)
    assert outcome.header.missing == ()
    assert verify_backup(store, None, filled.root).faults == ()

    other = home("other")
    restored = restore_backup(other, store)
    assert restored.fetched == outcome.header.file_count
    assert rows(other) == before
    kept = sorted(path.name for path in other.quarantine.rglob("*") if path.is_file())
    assert kept == ["original", "reason.json"]
    assert deliver(other, "0.csv", "id,city\n0,Salta\n").status == "known"
    assert rows(other) == before
    assert not list(other.root.glob("restore.json*"))


def test_the_next_backup_sends_only_what_is_new(filled, store, deliver):
    take_backup(filled, store)
    again = take_backup(filled, store)
    # The ledger is another file of the same rows at most; nothing of the lake goes twice.
    assert again.sent <= 1
    deliver(filled, "new.csv", "id,city\n9,Jujuy\n")
    third = take_backup(filled, store)
    assert third.sent == 3
    assert len(backup_ids(store)) == 3
    assert third.header.file_count == again.header.file_count + 1


@pytest.mark.parametrize(
    "puts", [2, *(pytest.param(one, marks=pytest.mark.long) for one in (0, 6))]
)
def test_a_backup_that_was_killed_goes_on_where_it_stopped(
    puts, filled, home, store, rows, python, tmp_path
):
    child = python(BACKUP_THAT_DIES, filled.root, tmp_path / "backups", puts)
    assert child.wait(60) == -signal.SIGKILL, child.stderr.read()
    assert backup_ids(store) == []
    with pytest.raises(BackupRefused, match="no backup at all"):
        restore_backup(home("early"), store)
    outcome = take_backup(filled, store)
    # Files, the ledger and the list, without those that are there.
    assert outcome.sent >= outcome.header.file_count + 2 - puts - 1
    assert outcome.sent <= outcome.header.file_count + 2 - max(0, puts - 1)
    assert not verify_backup(store, None, filled.root).faults
    other = home("other")
    restore_backup(other, store)
    assert rows(other) == rows(filled)


def test_a_batch_between_its_commit_and_its_rename_is_backed_up(filled, home, store, rows):
    lake = RawLake.of(filled)
    final = lake.store.file_of(lake.ledger.batches_of("shop", "sales")[0])
    final.rename(temporary_path(final))
    take_backup(filled, store)
    other = home("other")
    restore_backup(other, store)
    assert rows(other) == rows(filled)


def test_a_file_that_raw_lost_is_taken_from_the_backup_before_and_brought_back(filled, store, rows):
    before = rows(filled)
    take_backup(filled, store)
    lake = RawLake.of(filled)
    final = lake.store.file_of(lake.ledger.batches_of("shop", "sales")[0])
    final.unlink()
    assert take_backup(filled, store).header.missing == ()
    assert restore_missing(filled, store) == ([str(final.relative_to(filled.raw))], [])
    assert rows(filled) == before


def test_a_file_of_raw_that_changed_is_named_and_the_backup_before_has_what_it_was(
    filled, home, store, rows
):
    first = take_backup(filled, store).header
    lake = RawLake.of(filled)
    path = lake.ledger.batches_of("shop", "sales")[0].path
    whole = rows(filled)
    with (filled.raw / path).open("r+b") as file:
        file.write(b"XXXX")
    (filled.raw / path).touch()
    assert take_backup(filled, store).header.changed == (f"raw/{path}",)
    assert take_backup(filled, store).header.changed == ()
    other = home("other")
    restore_backup(other, store, first.backup_id)
    assert rows(other) == whole


def test_a_list_that_lacks_what_the_ledger_names_is_not_restored(filled, home, store, tmp_path):
    header = take_backup(filled, store).header
    listed = tmp_path / "list.gz"
    files = list(read_files(store, header, tmp_path))
    write_files(files[:-1], listed)
    store.put_object(listed, hash_of(listed))
    short = {"files": hash_of(listed), "file_count": len(files) - 1}
    write_header(store, header.model_copy(update=short), tmp_path)
    assert verify_backup(store, None, tmp_path).faults
    with pytest.raises(BackupDamaged, match="does not list"):
        restore_backup(home("other"), store)


def test_a_file_that_nobody_has_any_more_is_named(filled, home, store):
    lake = RawLake.of(filled)
    path = lake.ledger.batches_of("shop", "sales")[0].path
    (filled.raw / path).unlink()
    outcome = take_backup(filled, store)
    assert outcome.header.missing == (f"raw/{path}",)
    assert verify_backup(store, None, filled.root).missing == (f"raw/{path}",)
    assert restore_missing(filled, store) == ([], [path])


@pytest.mark.parametrize(
    "point", ["files", *(pytest.param(one, marks=pytest.mark.long) for one in ("ledger", "note"))]
)
def test_a_restore_that_was_killed_goes_on_where_it_stopped(
    point, filled, home, store, rows, python, tmp_path
):
    take_backup(filled, store)
    other = home("other")
    child = python(RESTORE_THAT_DIES, other.root, tmp_path / "backups", point)
    assert child.wait(60) == -signal.SIGKILL, child.stderr.read()
    if point == "note":
        with pytest.raises(RestoreRefused, match="knows of deliveries"):
            restore_backup(other, store)
    else:
        assert restore_backup(other, store).kept >= (2 if point == "files" else 6)
    assert rows(other) == rows(filled)
    assert not list(other.root.rglob("*.restoring"))


def test_a_home_that_holds_something_is_left_alone_unless_told(filled, home, store, rows, deliver):
    take_backup(filled, store)
    before = rows(filled)
    other = home("other")
    deliver(other, "other.csv", "id,city\n77,Quito\n")
    warehouse = other.warehouse("pharma_latam")
    warehouse.parent.mkdir(parents=True)
    warehouse.write_bytes(b"of another ledger")
    with pytest.raises(RestoreRefused, match="--overwrite"):
        restore_backup(other, store)
    assert rows(other)[0][0] == 77

    outcome = restore_backup(other, store, overwrite=True)
    assert rows(other) == before
    assert (outcome.set_aside / "warehouse" / "pharma_latam.duckdb").is_file()
    assert (outcome.set_aside / "audit.db").is_file()
    assert len(list(other.raw.rglob("*.parquet"))) == 5, "RAW files are never removed"


def test_files_without_a_ledger_are_no_empty_home(filled, home, store, deliver):
    take_backup(filled, store)
    other = home("other")
    deliver(other, "other.csv", "id,city\n77,Quito\n")
    fresh = home("other", audit_url=f"sqlite:///{other.root}/fresh.db")
    with pytest.raises(RestoreRefused, match="holds files"):
        restore_backup(fresh, store)


def test_a_restore_waits_for_no_run_and_disturbs_none(filled, home, store):
    take_backup(filled, store)
    other = home("other")
    lock = FileLock(other.lock_file("pharma_latam"), Holder.of_this_process("elt"), timeout=0)
    with lock, pytest.raises(RestoreRefused, match=r"elt \(pid"):
        restore_backup(other, store)
    with (
        FileLock(filled.lock_file("aljibe-backup"), Holder.of_this_process("b"), timeout=0),
        pytest.raises(LockWaitTooLong, match="Another backup"),
    ):
        take_backup(filled, store)


def test_a_restore_refuses_a_home_whose_worker_lives(filled, home, store):
    take_backup(filled, store)
    new = home("new")
    lock = FileLock(
        new.lock_file("aljibe-worker-lake-1"), Holder.of_this_process("aljibe worker"), timeout=0
    )
    with lock, pytest.raises(RestoreRefused, match="Stop worker and watcher first"):
        restore_backup(new, store)
    assert restore_backup(new, store).fetched


def test_damage_in_the_store_is_found_and_never_restored(filled, home, store, tmp_path):
    header = take_backup(filled, store).header
    files = list(read_files(store, header, filled.root))
    cut, gone = files[-1], files[-2]
    (tmp_path / "backups" / object_name(cut.sha256)).write_bytes(b"PAR1")
    (tmp_path / "backups" / object_name(gone.sha256)).unlink()
    found = verify_backup(store, None, filled.root)
    assert len(found.faults) == 2
    assert all(path in "".join(found.faults) for path in (cut.path, gone.path))
    other = home("other")
    with pytest.raises(BackupDamaged, match="objects/"):
        restore_backup(other, store)
    again = take_backup(filled, store)
    assert again.sent >= 1, "what is missing in the store, or cut there, is sent again"
    assert not verify_backup(store, None, filled.root).faults
    restore_backup(other, store, again.header.backup_id)


def test_old_backups_go_and_what_the_others_name_stays(filled, home, store, rows, deliver):
    for number in range(10, 13):
        deliver(filled, f"{number}.csv", f"id,city\n{number},Salta\n")
        take_backup(filled, store)
    removed, contents = prune_backups(store, keep=1)
    assert removed == 2
    assert contents == 4, "the ledgers and lists of the two"
    assert prune_backups(store, keep=1) == (0, 0)
    other = home("other")
    restore_backup(other, store)
    assert rows(other) == rows(filled)


def test_a_backup_is_read_by_its_name_and_others_are_refused(filled, store):
    first = take_backup(filled, store).header
    assert read_header(store, first.backup_id) == first
    with pytest.raises(BackupRefused, match=first.backup_id):
        read_header(store, "20200101T000000Z")


def test_a_list_that_leads_out_of_the_lake_is_refused(filled, home, store, tmp_path):
    header = take_backup(filled, store).header
    listed = tmp_path / "list.gz"
    write_files([StoredFile(path="raw/../../escaped", size=1, mtime_ns=1, sha256="0" * 64)], listed)
    store.put_object(listed, hash_of(listed))
    forged = header.model_copy(update={"files": hash_of(listed), "file_count": 1})
    write_header(store, forged, tmp_path)
    with pytest.raises(BackupDamaged, match="outside the lake"):
        restore_backup(home("other"), store)
