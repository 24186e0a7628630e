"""The first records of a JSON or XML document, and where in it they are."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
from duckdb.sqltypes import DuckDBPyType
from lxml import etree

from lakehouse.errors import SourceNotRecognised
from lakehouse.scaffold.declarable_types import declared_type, holds, is_nested
from lakehouse.scaffold.sample import SAMPLE_ROWS, Sample, SampledColumn
from lakehouse.sql_quoting import sql_identifier, sql_path

_DOCUMENT_BYTES = 64 << 20
_ELEMENTS = 200_000


def sample_json(file: Path, name: str) -> Sample:
    """Look at a JSON document, or at lines of JSON.

    Raises:
        SourceNotRecognised: it is neither, holds no records, or is too large to look at whole.
    """
    is_lines = _is_lines(file)
    records = "$" if is_lines else _records_path(file, name)
    if records != "$":
        found = _at(json.loads(file.read_text("utf-8-sig")), records)[:SAMPLE_ROWS]
        return Sample({"format": "json", "records": records}, _columns_of(found))
    layout = "newline_delimited" if is_lines else "array"
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as session:
        source = (
            f"read_json({sql_path(file)}, format='{layout}', sample_size={SAMPLE_ROWS}, "
            "map_inference_threshold=-1)"
        )
        try:
            described = session.sql(f"from {source}")
            names, types = described.columns, described.types
            rows = session.execute(
                f"select {', '.join(f'{sql_identifier(name)}::varchar' for name in names)} "
                f"from {source} limit {SAMPLE_ROWS}"
            ).fetchall()
        except duckdb.Error as error:
            cause = str(error).partition("\n")[0]
            raise SourceNotRecognised(f"{name} cannot be read as JSON: {cause}") from None
    columns = [
        SampledColumn(name, [cells[place] for cells in rows], _nested_type(seen))
        for place, (name, seen) in enumerate(zip(names, types, strict=True))
    ]
    return Sample({"format": "ndjson" if is_lines else "json"}, columns)


def _nested_type(seen: DuckDBPyType) -> str | None:
    """The type of nested values; None for others, which are told by their texts."""
    if not is_nested(seen):
        return None
    # Where values disagree DuckDB says JSON: as text they are safe.
    return "json" if holds(seen, "json") else declared_type(seen) or "json"


def _is_lines(file: Path) -> bool:
    with file.open("rb") as opened:
        first = opened.readline(1 << 20).strip()
        second = opened.readline(1 << 20).strip()
    try:
        return isinstance(json.loads(first), dict) and second.startswith(b"{")
    except ValueError:
        return False


def _records_path(file: Path, name: str) -> str:
    with file.open("rb") as opened:
        start = opened.read(1 << 16).lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"["):
        return "$"
    if file.stat().st_size > _DOCUMENT_BYTES:
        raise SourceNotRecognised(f"{name} is one large document; look at a smaller one instead.")
    try:
        document = json.loads(file.read_text("utf-8-sig"))
    except (ValueError, RecursionError):
        raise SourceNotRecognised(f"{name} is neither a JSON document nor lines of JSON.") from None
    found = _lists_of_records(document, "$")
    if not found:
        return "$"
    return max(found, key=lambda path: found[path])


def _lists_of_records(node: Any, path: str) -> dict[str, int]:
    found: dict[str, int] = {}
    if isinstance(node, dict):
        for key, value in node.items():
            if isinstance(value, list) and value and all(isinstance(v, dict) for v in value):
                found[f"{path}.{key}"] = len(value)
            elif isinstance(value, dict):
                found |= _lists_of_records(value, f"{path}.{key}")
    return found


def _at(document: Any, path: str) -> list[dict[str, Any]]:
    node = document
    for key in path.split(".")[1:]:
        node = node[key]
    return list(node)


def _columns_of(rows: list[dict[str, Any]]) -> list[SampledColumn]:
    names = dict.fromkeys(key for row in rows for key in row)
    columns = []
    for name in names:
        values = [row.get(name) for row in rows]
        nested = any(isinstance(value, dict | list) for value in values)
        texts = [None if value is None else _text(value) for value in values]
        columns.append(SampledColumn(name, texts, "json" if nested else None))
    return columns


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def sample_xml(file: Path, name: str) -> Sample:
    """Look at an XML document: its records are the elements with children that come most often.

    Raises:
        SourceNotRecognised: it is not well-formed at its beginning, or nothing in it repeats.
    """
    counts: Counter[str] = Counter()
    cells: dict[str, list[dict[str, str | None]]] = {}
    path: list[str] = []
    reading = etree.iterparse(
        str(file), events=("start", "end"), resolve_entities=False, no_network=True, load_dtd=False
    )
    try:
        for number, (event, element) in enumerate(reading):
            if number > _ELEMENTS:
                break
            if event == "start":
                path.append(etree.QName(element).localname)
                continue
            here = "/" + "/".join(path)
            if len(element) or element.attrib:
                counts[here] += 1
                if counts[here] <= SAMPLE_ROWS:
                    cells.setdefault(here, []).append(_cells_of(element))
            path.pop()
    except etree.XMLSyntaxError as error:
        raise SourceNotRecognised(f"{name} is not well-formed XML: {error.msg}") from None
    repeated = [where for where, number in counts.items() if number > 1]
    if not repeated:
        raise SourceNotRecognised(f"{name}: no element repeats; name its records by hand.")
    record_path = max(repeated, key=lambda where: (counts[where], -where.count("/")))
    rows = cells[record_path]
    columns = [
        SampledColumn(
            key.lstrip("@"),
            [row.get(key) for row in rows],
            meta={"path": key} if key.startswith("@") else {},
        )
        for key in dict.fromkeys(key for row in rows for key in row)
    ]
    return Sample({"format": "xml", "record_path": record_path}, columns)


def _cells_of(element: Any) -> dict[str, str | None]:
    found: dict[str, str | None] = {f"@{name}": value for name, value in element.attrib.items()}
    for child in element.iterchildren(tag=etree.Element):
        found[etree.QName(child).localname] = child.text
    return found
