"""A load that is killed at any point: run again, every row is in the lake exactly once."""

import json
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator

import duckdb
import pytest

from lakehouse.connectors.folder import find_files
from lakehouse.lake.load_file import load_file
from lakehouse.lake.raw_views import register_raw
from lakehouse.source_catalog import Catalog

TEXT = "id,city\n" + "".join(f"{number},Salta\n" for number in range(50)) + "x,bad\n"
# Imports once and forks for each load: a death costs no start of Python.
LOADS = """
    import json, os, signal, sys
    from pathlib import Path
    from lakehouse.connectors.folder import find_files
    from lakehouse.lake import folder_batches
    from lakehouse.lake import load_delivery as module
    from lakehouse.lake import load_file as files
    from lakehouse.lake.ledger import Ledger
    from lakehouse.lake.raw_lake import RawLake
    from lakehouse.settings import load_settings
    from lakehouse.source_catalog import Table

    def die(*_args, **_kwargs):
        os.kill(os.getpid(), signal.SIGKILL)

    def die_after(owner, name):
        real = getattr(owner, name)
        def run(*args, **kwargs):
            real(*args, **kwargs)
            die()
        setattr(owner, name, run)

    def half(staged, table, path, **_kwargs):
        path.write_bytes(b"PAR1 half")
        die()

    def load(point, home, folder, table):
        os.environ["ALJIBE_HOME"] = home
        if point == "staged":
            die_after(files, "stage_file")
        elif point == "half of the temporary file":
            module.write_batch = half
        elif point == "temporary file written":
            die_after(module, "write_batch")
        elif point == "rejects kept":
            die_after(module, "keep_rejects")
        elif point == "before the commit":
            Ledger.record = die
        elif point == "after the commit":
            die_after(Ledger, "record")
        elif point == "after the rename":
            die_after(folder_batches, "publish_file")
        table = Table.model_validate_json(table)
        lake = RawLake.of(load_settings())
        for found in find_files(Path(folder), table):
            files.load_file(Path(folder), found, table, lake)

    for line in sys.stdin:
        children = []
        for job in json.loads(line):
            child = os.fork()
            if child == 0:
                load(*job)
                os._exit(0)
            children.append(child)
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        print(json.dumps(codes), flush=True)
"""
POINTS = [
    "staged",
    "half of the temporary file",
    "temporary file written",
    "rejects kept",
    "before the commit",
    "after the commit",
    "after the rename",
]


@pytest.fixture(scope="module")
def loads() -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(LOADS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.stdin.close()


@pytest.fixture
def load_in_children(loads, settings, landing, table) -> Callable[..., list[int]]:
    """Load the landing folder in one child for each point; their exit codes."""

    def run(*points: str) -> list[int]:
        jobs = [[p, str(settings.home), str(landing), table.model_dump_json()] for p in points]
        loads.stdin.write(json.dumps(jobs) + "\n")
        loads.stdin.flush()
        return json.loads(loads.stdout.readline())

    return run


def counts(settings) -> tuple[int, int]:
    with duckdb.connect(str(settings.warehouse("shop"))) as connection:
        return connection.execute(
            "select count(*), count(distinct id) from raw.sales "
            "join etl.current_batches on batch_id = _batch_id"
        ).fetchone()


@pytest.mark.parametrize(
    ("point", "again"),
    [
        *((point, "load") for point in POINTS),
        ("temporary file written", "register only"),
        ("after the commit", "register only"),
    ],
)
def test_after_a_kill_the_next_run_has_every_row_exactly_once(
    point, again, table, settings, lake, landing, put, load_in_children
):
    put("a.csv", TEXT)
    assert load_in_children(point) == [-signal.SIGKILL]
    committed = point.startswith("after")
    catalog = Catalog(domain="shop", tables=(table,))
    if again == "load":
        (found,) = find_files(landing, table)
        delivery = load_file(landing, found, table, lake)
        assert delivery.status == ("known" if committed else "loaded")
    register_raw(catalog, lake, settings.warehouse("shop"), "test")
    assert counts(settings) == ((50, 50) if committed or again == "load" else (0, 0))
    assert not any(lake.settings.raw.rglob("*.tmp"))


@pytest.mark.parametrize("point", ["half of the temporary file", "temporary file written"])
def test_a_death_while_a_lost_batch_is_restored_does_not_publish_a_torn_file(
    point, table, settings, lake, landing, deliver, load_in_children
):
    first = deliver("a.csv", TEXT)
    lake.store.file_of(lake.ledger.batch(first.batch_id)).unlink()
    assert load_in_children(point) == [-signal.SIGKILL]
    (found,) = find_files(landing, table)
    assert load_file(landing, found, table, lake).status == "loaded"
    register_raw(Catalog(domain="shop", tables=(table,)), lake, settings.warehouse("shop"), "test")
    assert counts(settings) == (50, 50)


def test_processes_that_load_the_same_file_at_once_store_it_once(
    table, settings, lake, put, load_in_children
):
    put("a.csv", TEXT)
    assert load_in_children(*["to the end"] * 4) == [0] * 4
    assert len(lake.ledger.batches_of("shop", "sales")) == 1
    register_raw(Catalog(domain="shop", tables=(table,)), lake, settings.warehouse("shop"), "test")
    assert counts(settings) == (50, 50)
    with duckdb.connect(str(settings.warehouse("shop"))) as connection:
        assert connection.execute(
            "select status, count(*) from etl.load_log group by all order by all"
        ).fetchall() == [("known", 3), ("loaded", 1)]


def test_recovery_completes_committed_files_and_removes_the_others(table, lake, deliver):
    delivery = deliver("a.csv", TEXT)
    final = lake.store.file_of(lake.ledger.batch(delivery.batch_id))
    final.rename(final.with_name(final.name + ".tmp"))
    stray = final.with_name("stray.parquet.tmp")
    stray.write_bytes(b"half")
    with lake.writer_of(table, "test"):
        done = lake.recover("shop", "sales")
        assert lake.recover("shop", "sales") == []
    assert len(done) == 2
    assert final.is_file()
    assert not stray.exists()
