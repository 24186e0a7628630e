"""SQL that keeps reals of JSON text as they were written, where DuckDB would read doubles.

Each becomes a string that begins with a private character. Where text inside a string looks like a
real between other values, this breaks the JSON, which shows; it never changes a value silently.
"""

# U+E000 means nothing in anybody's text.
_MARK = "\ue000"
_MARK_FORMS = (_MARK, r"\ue000", r"\uE000")
_REAL = r'("\s*:\s*|[\[,]\s*)(-?[0-9]+[.eE][0-9.eE+-]*)'
_LONG_NUMBER = "[0-9.]{17}"


def marked_numbers_sql(text: str) -> str:
    """SQL of JSON text with its reals marked; the text must not hold the mark itself."""
    return (
        f"case when regexp_matches({text}, '{_REAL}') "
        f"then regexp_replace({text}, '{_REAL}', '\\1\"{_MARK}\\2\"', 'g') else {text} end"
    )


def holds_mark_sql(text: str) -> str:
    """SQL of whether a JSON text holds the mark, as it is or escaped."""
    return "(" + " or ".join(f"contains({text}, '{form}')" for form in _MARK_FORMS) + ")"


def unmarked_sql(text: str) -> str:
    """SQL of a value's text without marks, whether it is a number, text or JSON."""
    return (
        f"case when not contains({text}, '{_MARK}') then {text} "
        f"when starts_with({text}, '{_MARK}') then {text}[2:] "
        f"else regexp_replace({text}, '\"{_MARK}([^\"]*)\"', '\\1', 'g') end"
    )


def has_long_number_sql(text: str) -> str:
    """SQL of whether a text may hold a number of more digits than a double has."""
    return f"regexp_matches({text}, '{_LONG_NUMBER}')"
