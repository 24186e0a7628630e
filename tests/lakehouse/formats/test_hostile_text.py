"""What was made to hurt: each case in a process of its own, bounded in time and memory."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = 120
# Python with pyarrow, pandas-free, takes about 150 MB; DuckDB is held to 256 MB.
MEGABYTES = 600

CHILD = """
import gzip, json, resource, sys, time
from pathlib import Path
from lakehouse.errors import DeliveryRefused
from lakehouse.formats.stage_file import stage_file
from lakehouse.formats.staging_limits import StagingLimits
from lakehouse.source_catalog import Table

folder, name, data_format, recipe = sys.argv[1:]
file = Path(folder) / name
opened = gzip.open(file, "wb", 1) if name.endswith(".gz") else file.open("wb")
with opened as target:
    for piece, times in json.loads(recipe):
        block = max(1, (1 << 20) // len(piece))
        for _ in range(times // block):
            target.write(piece.encode() * block)
        target.write(piece.encode() * (times % block))
columns = [{"name": "a", "start": 1, "length": 1}]
table = Table.model_validate({
    "source": "shop", "name": "sales", "connector": "files", "block": "landing",
    "schema_name": "raw", "columns": columns, "file": "_shop__sources.yml",
    "meta": {"load": "append", "pattern": "*", "format": data_format},
})
started = time.monotonic()
said = {}
try:
    (staged,) = stage_file(
        file, table, Path(folder) / "scratch", captured={}, limits=StagingLimits(1, "256MB")
    )
    said = {"rows": staged.rows, "rejects": [reject.reason for reject in staged.rejects[:3]]}
except DeliveryRefused as refusal:
    said = {"refused": str(refusal)[:300]}
said["seconds"] = time.monotonic() - started
said["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(said))
"""


def outcome_of(folder: Path, name: str, data_format: str, recipe: list[tuple[str, int]]) -> dict:
    """Write a file of pieces, each repeated, and stage it in a child process.

    Returns:
        rows and rejects, or refused, with seconds and megabytes.
    """
    child = subprocess.run(
        [sys.executable, "-c", CHILD, folder, name, data_format, json.dumps(recipe)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
    )
    assert child.returncode == 0, child.stderr[-2000:]
    said = json.loads(child.stdout.splitlines()[-1])
    assert said["megabytes"] < MEGABYTES
    return said


@pytest.mark.parametrize(
    ("data_format", "recipe", "reason"),
    [
        ("json", [("[", 2_000_000)], "cut off within record 1"),
        ("json", [('{"x":', 1_000_000)], "cut off within record 1"),
        ("json", [("[", 1), ('{"a":1},', 500_000)], "cut off within record 500001"),
        ("json", [('"', 1), ("x", 30_000_000)], "neither an array nor an object"),
        ("fixed_width", [("x", 30_000_000)], "longer than 1 MiB"),
        ("json", [("\\", 10_000_001)], "neither an array nor an object"),
    ],
)
def test_a_hostile_file_is_refused(
    tmp_path: Path, data_format: str, recipe: list[tuple[str, int]], reason: str
):
    assert reason in outcome_of(tmp_path, "hostile.txt", data_format, recipe)["refused"]


@pytest.mark.parametrize(
    ("data_format", "recipe", "reason"),
    [
        (
            "ndjson",
            [('{"a":', 1), ("[", 1_000_000), ("]", 1_000_000), ('}\n{"a":1}\n', 1)],
            "nested more than 200 levels deep",
        ),
        (
            "json",
            [('[{"a":', 1), ('{"b":', 500_000), ("1", 1), ("}", 500_000), ('},{"a":1}]', 1)],
            "nested more than 200 levels deep",
        ),
        (
            "ndjson",
            [('{"a":"', 1), ("x", 60_000_000), ('"}\n{"a":1}\n', 1)],
            "longer than 16 MiB",
        ),
        (
            "json",
            [('[{"a":"', 1), ("\\\\", 20_000_000), ('"},{"a":1}]', 1)],
            "longer than 16 MiB",
        ),
    ],
)
def test_a_hostile_record_is_rejected_and_the_other_one_loaded(
    tmp_path: Path, data_format: str, recipe: list[tuple[str, int]], reason: str
):
    found = outcome_of(tmp_path, "hostile.txt", data_format, recipe)
    assert found["rows"] == 1
    (said,) = found["rejects"]
    assert reason in said


def test_a_gzip_bomb_is_refused_at_its_limit(tmp_path: Path):
    found = outcome_of(tmp_path, "bomb.csv.gz", "csv", [("\0", 1 << 30)])
    assert "which is beyond" in found["refused"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("data_format", "recipe"),
    [
        (
            "json",
            [("[", 1), ('{"a":"0123456789 0123456789","b":1.5},', 4_000_000), ('{"a":0}]', 1)],
        ),
        ("ndjson", [('{"a":"0123456789 0123456789","b":1.5}\n', 4_000_000), ('{"a":0}', 1)]),
        ("ndjson", [('{"a":"0123456789 0123456789","b":1.5}\nx\n', 90_000), ('{"a":0}', 1)]),
        ("fixed_width", [("1\n", 20_000_000), ("0", 1)]),
    ],
)
def test_memory_is_flat_in_the_size_of_a_file(
    tmp_path: Path, data_format: str, recipe: list[tuple[str, int]]
):
    found = outcome_of(tmp_path, "large.txt", data_format, recipe)
    assert found["rows"] == recipe[-2][1] + 1
