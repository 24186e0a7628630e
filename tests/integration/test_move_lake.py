"""An embedded lake moved to a bucket and PostgreSQL: killed at any point, it goes on."""

import hashlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from sqlalchemy import URL, select

from lakehouse.connectors.folder import find_files
from lakehouse.errors import LakeDamaged, MoveRefused
from lakehouse.lake.audit_database import audit_engine, release_audit_engine
from lakehouse.lake.audit_schema import metadata
from lakehouse.lake.kept_delivery import kept_folder
from lakehouse.lake.load_file import load_file
from lakehouse.lake.object_folder import ObjectFolder
from lakehouse.lake.raw_lake import RawLake
from lakehouse.lake.raw_views import register_raw
from lakehouse.move.move_lake import move_lake
from lakehouse.settings import Settings
from lakehouse.source_catalog import Catalog, Column, Table, TableMeta

pytestmark = pytest.mark.integration
# Asked for here: the tests themselves see no setting of this machine.
SOAK_MIB = int(os.environ.get("ALJIBE_SOAK_MIB", "1024"))
FILES = 9
TABLE = Table(
    source="shop",
    name="sales",
    connector="files",
    block="landing",
    schema_name="raw",
    meta=TableMeta.model_validate({"load": "append", "pattern": "*"}),
    columns=(Column(name="id", data_type="integer"), Column(name="city")),
    file=Path("_shop__sources.yml"),
)
MOVES = """
    import os, signal, sys
    from lakehouse.lake.object_folder import ObjectFolder
    from lakehouse.move import move_lake as module
    from lakehouse.settings import Settings

    home, url, audit, point = sys.argv[1:]
    if point.isdigit():
        real, left = ObjectFolder.put, int(point)
        def put(*args):
            global left
            real(*args)
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
        ObjectFolder.put = put
    else:
        def die(*_args, **_kwargs):
            os.kill(os.getpid(), signal.SIGKILL)
        setattr(module, point, die)
    given = {"home": home, "raw_url": url, "audit_url": audit}
    module.move_lake(Settings(home=home), Settings.model_validate(given))
"""


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Settings:
    """A home with batches, a delivery in quarantine, and one that was loaded in part."""
    for name in [name for name in os.environ if name.startswith("ALJIBE_")]:
        monkeypatch.delenv(name)
    made = Settings(home=tmp_path / "home")
    deliver(made, tmp_path / "landing", FILES)
    yield made
    release_audit_engine(made)


@pytest.fixture
def target(s3_bucket: str, postgres_database: URL, tmp_path) -> Settings:
    audit = postgres_database.render_as_string(hide_password=False)
    made = Settings.model_validate(
        {"home": tmp_path / "moved", "raw_url": f"{s3_bucket}/lake", "audit_url": audit}
    )
    yield made
    release_audit_engine(made)


def deliver(settings: Settings, landing: Path, files: int) -> None:
    landing.mkdir(exist_ok=True)
    for number in range(files):
        good = "".join(f"{number * 100 + row},Salta\n" for row in range(100))
        (landing / f"{number}.csv").write_text("id,city\n" + good + "x,bad\n" * (number == 1))
    (landing / "bad.csv").write_text("id,city\nx,bad\n")
    lake = RawLake.of(settings)
    for found in find_files(landing, TABLE):
        load_file(landing, found, TABLE, lake, run_id="test")


def contents(settings: Settings) -> dict[str, list[str]]:
    with audit_engine(settings).connect() as connection:
        return {
            table.name: sorted(str(tuple(row)) for row in connection.execute(select(table)))
            for table in metadata.sorted_tables
            if table.name != "locks"
        }


