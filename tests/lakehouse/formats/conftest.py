"""A table declared in a line, and staged files read back."""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from lakehouse.formats.csv.reader import stage_csv
from lakehouse.formats.staged_file import StagedFile
from lakehouse.formats.staging_limits import StagingLimits
from lakehouse.source_catalog import Table
from lakehouse.sql_quoting import sql_path

LATAM_DIALECTS = (
    {"delimiter": ",", "encoding": ["utf-8", "cp1252"]},
    {
        "delimiter": ";",
        "encoding": ["utf-8", "cp1252"],
        "decimal": ",",
        "thousands": ".",
        "date_format": "%d/%m/%Y",
    },
)


def _make_table(
    columns: dict[str, str | dict[str, Any]] | list[str],
    dialects: tuple[dict[str, Any], ...] = LATAM_DIALECTS,
    **meta: Any,
) -> Table:
    types = columns if isinstance(columns, dict) else dict.fromkeys(columns, "varchar")
    finding = {} if "regex" in meta else {"pattern": "*.csv"}
    return Table.model_validate(
        {
            "source": "pharma_files",
            "name": "ventas",
            "connector": "files",
            "block": "landing",
            "schema_name": "raw",
            "meta": {"load": "append", "dialects": dialects, **finding, **meta},
            "columns": [
                {"name": name, **(kind if isinstance(kind, dict) else {"data_type": kind})}
                for name, kind in types.items()
            ],
            "file": Path("_pharma__sources.yml"),
        }
    )


@pytest.fixture(scope="session")
def make_table() -> Callable[..., Table]:
    """Build a table of a source."""
    return _make_table


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., StagedFile]:
    """Write bytes to a file and stage it."""
    folder = tmp_path_factory.mktemp("staging")

    def write_and_stage(content: bytes, table: Table, name: str = "ventas.csv") -> StagedFile:
        file = folder / name
        file.write_bytes(content)
        limits = StagingLimits(threads=1)
        return stage_csv(file, table, folder / "scratch", limits=limits)

    return write_and_stage


@pytest.fixture(scope="session")
def rows_of() -> Callable[[StagedFile], list[tuple[str | None, ...]]]:
    """Read a staged file's rows, in order."""

    def read(staged: StagedFile) -> list[tuple[str | None, ...]]:
        with duckdb.connect() as connection:
            return connection.execute(
                f"select * from read_parquet({sql_path(staged.path)}, hive_partitioning=false)"
            ).fetchall()

    return read


@pytest.fixture(scope="session")
def lines_of() -> Callable[[StagedFile], list[int]]:
    """Source lines of a staged file's rows."""

    def lines(staged: StagedFile) -> list[int]:
        assert staged.line_breaks is not None, staged.warnings
        return staged.line_breaks.lines_of(np.arange(staged.rows)).tolist()

    return lines


@pytest.fixture(scope="session")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    """One in-memory DuckDB for SQL expressions."""
    with duckdb.connect() as connection:
        yield connection


@pytest.fixture
def staged_alone(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Stage a file in a process of its own: rows, rejects or refusal, seconds, MiB."""
    script = Path(__file__).with_name("stage_alone.py")

    def run(file: Path, table: Table, *, seconds: float = 120) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, script, file, table.model_dump_json(), tmp_path / "scratch"],
            capture_output=True,
            timeout=seconds,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout)

    return run


@pytest.fixture
def write_pieces(tmp_path: Path) -> Callable[..., Path]:
    """Write each text so many times to a file; one named `*.gz` is packed."""

    def write(name: str, *pieces: tuple[str, int]) -> Path:
        file = tmp_path / name
        with gzip.open(file, "wb", 1) if name.endswith(".gz") else file.open("wb") as target:
            for text, times in pieces:
                piece = text.encode()
                step = max(1, (1 << 20) // len(piece))
                for start in range(0, times, step):
                    target.write(piece * min(step, times - start))
        return file

    return write
