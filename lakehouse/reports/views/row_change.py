"""How the number of rows moved from one load or build to the next."""

from lakehouse.reports.wording import Wording


def against(now: int | None, before: int | None, words: Wording) -> str:
    """How rows moved, as a signed percentage; empty where one of the two is unknown."""
    if now is None or before is None:
        return ""
    if now == before:
        return words.percent(0)
    if before == 0:
        return f"+{words.number(now)}"
    return words.percent((now - before) / before, signed=True)
