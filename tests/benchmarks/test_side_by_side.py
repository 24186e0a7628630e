"""How loads are measured side by side, and told."""

import importlib
import io
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.csv_ingest import LOADS, write_csv
from benchmarks.measurements import MeasurementError
from benchmarks.side_by_side import in_turns


@pytest.mark.parametrize("source", ["csv", "json", "xlsx", "xml", "mysql"])
def test_every_loader_has_a_label_and_every_label_a_loader(source: str) -> None:
    loads = importlib.import_module(f"benchmarks.{source}_ingest").LOADS
    loaders = importlib.import_module(f"benchmarks.{loads.module}").LOADERS
    assert loads.labels.keys() == loaders.keys()
    assert loads.baseline in loaders


def test_every_other_round_goes_backwards() -> None:
    seen: list[str] = []

    def measure(name: str) -> int:
        seen.append(name)
        return len(seen)

    assert in_turns(["a", "b"], 3, measure) == {"a": [1, 4, 5], "b": [2, 3, 6]}
    assert "".join(seen) == "abbaab"


def test_load_that_loses_rows_is_no_measurement(tmp_path: Path) -> None:
    write_csv(tmp_path / "orders.csv", 1000)
    with pytest.raises(MeasurementError, match="loaded 1000 of 1001 rows"):
        LOADS.load_once("duckdb", tmp_path / "orders.csv", tmp_path, rows=1001, threads=1)


def test_load_that_fails_is_no_measurement_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(MeasurementError, match=r"(?s)ended with 1:.*No files found"):
        LOADS.load_once("duckdb", tmp_path / "missing.csv", tmp_path, rows=1, threads=1)
    assert not (tmp_path / "duckdb").exists()


def test_loaders_that_are_left_out_are_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_csv(Path("orders.csv"), 1000)
    options = LOADS.option_parser("x").parse_args(["--rounds=2", "--without", "aljibe"])
    runs = LOADS.measure(options, Path("orders.csv"), Path(), 1000)
    assert {name: len(told) for name, told in runs.items()} == {"duckdb": 2}


def test_the_baseline_cannot_be_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        LOADS.option_parser("x").parse_args(["--without", "duckdb"])
    assert "invalid choice: 'duckdb'" in capsys.readouterr().err


def test_table_tells_time_ratio_and_memory() -> None:
    plain = {"rows": 1, "seconds": 2.0, "processor_seconds": 1.5, "peak_rss_bytes": 50e6}
    ours = {"rows": 1, "seconds": 5.0, "processor_seconds": 4.0, "peak_rss_bytes": 75e6}
    console = Console(record=True, width=120, file=io.StringIO())
    LOADS.report({"duckdb": [plain], "aljibe": [ours]}, "Orders", console)
    shown = console.export_text()
    (line,) = (line for line in shown.splitlines() if "our ingest" in line)
    told = [cell.strip() for cell in line.strip("│").split("│")]
    assert told[1:] == [
        "5.00 (5.00-5.00)",
        "2.50 (2.50-2.50)",
        "4.00 (4.00-4.00)",
        "75 (75-75)",
    ]
    assert "x duckdb" in shown
