"""What goes after its time, and what never does."""

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse.connectors.folder import FoundFile
from lakehouse.lake.audit_database import release_audit_engine
from lakehouse.lake.file_lock import FileLock, Holder
from lakehouse.lake.load_file import load_file
from lakehouse.lake.partition_layout import table_lock_file
from lakehouse.lake.raw_lake import RawLake
from lakehouse.retention.remove_expired import remove_expired
from lakehouse.settings import Settings
from lakehouse.source_catalog import Catalog, Column, Table, TableMeta

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
DAY = 86_400
REFUSED, GOOD = "town\n1\n", "id\n1\n"


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    made = Settings(home=tmp_path / "home", retention_days=30)
    yield made
    release_audit_engine(made)


@pytest.fixture
def lake(settings: Settings) -> RawLake:
    return RawLake.of(settings)


def deliver(lake: RawLake, name: str, content: str) -> str:
    landing = lake.settings.root / "landing"
    landing.mkdir(parents=True, exist_ok=True)
    (landing / name).write_text(content, encoding="utf-8")
    status = (landing / name).stat()
    found = FoundFile(name, status.st_size, status.st_mtime_ns)
    return load_file(landing, found, TABLE, lake, run_id="test").status


def age(folder: Path, days: float) -> None:
    moment = time.time() - days * DAY
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (moment, moment))


def removed(settings: Settings, lake: RawLake) -> set[tuple[str, str]]:
    catalog = Catalog(domain="shop", tables=(TABLE,))
    return {(one.what, one.path) for one in remove_expired(settings, lake, [catalog], ["shop"])}


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_only_what_was_settled_long_ago_leaves_quarantine(settings, lake):
    assert deliver(lake, "settled.csv", REFUSED) == "quarantined"
    assert deliver(lake, "settled.csv", GOOD) == "loaded"
    (settled,) = (settings.quarantine / "shop" / "sales").iterdir()
    assert deliver(lake, "open.csv", "village\n2\n") == "quarantined"
    (waiting,) = set((settings.quarantine / "shop" / "sales").iterdir()) - {settled}
    assert removed(settings, lake) == set(), "both are young"
    age(settings.quarantine, 31)
    assert removed(settings, lake) == {("quarantine", f"shop/sales/{settled.name}")}
    assert (waiting / "original").read_text() == "village\n2\n"
    assert deliver(lake, "other.csv", "village\n2\n") == "quarantined"


def test_raw_and_the_ledger_are_the_same_before_and_after(settings, lake):
    for number in range(3):
        deliver(lake, f"{number}.csv", f"id\n{number}\n")
    deliver(lake, "bad.csv", REFUSED)
    deliver(lake, "bad.csv", GOOD)
    raw = {name: said for name, said in hashes(settings.raw).items() if ".lock" not in name}
    age(settings.root, 5000)
    batches = lake.ledger.batches_of("shop", "sales")
    assert removed(settings, lake)
    after = {name: said for name, said in hashes(settings.raw).items() if ".lock" not in name}
    assert raw == after
    assert len([name for name in raw if name.endswith(".parquet")]) == 3
    assert lake.ledger.batches_of("shop", "sales") == batches


def test_leftovers_of_dead_processes_go_and_those_at_work_stay(settings, lake):
    folders = {
        name: settings.root / name
        for name in (
            "scratch/aljibe-backup",
            "scratch/shop/sales",
            "scratch/shop/held",
            "scratch/shop/young",
            "target/shop/freshness-abc",
            "target/gone",
            "target/theirs",
            "reports/gone",
            "reports/assets",
            "before-restore-20200101T000000Z/warehouse",
        )
    }
    for folder in folders.values():
        folder.mkdir(parents=True)
        (folder / "file").write_text("x")
    (folders["target/gone"] / "manifest.json").write_text("{}")
    (folders["reports/gone"] / "report.json").write_text("{}")
    age(settings.root, 40)
    age(folders["scratch/shop/young"], 0.1)
    held = FileLock(
        table_lock_file(settings.raw, "shop", "held"), Holder.of_this_process("x"), timeout=0
    )
    with held:
        gone = removed(settings, lake)
    assert gone == {
        ("scratch", "aljibe-backup"),
        ("scratch", "shop/sales"),
        ("target", "shop/freshness-abc"),
        ("target", "gone"),
        ("reports", "gone"),
        ("restore", "before-restore-20200101T000000Z"),
    }
    stay = {name for name, folder in folders.items() if folder.exists()}
    assert stay == {"scratch/shop/held", "scratch/shop/young", "target/theirs", "reports/assets"}
    # Whoever was at work has ended.
    assert removed(settings, lake) == {("scratch", "shop/held")}
    assert removed(settings, lake) == set()
