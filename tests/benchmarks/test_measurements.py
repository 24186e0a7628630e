"""How the benchmarks time, compare and tell."""

import io
import sys
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.csv_ingest import load_once, rows_for, write_csv
from benchmarks.dbt_overhead import report
from benchmarks.generated_project import SIZES
from benchmarks.measurements import MeasurementError, Spread, ratios, timed


def test_spread_shows_median_and_both_ends() -> None:
    assert Spread((3.0, 1.0, 2.5)).shown() == "2.50 (1.00-3.00)"


def test_ratios_are_taken_round_by_round() -> None:
    assert ratios([2.0, 30.0], [1.0, 10.0]).values == (2.0, 3.0)


def test_a_command_that_fails_is_no_measurement(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('out of disk'); raise SystemExit(3)"]
    with pytest.raises(MeasurementError, match=r"ended with 3:\nout of disk"):
        timed(command, environment={}, folder=tmp_path, log=tmp_path / "log")


@pytest.mark.parametrize(("flow_seconds", "verdict"), [(7.0, "met (1.40)"), (8.0, "MISSED (1.60)")])
def test_report_says_whether_the_target_is_met(flow_seconds: float, verdict: str) -> None:
    console = Console(record=True, width=120, file=io.StringIO())
    report(SIZES[0], {"bare": [5.0], "flow_run": [flow_seconds]}, console)
    assert f"at most 1.5: {verdict}" in console.export_text()


def test_generated_csv_has_about_the_size_that_was_asked_for(tmp_path: Path) -> None:
    rows = rows_for(500_000, tmp_path)
    write_csv(tmp_path / "orders.csv", rows)
    assert (tmp_path / "orders.csv").stat().st_size == pytest.approx(500_000, rel=0.05)


def test_plain_load_counts_rows_and_memory(tmp_path: Path) -> None:
    write_csv(tmp_path / "orders.csv", 1000)
    told = load_once("duckdb", tmp_path / "orders.csv", tmp_path, threads=1, rows=1000)
    assert told["rows"] == 1000
    assert told["seconds"] > 0
    assert told["peak_rss_bytes"] > 10_000_000


def test_load_that_loses_rows_is_no_measurement(tmp_path: Path) -> None:
    write_csv(tmp_path / "orders.csv", 1000)
    with pytest.raises(MeasurementError, match="loaded 1000 of 1001 rows"):
        load_once("duckdb", tmp_path / "orders.csv", tmp_path, threads=1, rows=1001)
