"""That every loader of the JSON benchmark loads all of both shapes."""

from pathlib import Path

import pytest

from benchmarks.json_ingest import SHAPES, load_once, write_records
from benchmarks.json_load_child import LOADERS


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("loader", LOADERS)
def test_a_loader_takes_every_record(tmp_path: Path, shape: str, loader: str) -> None:
    landing = tmp_path / "landing"
    landing.mkdir()
    file = landing / SHAPES[shape]
    write_records(file, 500)
    assert load_once(loader, file, tmp_path, 1, 500)["rows"] == 500
