"""How the benchmarks time, compare and tell."""

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from benchmarks.dbt_overhead import report
from benchmarks.generated_project import SIZES
from benchmarks.measurements import MeasurementError, Spread, peak_memory, ratios, timed
from benchmarks.olist_flow import report_published


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


def test_memory_is_that_of_a_process_and_of_what_it_started() -> None:
    hold = "x = bytearray(80_000_000); import time; time.sleep(20)"
    start = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])"
    before = {child.pid for child in psutil.Process().children()}
    with subprocess.Popen([sys.executable, "-c", start], start_new_session=True) as process:
        try:
            with peak_memory(
                lambda: [c for c in psutil.Process().children() if c.pid not in before]
            ) as peak:
                deadline = time.monotonic() + 15
                while peak[0] < 80_000_000 and time.monotonic() < deadline:
                    time.sleep(0.1)
            assert 80_000_000 < peak[0] < 400_000_000
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_olist_says_which_targets_are_met() -> None:
    seconds = {
        **{key: [5.0] for key in ["bare_load", "bare_build", "ingest", "dbt-build", "publish"]},
        "bare": [20.0],
        "ours": [24.0],
        "nothing_new": [3.0],
        "new_day": [15.0],
    }
    console = Console(record=True, width=140, file=io.StringIO())
    report_published(seconds, 2.5e9, console)
    text = console.export_text()
    assert "whole flow over bare at most 1.25: 1.20: met" in text
    assert "nothing new at least 10 times faster: 8.0: MISSED" in text
    assert "memory under 2 GB: 2.50 GB: MISSED" in text
