"""Backed up while runs write, killed, resumed, restored into an empty home: the same marts."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import duckdb
import pytest

from demo.pharma_deliveries import seed_deliveries
from flows.backup import backup
from flows.elt import elt
from lakehouse.backup.backup_manifest import backup_ids
from lakehouse.backup.backup_store import BackupStore
from lakehouse.backup.restore_backup import restore_backup
from lakehouse.backup.verify_backup import verify_backup
from lakehouse.lake.audit_database import audit_engine
from lakehouse.lake.ledger import Ledger
from lakehouse.settings import Settings, load_settings
from lakehouse.source_catalog import load_catalog

ARG = "invoice_id,fecha,producto_cod,cantidad,precio_unit,moneda\n"
THAT_DIES = """
    import os, signal, sys
    from lakehouse.backup import backup_store, take_backup
    from lakehouse.settings import Settings

    real, puts = backup_store.BackupStore.put_object, []
    def put(self, file, sha256):
        real(self, file, sha256)
        puts.append(sha256)
        if len(puts) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
    backup_store.BackupStore.put_object = put
    take_backup.take_backup(Settings(), backup_store.BackupStore(sys.argv[1]))
"""


def marts(settings: Settings) -> dict[str, list[tuple[object, ...]]]:
    """Every published row of the domain, but for what tells of the run itself."""
    with duckdb.connect(str(settings.serving("pharma_latam")), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() order by all"
        ).fetchall()
        return {
            f"{schema}.{name}": sorted(
                connection.execute(f'from "{schema}"."{name}"').fetchall(), key=str
            )
            for schema, name in tables
        }


def loads(settings: Settings) -> dict[str, int]:
    """How many deliveries have each status."""
    ledger = Ledger(audit_engine(settings))
    counts: dict[str, int] = {}
    for table in load_catalog(settings.project_dir, "pharma_latam").tables:
        for one in ledger.deliveries_since(table, None):
            counts[one.status] = counts.get(one.status, 0) + 1
    return counts


@pytest.mark.long
def test_a_backup_of_a_busy_home_gives_the_same_marts_elsewhere(
    settings, landing, deliver, run, tmp_path, monkeypatch
):
    place = tmp_path / "backups"
    monkeypatch.setenv("ALJIBE_BACKUP_URL", str(place))
    seed_deliveries(landing)
    assert run().is_completed()
    child = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(THAT_DIES), str(place)],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        capture_output=True,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr
    store = BackupStore(str(place))
    assert backup_ids(store) == []

    deliver("ventas_arg_marzo.csv", ARG + "ARG-100,2024-03-01,AMOX500,10,800.00,ARS\n")
    done: list[object] = []
    busy = threading.Thread(target=lambda: done.append(elt("pharma_latam", return_state=True)))
    busy.start()
    while busy.is_alive():
        state = backup(return_state=True)
        assert state.is_completed(), state.message
        busy.join(0.5)
    assert done[0].is_completed()
    for backup_id in backup_ids(store):
        assert verify_backup(store, backup_id, tmp_path).faults == ()
    assert backup(verify=True, return_state=True).is_completed()
    wanted, before = marts(settings), loads(settings)

    monkeypatch.setenv("ALJIBE_HOME", str(tmp_path / "other"))
    monkeypatch.setenv("PHARMA_LANDING", str(landing))
    other = load_settings()
    restore_backup(other, store)
    assert loads(other) == before
    state = elt("pharma_latam", return_state=True)
    assert state.is_completed(), state.message
    assert marts(other) == wanted
    assert loads(other) == before, "files that are in the lake are not even looked into"


def test_without_a_place_nothing_is_backed_up_and_a_bad_one_fails(settings, monkeypatch):
    assert "nothing was backed up" in backup(return_state=True).message
    monkeypatch.setenv("ALJIBE_BACKUP_URL", "nonsense://place")
    state = backup(return_state=True)
    assert state.is_failed()
    assert "cannot be opened" in state.message
