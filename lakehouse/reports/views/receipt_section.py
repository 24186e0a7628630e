"""Receipts as sections of a domain's page: tables whose numbers people check one by one."""

from decimal import Decimal, InvalidOperation
from functools import lru_cache

from babel.numbers import format_decimal

from lakehouse.quality.receipt import Receipt, ReceiptColumn
from lakehouse.quality.run_facts import RunFacts
from lakehouse.reports.views.view_types import Cell, Column, Grid, Section
from lakehouse.reports.wording import Wording

_LONGEST_HEAD = 60
_FLOATING = "#,##0.####"


def receipt_sections(facts: RunFacts, words: Wording) -> tuple[Section, ...]:
    """A section for each receipt; its title names the model only where there are several."""
    return tuple(
        _section(
            receipt,
            words.say("section.receipt")
            if len(facts.receipts) == 1
            else words.say("section.receipt_of", name=receipt.name),
            words,
        )
        for receipt in facts.receipts
    )


def receipt_grid(receipt: Receipt, words: Wording) -> Grid:
    """The rows below the descriptions of their columns, or names where there are none."""
    heads = _heads(receipt.columns)
    columns = tuple(
        Column(head, column.numeric) for head, column in zip(heads, receipt.columns, strict=True)
    )
    rows = tuple(
        tuple(
            _cell(value, column, words) for value, column in zip(row, receipt.columns, strict=True)
        )
        for row in receipt.rows
    )
    shown = len(receipt.rows)
    cut = words.say("list.first_rows", shown=shown, count=receipt.total)
    return Grid(columns, rows, cut if receipt.total > shown else "")


def _section(receipt: Receipt, title: str, words: Wording) -> Section:
    lead = " ".join(receipt.description.split())
    lines = (lead,) if lead else ()
    if not receipt.readable:
        return Section(title, lines, note=words.say("receipt.unreadable"))
    if not receipt.rows:
        return Section(title, lines, note=words.say("receipt.empty"))
    return Section(title, lines, receipt_grid(receipt, words))


def _heads(columns: tuple[ReceiptColumn, ...]) -> list[str]:
    heads: list[str] = []
    for column in columns:
        told = " ".join(column.description.split()).rstrip(".")
        head = told if len(told) <= _LONGEST_HEAD else f"{told[: _LONGEST_HEAD - 1].rstrip()}…"
        head = head or column.name
        heads.append(f"{head} ({column.name})" if head in heads else head)
    return heads


def _cell(value: str | None, column: ReceiptColumn, words: Wording) -> Cell:
    if value is None:
        return Cell(words.say("rows.empty"), "empty")
    if not value.strip():
        return Cell(words.say("rows.blank"), "empty")
    if not column.numeric:
        return Cell(value)
    return Cell(_number(value, column.decimals, words.language), "number")


# Page, markdown and table show the same numbers.
@lru_cache(maxsize=4096)
def _number(value: str, decimals: int | None, language: str) -> str:
    """A number as the language writes it; as it is where it has none or too many digits."""
    shape = _FLOATING if decimals is None else f"#,##0.{'0' * decimals}".rstrip(".")
    try:
        exact = Decimal(value)
        return format_decimal(exact, format=shape, locale=language) if exact.is_finite() else value
    except InvalidOperation:
        return value
