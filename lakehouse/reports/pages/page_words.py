"""Words that only the pages need: of the lineage picture, and of a report that is damaged."""

from functools import lru_cache
from typing import get_args

from lakehouse.quality.build_results import STATUSES
from lakehouse.quality.run_facts import LineageKind
from lakehouse.reports.lineage.standing import LineageWords
from lakehouse.reports.wording import Wording

_DAMAGED_REPORT = {
    "en": "The report of {name} cannot be read; its next build writes it anew.",
    "es": "El informe de {name} no se puede leer; su próxima corrida lo reescribe.",
    "pt": "O relatório de {name} não pode ser lido; a próxima execução o reescreve.",
}
_NOT_SHOWN = {
    "en": "not shown one by one",
    "es": "sin mostrar uno por uno",
    "pt": "sem mostrar um por um",
}


def damaged_report(wording: Wording, name: str) -> str:
    """Says that the report of a domain cannot be read."""
    return _DAMAGED_REPORT[wording.language].format(name=name)


@lru_cache
def lineage_words(wording: Wording) -> LineageWords:
    """The words in the lineage picture."""
    say = wording.say
    return LineageWords(
        kinds={kind: say(f"page.kind_{kind}") for kind in get_args(LineageKind)},
        statuses={status: say(f"status.{status}") for status in STATUSES},
        not_shown=_NOT_SHOWN[wording.language],
        columns=(say("column.model"), say("column.kind"), say("column.status")),
    )
