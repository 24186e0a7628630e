"""The receipts of a domain as a table, the content of the artifact `receipt-<domain>`."""

from lakehouse.quality.run_facts import RunFacts
from lakehouse.reports.artifacts.markdown import Markdown, table_value, text
from lakehouse.reports.views.receipt_section import receipt_grid
from lakehouse.reports.wording import Wording

ReceiptTableRow = dict[str, str]


def build_receipt_table(facts: RunFacts) -> list[ReceiptTableRow]:
    """The rows as people read them, in the language of the domain; none without a receipt.

    Several receipts stand below each other, with the name of each in front. A last row says what
    is cut.
    """
    words = Wording.of(facts.language)
    several = len(facts.receipts) > 1
    made: list[ReceiptTableRow] = []
    for receipt in facts.receipts:
        grid = receipt_grid(receipt, words)
        named = {words.say("section.receipt"): table_value(receipt.name)} if several else {}
        heads = [table_value(column.text) for column in grid.columns]
        for row in grid.rows:
            values = (table_value(cell.text) for cell in row)
            made.append({**named, **dict(zip(heads, values, strict=True))})
        if grid.note:
            made.append({**named, heads[0]: table_value(grid.note)})
    # The UI takes its columns from the first row.
    nothing = dict.fromkeys((head for row in made for head in row), "")
    return [{**nothing, **row} for row in made]


def receipt_description(facts: RunFacts) -> Markdown:
    """What the artifact says in a list of artifacts: what the first receipt is about."""
    lead = next((receipt.description for receipt in facts.receipts if receipt.description), "")
    return text(lead or Wording.of(facts.language).say("section.receipt"), None)
