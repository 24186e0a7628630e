"""Quarantine as rows and markdown."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lakehouse.lake.quarantine import RefusedDelivery
from lakehouse.quality.refused_rows import ShownRow
from lakehouse.reports.artifacts.markdown import Markdown, cell, code, plain, table, text


def quarantine_rows(refused: Sequence[RefusedDelivery]) -> list[dict[str, Any]]:
    """One row for each delivery, for a table."""
    return [
        {
            "id": one.number,
            "domain": one.domain,
            "table": one.table.full_name,
            "file": plain(one.delivery.file_name),
            "since": f"{one.delivery.started_at:%Y-%m-%d %H:%M}",
            "state": one.state,
            "rows refused": refused_rows(one),
            "reason": plain(one.delivery.reason or "", None),
        }
        for one in refused
    ]


def refused_rows(one: RefusedDelivery) -> int:
    """Rows that are not in the lake; 0 where nobody could count them."""
    whole = one.delivery.status == "quarantined"
    return one.delivery.rows_delivered if whole else one.delivery.rows_rejected


def delivery_markdown(
    one: RefusedDelivery, kept: Path | None, rows: Sequence[ShownRow], total: int
) -> Markdown:
    """A page about one delivery.

    Args:
        one: the delivery.
        kept: where the original is, if there is one.
        rows: first refused rows, masked.
        total: how many there are.
    """
    came = text(f"{one.delivery.started_at:%Y-%m-%d %H:%M} UTC")
    kept_in = code(kept, None) if kept else text("nothing was kept")
    # Running text, not cells: those of Prefect's UI do not wrap.
    lines = [
        f"# Delivery {one.number}: {text(one.state)}",
        f"{code(one.delivery.file_name, None)} of {code(f'{one.domain}: {one.table.full_name}')}, "
        f"came {came}.",
        "**Why:** " + _reason(one.delivery.reason or "some of its rows were refused"),
        f"**Kept in:** {kept_in}",
    ]
    if one.decision:
        lines.append("**Decision:** " + text(one.decision, None))
    else:
        lines.append(
            "**What to do:** correct the file and deliver it again. If the contract is wrong, "
            f"correct it, then {code(f'aljibe quarantine replay {one.number}')}. If nobody needs "
            f"it: {code(f'aljibe quarantine discard {one.number} --reason ...')}"
        )
    if rows:
        lines.append(f"## First {len(rows)} of {total} refused rows")
        headers = ("line", "column", "reason", "value", "row")
        lines.append(
            table(
                headers,
                [
                    (
                        cell(row.line),
                        cell(row.column),
                        text(row.reason),
                        cell(row.value),
                        cell(row.raw),
                    )
                    for row in rows
                ],
                numeric=("line",),
            )
        )
    return Markdown("\n\n".join(lines))


def _reason(reason: str) -> str:
    """The first line as a paragraph, those behind it as a list."""
    first, *others = (line.strip().removeprefix("- ") for line in reason.splitlines())
    listed = "".join(f"\n- {text(line, None)}" for line in others if line)
    return text(first, None) + (f"\n{listed}" if listed else "")