def files_of(settings: Settings) -> dict[str, str]:
    return {
        str(path.relative_to(settings.root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for root in (settings.raw, settings.quarantine)
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


def die_in_the_middle(settings: Settings, target: Settings, point: str) -> None:
    audit = target.audit_database_url.get_secret_value()
    command = [sys.executable, "-c", textwrap.dedent(MOVES)]
    child = subprocess.run(
        [*command, str(settings.home), target.raw_url, audit, point],
        check=False,
        capture_output=True,
        text=True,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr


@pytest.mark.soak
def test_a_move_that_was_killed_again_and_again_ends_with_the_same_lake(
    settings, target, tmp_path, monkeypatch
):
    before, rows = files_of(settings), contents(settings)
    for point in ("2", "2", "restore_snapshot"):
        die_in_the_middle(settings, target, point)
        assert contents(target)["deliveries"] == [], "nobody reads of a half moved lake"
    done = move_lake(settings, target)
    assert (done.done_before, done.sent) == (False, 0), "everything was sent by those that died"
    assert done.files == len(before)
    assert done.rows["batches"] == FILES
    assert contents(target) == rows
    assert (files_of(settings), contents(settings)) == (before, rows)

    again = move_lake(settings, target)
    assert (again.done_before, again.sent) == (True, 0)

    for name, value in (
        ("ALJIBE_HOME", str(target.home)),
        ("ALJIBE_RAW_URL", target.raw_url),
        ("ALJIBE_AUDIT_URL", target.audit_database_url.get_secret_value()),
    ):
        monkeypatch.setenv(name, value)
    lake = RawLake.of(target)
    current = register_raw(
        Catalog(domain="shop", tables=(TABLE,)), lake, target.warehouse("shop"), "test"
    )
    assert len(current) == FILES
    landing = tmp_path / "landing"
    statuses = {load_file(landing, one, TABLE, lake).status for one in find_files(landing, TABLE)}
    assert statuses == {"known", "quarantined"}
    (refused,) = lake.ledger.open_quarantine(TABLE)
    assert (kept_folder(lake, TABLE, refused) / "original").read_text() == "id,city\nx,bad\n"
    assert move_lake(settings, target).done_before, "the target went on; what was here is there"


def test_it_refuses_while_a_run_writes_and_where_another_lake_is(settings, target, tmp_path):
    with (
        RawLake.of(settings).writer_of(TABLE, "elt happy-otter"),
        pytest.raises(MoveRefused, match="elt happy-otter"),
    ):
        move_lake(settings, target)
    other = Settings(home=tmp_path / "other")
    deliver(other, tmp_path / "others-landing", 2)
    move_lake(other, target)
    with pytest.raises(MoveRefused, match="lacks rows of batches that are here"):
        move_lake(settings, target)
    with pytest.raises(MoveRefused, match="unset ALJIBE_RAW_URL"):
        move_lake(target, target)
    release_audit_engine(other)


def test_a_lost_or_falsified_file_is_told(settings, target, monkeypatch):
    batch = RawLake.of(settings).ledger.batches_of("shop", "sales")[0]
    file = settings.raw / batch.path
    real = ObjectFolder.put

    def falsified(self: ObjectFolder, sent: Path, name: str) -> None:
        real(self, sent, name)
        if name == batch.path:
            wrong = sent.with_name("wrong")
            wrong.write_bytes(b"0" * sent.stat().st_size)
            real(self, wrong, name)
            wrong.unlink()

    monkeypatch.setattr(ObjectFolder, "put", falsified)
    with pytest.raises(LakeDamaged, match="gives other bytes"):
        move_lake(settings, target)
    assert contents(target)["batches"] == []
    monkeypatch.setattr(ObjectFolder, "put", real)
    file.rename(file.with_suffix(".aside"))
    with pytest.raises(LakeDamaged, match="is named by the ledger and is not there"):
        move_lake(settings, target)


@pytest.mark.soak
def test_a_lake_of_gigabytes_moves_with_two_interruptions(settings, target):
    """`ALJIBE_SOAK_MIB` of files, copies of noise: nothing of it can be packed."""
    lake, mib, size = RawLake.of(settings), SOAK_MIB, 64
    first = lake.ledger.batches_of("shop", "sales")[0]
    for number in range(mib // size):
        path = f"shop/sales/year=2026/month=01/day=01/{number:032x}.parquet"
        file = settings.raw / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as output:
            for _ in range(size):
                output.write(os.urandom(2**20))
        values = {**vars(first), "batch_id": f"{number:032x}", "path": path, "bytes": size << 20}
        with lake.ledger.engine.begin() as connection:
            connection.execute(metadata.tables["batches"].insert().values(**values))
    began = time.monotonic()
    half = mib // size // 2
    for point in (str(half), str(half // 2)):
        die_in_the_middle(settings, target, point)
    done = move_lake(settings, target)
    print(f"{done.bytes / 2**30:.2f} GiB, {done.files} files in {time.monotonic() - began:.0f} s")
    assert move_lake(settings, target).sent == 0
    assert done.bytes > mib * 2**20
