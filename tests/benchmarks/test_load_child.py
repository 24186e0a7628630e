"""What a load's own process measures, and what it needs."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.csv_ingest import LOADS, write_csv
from benchmarks.load_child import measure, peak_bytes
from benchmarks.side_by_side import LOAD_CHILD

LARGE = 300_000_000


def test_plain_load_counts_rows_time_and_memory(tmp_path: Path) -> None:
    write_csv(tmp_path / "orders.csv", 1000)
    told = LOADS.load_once("duckdb", tmp_path / "orders.csv", tmp_path, rows=1000, threads=1)
    assert told["rows"] == 1000
    assert told["seconds"] > 0
    assert told["processor_seconds"] > 0
    assert told["peak_rss_bytes"] > 10_000_000


def test_peak_memory_is_the_load_s_own_whatever_its_parent_has(tmp_path: Path) -> None:
    write_csv(tmp_path / "orders.csv", 1000)
    held = b"x" * LARGE
    assert peak_bytes() > len(held)
    told = LOADS.load_once("duckdb", tmp_path / "orders.csv", tmp_path, rows=1000, threads=1)
    assert told["peak_rss_bytes"] < len(held)


def test_what_a_load_s_own_processes_take_is_not_left_out() -> None:
    with pytest.raises(RuntimeError, match="the load started processes"):
        measure(lambda: subprocess.run([sys.executable, "-c", ""], check=True).returncode)


def test_a_peer_s_python_needs_no_package_but_the_peer(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-S", LOAD_CHILD, "mysql_loaders", "connectorx", "x", tmp_path, "x"],
        env={},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stderr.endswith("ModuleNotFoundError: No module named 'connectorx'\n")
