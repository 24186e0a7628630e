"""Which columns hold personal data, and what may be said of them.

A column declared `meta.pii: true` is masked wherever a column of that name appears downstream.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from lakehouse.quality.dbt_manifest import Manifest, node_meta

MASK = "••••••"

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_COUNT_MESSAGE = re.compile(r"Got \d+ results?, configured to \w+ if [\d\s<>=!]+")
_ERROR_CLASS = re.compile(
    r"(?:Runtime|Database) Error in [^\n]*\n\s*(?P<inner>[A-Z][A-Za-z ]*? Error)\b"
)
# These speak of code and never quote a value of a row.
_CODE_ERRORS = {
    "Binder Error",
    "Catalog Error",
    "Parser Error",
    "Permission Error",
    "Not implemented Error",
}


def masked_columns(manifest: Manifest, unique_ids: Iterable[str]) -> frozenset[str]:
    """Lower-case names of the columns to mask in these nodes: their own and their ancestors'."""
    nodes: set[str] = set()
    for unique_id in unique_ids:
        nodes |= {unique_id} | manifest.ancestors(unique_id)
    return frozenset(
        name.lower()
        for unique_id in nodes
        for name, column in (manifest.node(unique_id).get("columns") or {}).items()
        if is_personal(column)
    )


def safe_message(
    message: object, manifest: Manifest, unique_id: str, compiled_code: str | None
) -> str | None:
    """What dbt says of a node, without terminal colours and values of masked columns.

    Where the node touches masked columns, a message that may quote rows is cut down to the kind
    of error and the lines of SQL in it.
    """
    if message is None:
        return None
    text = _ANSI.sub("", str(message)).replace("\r", "").strip()
    if not masked_columns(manifest, [unique_id]) or _speaks_of_code(text, manifest, unique_id):
        return text
    kind = _ERROR_CLASS.match(text)
    kept = [text.splitlines()[0]] if kind else []
    kept.append(f"{kind['inner'] if kind else 'Message'}: withheld, it may quote a masked column.")
    kept += [line.strip() for line in text.splitlines() if _is_sql_line(line, compiled_code)]
    name = manifest.node(unique_id).get("name", unique_id)
    kept.append(f"To read it, run by hand: dbt build --select {name}")
    return "\n".join(kept)


def without_values(message: str) -> str:
    """What a dbt message says without a value of any row.

    Args:
        message: as `safe_message` gives it.

    Returns:
        The message where it speaks of code, else node and kind of the error; empty if it has none.
    """
    kind = _ERROR_CLASS.match(message)
    if message.startswith("Compilation Error") or (kind and kind["inner"] in _CODE_ERRORS):
        return message
    return f"{message.splitlines()[0].strip()}, {kind['inner']}" if kind else ""


def is_personal(column: Any) -> bool:
    """Whether a column, as dbt declares it, holds personal data: `config.meta.pii`."""
    if not isinstance(column, Mapping):
        return False
    flags = [node_meta(column).get("pii"), (column.get("meta") or {}).get("pii")]
    return any(str(flag).strip().lower() not in ("none", "false", "no", "0", "") for flag in flags)


def _speaks_of_code(text: str, manifest: Manifest, unique_id: str) -> bool:
    is_unit_test = manifest.node(unique_id).get("resource_type") == "unit_test"
    if is_unit_test and text.startswith("actual differs from expected"):
        return True
    if text.startswith("Compilation Error") or _COUNT_MESSAGE.fullmatch(text):
        return True
    kind = _ERROR_CLASS.match(text)
    return bool(kind and kind["inner"] in _CODE_ERRORS)


def _is_sql_line(line: str, compiled_code: str | None) -> bool:
    match = re.match(r"\s*LINE \d+:(.*)", line)
    snippet = match[1].strip().strip(".").strip() if match else ""
    return bool(snippet and compiled_code and snippet in compiled_code)
