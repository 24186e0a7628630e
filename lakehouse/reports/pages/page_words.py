"""The words of the lineage picture in the language of a page."""

from functools import lru_cache
from typing import get_args

from lakehouse.quality.build_results import STATUSES
from lakehouse.quality.run_facts import LineageKind
from lakehouse.reports.lineage.standing import LineageWords
from lakehouse.reports.wording import Wording


@lru_cache
def lineage_words(wording: Wording) -> LineageWords:
    """The words in the lineage picture."""
    say = wording.say
    return LineageWords(
        kinds={kind: say(f"page.kind_{kind}") for kind in get_args(LineageKind)},
        statuses={status: say(f"status.{status}") for status in STATUSES},
        not_shown=say("lineage.not_shown"),
        columns=(say("column.model"), say("column.kind"), say("column.status")),
    )
