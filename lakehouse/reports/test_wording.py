"""A test in words: what it checks, and what to do when it does not pass."""

from lakehouse.quality.build_results import NodeResult
from lakehouse.reports.markdown import Markdown, code, text

_LONGEST_TEXT = 2000


def what_it_checks(test: NodeResult) -> Markdown:
    """The test's own description, else a sentence that fits its kind."""
    if test.description.strip():
        return text(test.description, _LONGEST_TEXT)
    column, model = code(test.column or "the row"), code(test.model or "the model")
    sentences = {
        "unique": f"Every value of {column} occurs only once in {model}.",
        "not_null": f"No row of {model} lacks a value in {column}.",
        "relationships": f"Every value of {column} in {model} exists in the table it refers to.",
        "accepted_values": f"{column} in {model} holds only the values that are agreed.",
        "unit_test": f"The SQL of {model} makes of given rows exactly the rows expected.",
        "singular": f"The query {code(test.name)} finds no row.",
    }
    kind = test.test_kind or "singular"
    if kind not in sentences and kind.endswith(("expression_is_true", "expression")):
        return Markdown(f"The rule holds for every row of {model}.")
    about = f"{column} of {model}" if test.column else model
    return Markdown(sentences.get(kind, f"{about} satisfies {code(kind)}."))


def what_to_do(test: NodeResult) -> Markdown:
    """The test's `fix` in its owner's language, else in English or any, else generic advice."""
    for language in (test.language or "en", "en", *test.fix):
        if own := test.fix.get(language, "").strip():
            return text(own, _LONGEST_TEXT)
    if test.status == "error":
        return Markdown(
            "The test itself could not run. Correct its SQL, or the column it names, then run "
            "the build again."
        )
    column = code(test.column or "the value")
    advice = {
        "unique": "Find out which of the repeated rows is right, remove the others at their "
        "source, and deliver the file again.",
        "not_null": f"Fill in {column} of these rows at their source and deliver the file again.",
        "relationships": "Deliver the missing master data, or correct the value of "
        f"{column} at its source.",
        "accepted_values": f"Correct {column} at its source; if the value is right, add it to "
        "the agreed values of the test.",
        "unit_test": "Compare the difference below: correct the model's SQL, or the rows that "
        "the unit test expects.",
    }
    generic = "Correct these rows at their source and deliver them again; the next run reads them."
    return Markdown(advice.get(test.test_kind or "", generic))
