"""Backups in an S3 bucket, and a ledger that moves between SQLite and PostgreSQL."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from moto.server import ThreadedMotoServer
from servers.child_process import free_port
from sqlalchemy import URL, select

from lakehouse.backup import ledger_snapshot
from lakehouse.backup.backup_manifest import backup_ids
from lakehouse.backup.backup_store import BackupStore
from lakehouse.backup.ledger_snapshot import take_snapshot
from lakehouse.backup.prune_backups import prune_backups
from lakehouse.backup.restore_backup import restore_backup
from lakehouse.backup.take_backup import take_backup
from lakehouse.backup.verify_backup import verify_backup
from lakehouse.connectors.folder import FoundFile
from lakehouse.errors import BackupRefused, BackupUnavailable
from lakehouse.lake.audit_database import audit_engine, migrated_engine, release_audit_engine
from lakehouse.lake.audit_schema import metadata
from lakehouse.lake.load_file import load_file
from lakehouse.lake.raw_lake import RawLake
from lakehouse.settings import Settings
from lakehouse.source_catalog import Column, Table, TableMeta
from lakehouse.transform.build_history import BuildHistory

pytestmark = pytest.mark.integration
TABLE = Table(
    source="shop",
    name="sales",
    connector="files",
    block="landing",
    schema_name="raw",
    meta=TableMeta.model_validate({"load": "append", "pattern": "*"}),
    columns=(Column(name="id", data_type="integer"),),
    file=Path("_shop__sources.yml"),
)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """`s3://...` on a server that the standard variables name, as in production."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=free_port())
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "example")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example-secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    fsspec.filesystem("s3").clear_instance_cache()
    name = f"bucket-{uuid.uuid4().hex}"
    fsspec.filesystem("s3").mkdir(name)
    yield f"s3://{name}/backups"
    fsspec.filesystem("s3").clear_instance_cache()
    server.stop()


def home(folder: Path, audit: URL | None = None) -> Settings:
    """Settings of a home, whose folder exists."""
    folder.mkdir(exist_ok=True)
    url = audit.render_as_string(hide_password=False) if audit else None
    return Settings.model_validate({"home": folder, "audit_url": url})


def deliver(settings: Settings, landing: Path, name: str, row: int) -> str:
    """Load a file of one row; returns what became of it."""
    landing.mkdir(exist_ok=True)
    (landing / name).write_text(f"id\n{row}\n", encoding="utf-8")
    status = (landing / name).stat()
    found = FoundFile(name, status.st_size, status.st_mtime_ns)
    return load_file(landing, found, TABLE, RawLake.of(settings), run_id="test").status


def contents(settings: Settings) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table of an audit database."""
    with audit_engine(settings).connect() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(select(table))), key=str)
            for table in metadata.sorted_tables
            if table.name != "locks"
        }


def test_a_bucket_holds_backups_like_a_folder(bucket, tmp_path):
    settings, landing = home(tmp_path / "home"), tmp_path / "landing"
    for number in range(3):
        deliver(settings, landing, f"{number}.csv", number)
    store = BackupStore(bucket)
    first = take_backup(settings, store)
    assert first.sent == first.header.file_count + 2
    deliver(settings, landing, "new.csv", 9)
    assert take_backup(settings, store).sent == 3
    assert prune_backups(store, keep=1)[0] == 1
    assert len(backup_ids(store)) == 1
    assert verify_backup(store, None, tmp_path).faults == ()
    other = home(tmp_path / "other")
    restore_backup(other, store)
    assert contents(other) == contents(settings)
    assert deliver(other, landing, "new.csv", 9) == "known"
    for one in (settings, other):
        release_audit_engine(one)


def test_a_bucket_that_is_not_there_or_does_not_answer_is_told_apart(bucket, tmp_path, monkeypatch):
    settings = home(tmp_path / "home")
    with pytest.raises(BackupRefused, match=r"s3://no-such-bucket"):
        take_backup(settings, BackupStore("s3://no-such-bucket/backups"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    fsspec.filesystem("s3").clear_instance_cache()
    with pytest.raises(BackupUnavailable, match="does not answer"):
        take_backup(settings, BackupStore(bucket))
    with pytest.raises(BackupRefused, match="cannot be opened"):
        BackupStore("nonsense://place")
    release_audit_engine(settings)


def test_a_ledger_moves_from_sqlite_to_postgresql_and_back(tmp_path, postgres_database):
    settings, landing = home(tmp_path / "home"), tmp_path / "landing"
    for number in range(3):
        deliver(settings, landing, f"{number}.csv", number)
    build = BuildHistory(audit_engine(settings)).start("shop", "f" * 64, run_id=None)
    store = BackupStore(str(tmp_path / "backups"))
    take_backup(settings, store)

    moved = home(tmp_path / "moved", postgres_database)
    restore_backup(moved, store)
    assert contents(moved) == contents(settings)
    assert deliver(moved, landing, "1.csv", 1) == "known"
    assert deliver(moved, landing, "4.csv", 4) == "loaded", (
        "sequences go on after the restored rows"
    )
    assert BuildHistory(audit_engine(moved)).last("shop").build_id == build

    outcome = take_backup(moved, store)
    assert outcome.header.missing == ()
    back = home(tmp_path / "back")
    restore_backup(back, store)
    assert contents(back) == contents(moved)

    restore_backup(moved, store, overwrite=True)
    assert contents(moved) == contents(back)
    for one in (settings, moved, back):
        release_audit_engine(one)


def test_a_snapshot_of_postgresql_is_of_one_moment(tmp_path, postgres_database):
    """Batches and deliveries are read by two queries; what comes between them is in neither."""
    settings = home(tmp_path / "home", postgres_database)
    landing, engine = tmp_path / "landing", audit_engine(settings)
    deliver(settings, landing, "0.csv", 0)
    real, loaded = ledger_snapshot.insert, []

    def load_between(table):
        if table.name == "batches" and not loaded:
            loaded.append(deliver(settings, landing, "1.csv", 1))
        return real(table)

    ledger_snapshot.insert = load_between
    try:
        take_snapshot(engine, tmp_path / "snapshot.db")
    finally:
        ledger_snapshot.insert = real
    assert loaded == ["loaded"]
    copy = migrated_engine(f"sqlite:///{tmp_path}/snapshot.db")
    with copy.connect() as connection:
        for name in ("batches", "deliveries"):
            assert len(connection.execute(select(metadata.tables[name])).all()) == 1
    copy.dispose()
    release_audit_engine(settings)
