"""A check in words: what is wrong, what it checks, and what to do when it does not pass."""

import re

from lakehouse.quality.build_results import NodeResult
from lakehouse.reports.checks import OPEN, checked_name, is_freshness
from lakehouse.reports.wording import Wording

_LONGEST_TITLE = 110
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=\W*[A-ZÁÉÍÓÚÑÇÃÂÊÔ¿¡])")
# dbt's own kinds, ours, and those of dbt_utils and dbt_expectations, by the text that fits them.
_FAMILIES = {
    "unique": "unique",
    "not_null": "not_null",
    "relationships": "relationships",
    "accepted_values": "accepted_values",
    "unit_test": "unit_test",
    "singular": "singular",
    "freshness": "freshness",
    "anomalous_total": "anomalous_total",
    "anomalous_row_count": "anomalous_row_count",
    "anomalous_null_share": "anomalous_null_share",
    "relationships_where": "relationships",
    "not_accepted_values": "accepted_values",
    "expect_column_values_to_be_in_set": "accepted_values",
    "expect_column_values_to_be_unique": "unique",
    "expect_column_values_to_not_be_null": "not_null",
    "not_null_proportion": "not_null",
    "unique_combination_of_columns": "combination",
    "expect_compound_columns_to_be_unique": "combination",
    "at_least_one": "at_least_one",
    "not_constant": "generic",
    "accepted_range": "range",
    "expect_column_values_to_be_between": "range",
    "recency": "recency",
    "expect_row_values_to_have_recent_data": "recency",
    "equal_rowcount": "row_count",
    "fewer_rows_than": "row_count",
    "expect_table_row_count_to_be_between": "row_count",
    "expect_table_row_count_to_equal": "row_count",
    "expect_table_row_count_to_equal_other_table": "row_count",
    "expect_column_values_to_match_regex": "pattern",
    "expect_column_values_to_match_like_pattern": "pattern",
    "expect_column_value_lengths_to_equal": "pattern",
    "not_empty_string": "not_empty",
}
_NEED_A_COLUMN = {"unique", "not_null", "accepted_values", "at_least_one", "range", "pattern"}


def title(check: NodeResult, words: Wording) -> str:
    """What a check is about, in a few words.

    The first sentence of its description; else what is wrong, or what holds if it passes. A unit
    test, of which a model has many, is called by its name.
    """
    if own := _sentences(check.description):
        return _short(own[0])
    if check.test_kind == "unit_test":
        return _short(_by_kind(check, words, "title" if check.model else "title_alone"))
    part = "wrong" if check.status in OPEN and check.status != "error" else "checks"
    return _short(_by_kind(check, words, part))


def what_it_checks(check: NodeResult, words: Wording) -> str:
    """The whole description where it says more than the title, else a sentence for its kind.

    Empty where the title says that sentence already.
    """
    own = _sentences(check.description)
    if len(own) > 1 or (own and _short(own[0]) != own[0].rstrip(".")):
        return " ".join(check.description.split())
    said = _by_kind(check, words, "checks")
    return "" if _short(said) == title(check, words) and len(said) <= _LONGEST_TITLE else said


def what_to_do(check: NodeResult, words: Wording) -> str:
    """Its `fix` in the language, else in English or any, else advice; empty where it passes."""
    if check.status == "pass":
        return ""
    if check.status == "skipped":
        return words.say("check.skipped.todo")
    for language in (words.language, "en", *check.fix):
        if own := " ".join(check.fix.get(language, "").split()):
            return own
    if check.status == "error":
        kind = "error_freshness" if is_freshness(check) else "error"
        return words.say(f"check.{kind}.todo", **_values(check, words))
    return _by_kind(check, words, "todo")


def checked_table(check: NodeResult) -> str:
    """Name of the table that a check is about; empty where dbt names none."""
    return checked_name(check) if check.model or is_freshness(check) else ""


def _by_kind(check: NodeResult, words: Wording, part: str) -> str:
    family = _family(check)
    if family in _NEED_A_COLUMN and not check.column:
        family = "expression"
    return words.say(f"check.{family}.{part}", **_values(check, words))


def _family(check: NodeResult) -> str:
    if is_freshness(check):
        return "freshness"
    kind = (check.test_kind or "singular").rpartition(".")[2]
    if kind in _FAMILIES:
        return _FAMILIES[kind]
    return "expression" if kind.endswith(("expression_is_true", "expression")) else "generic"


def _values(check: NodeResult, words: Wording) -> dict[str, str]:
    model = checked_table(check) or words.say("check.this_table")
    subject = model
    if check.column:
        subject = words.say("check.subject", column=check.column, model=model)
    kind = (check.test_kind or "singular").rpartition(".")[2]
    rule = check.name if kind in ("singular", "unit_test") else kind
    return {
        "model": model,
        "column": check.column or words.say("check.row"),
        "subject": subject,
        "rule": rule.replace("_", " ").strip() or check.name,
    }


def _sentences(description: str) -> list[str]:
    line = " ".join(description.split())
    return _SENTENCE_END.split(line) if line else []


def _short(sentence: str) -> str:
    line = sentence.rstrip(".").strip() or sentence
    return line if len(line) <= _LONGEST_TITLE else line[: _LONGEST_TITLE - 1].rstrip() + "…"
