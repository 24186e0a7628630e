"""The scan by bytes against a scan letter by letter, and DuckDB's way against the exact one."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lakehouse.errors import DeliveryRefused
from lakehouse.formats.json import reader as json_format
from lakehouse.formats.json import structure as json_structure
from lakehouse.formats.json.reader import stage_json, stage_ndjson
from lakehouse.formats.json.strictness import StrictnessCheck
from lakehouse.formats.json.structure import StructureScan, json_chunks
from lakehouse.formats.staging_limits import StagingLimits
from lakehouse.source_catalog import Table

MARKS = st.text(st.sampled_from('"\\{}[],:\n ab1'), max_size=200)


def naive(text: str) -> tuple[str, int, int]:
    """Bytes outside strings, depth at the end, greatest depth."""
    bare, inside, escaped, depth, deepest = "", False, False, 0, 0
    for letter in text:
        if inside:
            if escaped:
                escaped = False
            elif letter == "\\":
                escaped = True
            elif letter == '"':
                inside = False
                bare += letter
            continue
        if letter == '"':
            inside = True
            continue
        depth += (letter in "[{") - (letter in "]}")
        deepest = max(deepest, depth)
        bare += letter if letter not in " \n" else ""
    return bare, depth, deepest


@given(text=MARKS, chunk=st.integers(1, 70))
@example(text='"\\\\\\""[', chunk=3)
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_text_has_the_structure_that_a_slow_scan_finds(
    text: str, chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    # Outside strings a backslash is no JSON at all, so what it would escape does not matter.
    kept = text.replace("\\", "") if text.partition('"')[0].count("\\") else text
    monkeypatch.setattr(json_structure, "CHUNK_BYTES", chunk)
    file = tmp_path / "text.json"
    file.write_bytes(kept.encode())
    scan, bare = StructureScan(), b""
    for part in json_chunks(file):
        bare += scan.feed(part).bare()
    expected, depth, deepest = naive(kept)
    if "\\" not in expected:
        assert (bare.decode(), scan.depth, scan.deepest) == (expected, depth, deepest)


REALS = st.from_regex(
    r"-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?", fullmatch=True
)


@given(reals=st.lists(REALS, min_size=1, max_size=4), chunk=st.integers(1, 30))
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_number_that_duckdb_would_write_differently_is_noticed(
    reals: list[str], chunk: int, duck: duckdb.DuckDBPyConnection
):
    text = ("[" + ",".join(reals) + "]").encode()
    check = StrictnessCheck()
    for start in range(0, len(text), chunk):
        check.feed(text[start : start + chunk])
        check.finish()
    kept = all(
        duck.execute(f"select '[{real}]'::json ->> '$[0]'").fetchone() == (real,)
        for real in reals
        if real != "-0"
    )
    assert kept or not check.keeps_numbers


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**22), 10**22)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["x", "y z", "ñ", 'q"']), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = st.sampled_from(["a", "b", "ñ ó", 'q"uote', "back\\slash", "da/ta", "t~il", "B", "select"])
RECORDS = st.lists(st.dictionaries(KEYS, VALUES, max_size=4), min_size=1, max_size=5)
SPOILED = st.none() | st.tuples(st.floats(0, 1), st.sampled_from([*'"\\{}[],:xNe\n', "", "\0"]))


def table() -> Table:
    return Table.model_validate(
        {
            "source": "shop",
            "name": "things",
            "connector": "files",
            "block": "landing",
            "schema_name": "raw",
            "meta": {"load": "append", "pattern": "*", "format": "json"},
            "columns": [{"name": "a", "data_type": "varchar"}],
            "file": Path("_shop__sources.yml"),
        }
    )


def outcome(file: Path, scratch: Path, *, lines: bool) -> Any:
    """Rows by column, rejects and new columns; or that the file is refused."""
    try:
        read = stage_ndjson if lines else stage_json
        staged = read(file, table(), scratch, limits=StagingLimits(threads=1))
    except DeliveryRefused as refusal:
        return str(refusal)
    with duckdb.connect() as session:
        rows = session.execute(f"from '{staged.path}'").fetchall()
    staged.path.unlink()
    breaks = staged.line_breaks or staged.record_breaks
    assert breaks is not None
    named = [dict(zip(staged.header, row, strict=True)) for row in rows]
    return named, [reject.reason for reject in staged.rejects], set(staged.new_columns)


@given(records=RECORDS, lines=st.booleans(), indent=st.none() | st.just(1), spoiled=SPOILED)
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_both_ways_read_the_same_of_any_records(
    records: list[dict[str, Any]], lines: bool, indent: int | None, spoiled: Any, tmp_path: Path
):
    if lines:
        text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    else:
        text = json.dumps(records, indent=indent, ensure_ascii=False)
    if spoiled:
        place, put = int(spoiled[0] * len(text)), spoiled[1]
        text = text[:place] + put + text[place + 1 :]
    file = tmp_path / "things.json"
    file.write_bytes(text.encode())
    found = outcome(file, tmp_path / "scratch", lines=lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_format, "stage_regular", lambda *_, **__: None)
        exact = outcome(file, tmp_path / "scratch", lines=lines)
    assert _parsed(found) == _parsed(exact)
    if not spoiled and not isinstance(found, str) and not found[1]:
        assert [
            {key: _value(text, record[key]) for key, text in row.items() if text is not None}
            for row, record in zip(found[0], records, strict=True)
        ] == [{k: v for k, v in record.items() if v is not None} for record in records]


def _value(text: str, value: Any) -> Any:
    """A cell back as a value of the kind that was written."""
    return text if isinstance(value, str) else json.loads(text)


def _parsed(found: Any) -> Any:
    """Nested text compared as JSON, as escapes may be written in several ways."""
    if isinstance(found, str):
        return found.partition("they have")[0]
    rows, rejects, new = found
    return [{k: _cell(v) for k, v in row.items() if v is not None} for row in rows], rejects, new


def _cell(text: str) -> Any:
    if not text.startswith(("[", "{")):
        return text
    try:
        return json.loads(text, parse_float=str, parse_int=str, object_pairs_hook=list)
    except ValueError:
        return text
