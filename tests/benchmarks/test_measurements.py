"""How the benchmarks time, compare and tell."""

import io
import sys
from pathlib import Path

import pytest
from rich.console import Console

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
