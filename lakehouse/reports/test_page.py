"""The page of one test: what it checks, what fails it and where those rows came from, what to do.

It is the content of the artifact `dbt-test-<domain>-<slug>`.
"""

from datetime import date

from lakehouse.quality.build_changes import Change
from lakehouse.quality.build_results import NodeResult, counted
from lakehouse.quality.failing_rows import FailingRows
from lakehouse.quality.row_origins import FILE_COLUMN, LINE_COLUMN
from lakehouse.reports.markdown import Markdown, cell, code, code_block, table, text
from lakehouse.reports.test_wording import what_it_checks, what_to_do

MOST_ROWS = 50
_LONGEST_ORIGINS = 600

_STATUS_WORDS = {
    "pass": "passes",
    "warn": "warns",
    "fail": "fails",
    "error": "could not run",
}
_SHOWN_AS = {FILE_COLUMN: "file", LINE_COLUMN: "line"}


def build_test_page(
    test: NodeResult,
    failing: FailingRows | None = None,
    *,
    change: Change | None = None,
    since: date | None = None,
) -> Markdown | None:
    """Write the page of a test; None for a skipped one, of which nothing is known.

    Args:
        test: its result.
        failing: its failing rows, if it has any.
        change: what became of it since the last run.
        since: day since when it is open.
    """
    if test.status == "skipped":
        return None
    parts = [
        f"# {code(test.label, None)}",
        f"**{_verdict(test, failing)}**{_history(change, since)}",
        what_it_checks(test),
        _facts(test),
    ]
    if test.status != "pass":
        parts.append(f"**What to do:** {what_to_do(test)}")
        if test.message and (test.status == "error" or test.test_kind == "unit_test"):
            parts += ["## Message", code_block(test.message, "text")]
        if failing:
            parts += _failing_rows(failing)
        if test.relation_name and test.status in ("warn", "fail"):
            parts += [
                "## Query the failing rows",
                code_block(f"select * from {test.relation_name}", "sql"),
            ]
    if test.compiled_code:
        parts += ["## SQL of the test", code_block(test.compiled_code, "sql")]
    return Markdown("\n\n".join(part for part in parts if part) + "\n")


def _verdict(test: NodeResult, failing: FailingRows | None) -> str:
    traced = failing.total if failing and failing.total else None
    count = test.count_text(traced) if test.status in ("warn", "fail") else ""
    return f"{_STATUS_WORDS[test.status]}{f': {count}' if count else ''}"


def _history(change: Change | None, since: date | None) -> str:
    words = [change.lower()] if change else []
    words += [f"open since {since.isoformat()}"] if since else []
    return f" ({', '.join(words)})" if words else ""


def _facts(test: NodeResult) -> str:
    facts = [
        ("status", text(test.status)),
        ("severity", text(test.severity or "")),
        ("model", code(test.model or "")),
        ("column", code(test.column or "")),
        ("owner", text(test.owner or "")),
        ("declared in", code(test.path)),
    ]
    return " · ".join(f"{name}: {value}" for name, value in facts if value)


def _failing_rows(failing: FailingRows) -> list[str]:
    parts = ["## Failing rows"]
    rows = failing.rows[:MOST_ROWS]
    if failing.total > len(rows) and rows:
        parts.append(f"The first {len(rows):,} of {counted(failing.total, 'row')}.")
    if failing.note:
        parts.append(text(failing.note, None))
    if rows:
        headers = [_SHOWN_AS.get(name.lower(), name) for name in failing.columns]
        parts.append(
            table(
                headers,
                [[_cell(row, name, failing) for name in failing.columns] for row in rows],
                numeric=[
                    header
                    for header, name in zip(headers, failing.columns, strict=True)
                    if _is_numeric(failing, name)
                ],
            )
        )
    return parts


def _cell(row: dict[str, object], column: str, failing: FailingRows) -> Markdown:
    value = row[column]
    if column.lower() == FILE_COLUMN and value is not None:
        return code(value, _LONGEST_ORIGINS)
    if column.lower() == LINE_COLUMN and value is None:
        return Markdown("")
    shown = cell(value)
    return Markdown(f"**{shown}**") if column in failing.marked else shown


def _is_numeric(failing: FailingRows, column: str) -> bool:
    values = [row[column] for row in failing.rows if row[column] is not None]
    return bool(values) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in values
    )
