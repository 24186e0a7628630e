"""Errors of a step as a whole, and of extraction, brought to what a run came to."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Engine

from lakehouse.faults import Fault, Resolution, Stage
from lakehouse.lake.error_ledger import ErrorLedger, ErrorRecord
from lakehouse.source_catalog import Catalog


def settle_extraction(
    catalog: Catalog,
    engine: Engine,
    read: Collection[str],
    faults: Sequence[Fault],
    at: datetime,
) -> bool:
    """Note what could not be extracted; what is extracted again, or declared no more, is resolved.

    Args:
        catalog: the sources of the domain.
        engine: of the audit database.
        read: `source.table` of the tables that could be read.
        faults: of those that could not, and of single files.
        at: moment of the extraction, UTC.

    Returns:
        Whether anything changed in the ledger.
    """
    names = {table.full_name: table.source for table in catalog.tables}
    good = {*read, *(source for name, source in names.items() if name in read)}

    def judge(record: ErrorRecord) -> Resolution:
        # The age of a source is judged with the build.
        if record.pipeline_stage != "extract" or record.error_type == "source_stale":
            return "OPEN"
        name = record.table_name
        is_declared = name in names or name in names.values()
        return "RESOLVED" if name in good or not is_declared else "OPEN"

    return ErrorLedger(engine).settle(catalog.domain, faults, judge, at)


def settle_stopped(engine: Engine, domain: str, fault: Fault, at: datetime) -> bool:
    """Note that a step as a whole could not be done; returns whether anything changed."""
    return ErrorLedger(engine).settle(domain, [fault], lambda _: "OPEN", at)


def settle_done(engine: Engine, domain: str, stage: Stage, at: datetime) -> bool:
    """Resolve what kept a step as a whole from being done; returns whether anything changed."""

    def judge(record: ErrorRecord) -> Resolution:
        is_of_step = record.pipeline_stage == stage and record.table_name is None
        return "RESOLVED" if is_of_step else "OPEN"

    return ErrorLedger(engine).settle(domain, [], judge, at)
