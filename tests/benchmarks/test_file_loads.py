"""That every loader of every file format loads all of it."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks import csv_ingest, json_ingest, xlsx_ingest, xml_ingest
from benchmarks.side_by_side import SideBySide

ROWS = 500


@dataclass(frozen=True)
class FileLoads:
    """One shape of file: its loaders, and what writes it and returns its rows."""

    loads: SideBySide
    name: str
    write: Callable[[Path], int]


def rows_of(write: Callable[[Path, int], None]) -> Callable[[Path], int]:
    def write_all(path: Path) -> int:
        write(path, ROWS)
        return ROWS

    return write_all


SHAPES = {
    "csv": FileLoads(csv_ingest.LOADS, "orders.csv", rows_of(csv_ingest.write_csv)),
    **{
        f"json-{shape}": FileLoads(json_ingest.LOADS, name, rows_of(json_ingest.write_records))
        for shape, name in json_ingest.SHAPES.items()
    },
    "xlsx": FileLoads(xlsx_ingest.LOADS, "liquidaciones.xlsx", rows_of(xlsx_ingest.write_xlsx)),
    "xml": FileLoads(
        xml_ingest.LOADS, "catalogo.xml", lambda path: xml_ingest.write_xml(path, 100_000)
    ),
}


@pytest.mark.parametrize(
    ("shape", "loader"),
    [(shape, loader) for shape, one in SHAPES.items() for loader in one.loads.labels],
)
def test_a_loader_takes_every_record(tmp_path: Path, shape: str, loader: str) -> None:
    if loader == "polars" and importlib.util.find_spec(loader) is None:
        pytest.skip("polars is no package of this project")
    one = SHAPES[shape]
    rows = one.write(tmp_path / one.name)
    told = one.loads.load_once(loader, tmp_path / one.name, tmp_path, rows=rows, threads=1)
    assert told["rows"] == rows > 100


def test_our_load_leaves_the_real_lake_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = tmp_path / "real"
    monkeypatch.setenv("ALJIBE_RAW_DIR", str(real / "raw"))
    monkeypatch.setenv("ALJIBE_QUARANTINE_DIR", str(real / "quarantine"))
    csv_ingest.write_csv(tmp_path / "orders.csv", ROWS)
    csv_ingest.LOADS.load_once("aljibe", tmp_path / "orders.csv", tmp_path, rows=ROWS, threads=1)
    assert not real.exists()


def test_generated_csv_has_about_the_size_that_was_asked_for(tmp_path: Path) -> None:
    rows = csv_ingest.rows_for(500_000, tmp_path)
    csv_ingest.write_csv(tmp_path / "orders.csv", rows)
    assert (tmp_path / "orders.csv").stat().st_size == pytest.approx(500_000, rel=0.05)
