"""The portable macros say the same on Spark as in DuckDB, at the edges of texts and numbers."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from servers import spark_query
from servers.spark_cluster import PYTHON

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "dbt_project"))

from portable_sql import render

pytestmark = [pytest.mark.integration, pytest.mark.soak, pytest.mark.timeout(1800)]

MOMENTS = (
    """
2024-01-01 10:00:00+0000|2024-01-01T10:00:00Z|2024-01-01 10:00:00.123456-0600|2024-02-30 10:00:00Z
2024-01-01 24:00:00Z|2024-01-01 24:00:00.000Z|2024-01-01 24:00:01Z|2024-12-31T24:00:00-01:30
2024-01-01 23:59:60Z|2024-01-01 10:00:00+23:00|2024-01-01 10:00:00+18:01|2024-01-01 10:00:00+99:99
2024-01-01 10:00:00+0590|0001-01-01 00:00:00Z|9999-12-31 23:59:59.999999Z|2024-13-01 10:00:00Z
2024-01-01 10:60:00Z|1969-12-31 23:59:59.5-06:00|1582-10-10 00:00:00Z| 2024-01-01 10:00:00Z
2024-01-01 10:00:00|10:00:00|x|2024-01-01 10:00:00-00:00|2024-01-01T10:00:00.000001+05:30
""".strip()
    .replace("\n", "|")
    .split("|")
)
NUMBERS = (
    """
1|+1|-1|1.|.5|-.5|1e5|1E-5|1e|e5|.|-|+|| 1 |1d|1f|1D|0x1p3|0x10|NaN|inf|-Infinity|1_000|1,5|1 2
00012|1e400|-1e400|1e-400|--1|+-1|-+1|1.5.2|1e+5|1e 5|1.e3|.e3|4.9e-324|0.1|12345678901234567890123
""".strip()
    .replace("\n", "|")
    .split("|")
)


def values() -> list[float]:
    draw = random.Random(4)
    edges = [0.125, 0.375, 1.005, 1.015, 2.675, -1.005, -0.001, -0.0, 1e14 + 0.125, 99.995]
    drawn = [draw.randint(-(10**6), 10**6) / 1000 for _ in range(300)]
    return [*edges, *drawn, *(draw.randint(0, 10**5) / 200 for _ in range(200))]


CASES = {
    "utc_timestamp('x')": [repr(one) for one in MOMENTS],
    "utc_timestamp_fault('x')": [repr(one) for one in MOMENTS],
    "surrogate_key(['x', 'x'])": [repr(one) for one in NUMBERS],
    "number_of_text('x')": [repr(one) for one in NUMBERS if one not in ("NaN", "inf", "-Infinity")],
    "text_with_digits('x', 2)": [f"cast('{one!r}' as double)" for one in values()],
    "text_with_digits('x', 1)": [f"cast('{one!r}' as double)" for one in values()],
    "rounded('x / 7', 6)": [f"cast('{one!r}' as double)" for one in values()],
}


def query(engine: str, call: str, literals: list[str]) -> str:
    rows = ", ".join(f"({number}, {literal})" for number, literal in enumerate(literals))
    return f"select {render(engine, call)} as v from (values {rows}) as t(i, x) order by i"


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str | None]]:
    if not PYTHON.is_file():
        if os.environ.get("CI") == "true":
            pytest.fail("Spark is not installed: run `make venv-spark`.")
        pytest.skip("Spark is not installed: run `make venv-spark`.")
    ended = subprocess.run(
        [PYTHON, spark_query.__file__, str(tmp_path_factory.mktemp("spark"))],
        input=json.dumps([query("spark", call, literals) for call, literals in CASES.items()]),
        env={**os.environ, "PYTHONPATH": str(PYTHON.parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    return dict(zip(CASES, json.loads(ended.stdout), strict=True))


def plain(call: str, value: str | None) -> object:
    """A number or moment without the ways to write it."""
    if value is None or call.startswith(("text", "surrogate", "utc_timestamp_fault")):
        return value
    return value.removesuffix(".0") if call.startswith("utc") else float(value)


@pytest.mark.parametrize("call", CASES)
def test_spark_says_what_duckdb_says(answers, call):
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        wanted = connection.execute(
            f"select cast(v as varchar) from ({query('duckdb', call, CASES[call])})"
        ).fetchall()
    differing = [
        (literal, ours, theirs)
        for literal, (ours,), theirs in zip(CASES[call], wanted, answers[call], strict=True)
        if call != "number_of_text('x')" or "_" not in literal
        if plain(call, ours) != plain(call, theirs)
    ]
    assert not differing, f"{len(differing)} differ, such as {differing[:5]}"
