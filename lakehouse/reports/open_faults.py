"""What did not come or was not loaded, in words for the owner of its table."""

from collections.abc import Collection

from lakehouse.quality.run_facts import RunFacts
from lakehouse.quality.source_faults import FaultKind, SourceFault
from lakehouse.reports.wording import Wording

_TODO: dict[FaultKind, str] = {
    "missing": "missing",
    "unread": "unread",
    "quarantined": "files",
    "partly": "rows",
}


def faults_of(facts: RunFacts, ids: Collection[str]) -> list[SourceFault]:
    """The faults of these sources; one of several tables of a source stands there once.

    Args:
        facts: the run.
        ids: unique ids of sources; those of other nodes do no harm.
    """
    found = {
        fault.error_id: fault
        for source in facts.sources
        if source.unique_id in ids
        for fault in source.faults
    }
    return list(found.values())


def fault_title(fault: SourceFault, words: Wording) -> str:
    """What is wrong, in a few words, without the message of the error."""
    key = f"fault.{fault.kind}" if fault.file else "fault.unread_table"
    return words.say(key, table=fault.table, file=fault.file)


def fault_todo(kind: FaultKind, words: Wording) -> str:
    """What the owner is to do about it."""
    return words.say(f"not_loaded.{_TODO[kind]}_todo")
