"""The receipt of a publication as a table, the content of the artifact `balance-<domain>`."""

from collections.abc import Sequence

from lakehouse.publish.balance import BalanceRow
from lakehouse.reports.artifacts.markdown import Markdown, table_value, text
from lakehouse.reports.wording import Wording

_RED, _GREEN = "🔴", "🟢"


def build_balance_table(rows: Sequence[BalanceRow], language: str) -> list[dict[str, str]]:
    """The rows as people read them; a red mark stands where rows are unaccounted for."""
    words = Wording.of(language)
    return [
        {
            "": _GREEN if row.unaccounted == 0 else _RED,
            words.say("balance.step"): words.say(f"balance.step_{row.step}"),
            words.say("balance.table"): table_value(row.table),
            words.say("balance.rows_in"): _count(row.rows_in, words),
            words.say("balance.explained"): _count(row.explained, words),
            words.say("balance.reason"): _reason(row, words),
            words.say("balance.rows_out"): _count(row.rows_out, words),
            words.say("balance.unaccounted"): _count(row.unaccounted, words),
        }
        for row in rows
    ]


def balance_description(rows: Sequence[BalanceRow], language: str) -> Markdown:
    """Whether it balances, in a sentence."""
    words, wrong = Wording.of(language), [row.table for row in rows if row.unaccounted]
    if not wrong:
        return text(f"{_GREEN} {words.say('balance.balances')}", None)
    return text(f"{_RED} {words.say('balance.broken', tables=', '.join(wrong))}", None)


def _reason(row: BalanceRow, words: Wording) -> str:
    if row.step == "load" and row.explained:
        return words.say("balance.refused")
    if row.step != "staging":
        return ""
    parts = {"replaced": row.replaced, "left_out": row.explained - row.replaced}
    return "; ".join(
        words.say(f"balance.{why}", count=words.number(count))
        for why, count in parts.items()
        if count
    )


def _count(value: int | None, words: Wording) -> str:
    return "" if value is None else words.number(value)
