"""The tables of a domain shared out over the workers of the pool, and what came of all of them."""

from collections.abc import Sequence
from dataclasses import asdict
from uuid import uuid4

from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from flows.extraction import Extraction, load_tables
from lakehouse.errors import AljibeError, SplitRefused
from lakehouse.faults import Fault
from lakehouse.lake.audit_database import audit_engine
from lakehouse.lake.run_parts import (
    PlannedPart,
    RunPart,
    RunParts,
    error_from,
    part_lock,
    told_error,
)
from lakehouse.lake.table_parts import seconds_of_tables, split_tables
from lakehouse.settings import Settings, load_settings
from lakehouse.source_catalog import Table, load_catalog
from lakehouse.table_load import TableLoad
from tasks.fan_out import PartWork, do_parts

DEPLOYMENT = "extract-part/all-domains"


def load_in_parts(domain: str, tables: Sequence[Table], most_parts: int) -> Extraction:
    """Load tables, by several flow runs where there is more than one part of them.

    Args:
        domain: whose tables they are.
        tables: with their connectors.
        most_parts: loaded at the same time.

    Returns:
        One extraction, whoever loaded.

    Raises:
        AljibeError: a part as a whole could not be done; what could not be read is no such error.
    """
    settings = load_settings()
    if most_parts < 1:
        raise SplitRefused(f"An extraction has at least one part, not {most_parts}.")
    engine = audit_engine(settings)
    shares: list[tuple[str, ...]] = []
    if most_parts > 1:
        shares = split_tables(tables, most_parts, seconds_of_tables(engine, tables))
    if len(shares) < 2:
        return load_tables(domain, tables, settings.extract_workers)
    store, extraction_id = RunParts(engine), flow_run.get_id() or uuid4().hex
    planned = [PlannedPart(0, names, {}) for names in shares]
    parts = store.plan(extraction_id, "extract", domain, planned)
    get_run_logger().info("%s: %d tables in %d parts.", domain, len(tables), len(parts))
    work = PartWork(
        DEPLOYMENT,
        lambda part: {"domain": domain, "extraction_id": part.split_id, "part": part.number},
        lambda part: load_part(domain, part.split_id, part.number),
    )
    ended = do_parts(parts, store, work, settings)
    order = {table.full_name: place for place, table in enumerate(tables)}
    merged = _merged(ended, order)
    store.forget_outcomes(extraction_id)
    return merged


def load_part(domain: str, extraction_id: str, number: int) -> Extraction | None:
    """Load the tables of a part; what cannot be read is a matter of the run that it belongs to.

    Args:
        domain: whose tables.
        extraction_id: of the run that was split.
        number: of the part.

    Returns:
        What was loaded; None if that was done already.

    Raises:
        PartRefused: there is no such part.
        LockWaitTooLong: another run is at it, for longer than locks are waited for.
    """
    settings = load_settings()
    store = RunParts(audit_engine(settings))
    part = store.one(extraction_id, number)
    run = f"{flow_run.get_flow_name()} {flow_run.get_name()}"
    with part_lock(settings, part, run, timeout=settings.lock_timeout_seconds):
        part = store.one(extraction_id, number)
        if part.status == "done":
            return None
        store.begin(part, flow_run.get_id())
        try:
            extraction = load_tables(
                domain, _tables_of(part, settings), settings.extract_workers, extraction_id
            )
        except AljibeError as error:
            store.fail(part, error)
            raise
        store.end(
            part,
            {
                "loads": [load.to_dict() for load in extraction.loads],
                "faults": [asdict(fault) for fault in extraction.faults],
                "error": told_error(extraction.error) if extraction.error else None,
            },
        )
        return extraction


def _tables_of(part: RunPart, settings: Settings) -> list[Table]:
    wanted = set(part.work)
    declared = load_catalog(settings.project_dir, part.domain).tables
    return [table for table in declared if table.full_name in wanted]


def _merged(parts: Sequence[RunPart], order: dict[str, int]) -> Extraction:
    outcomes = [part.outcome or {} for part in parts]
    loads = [TableLoad.from_dict(load) for one in outcomes for load in one["loads"]]
    errors = [error_from(one["error"]) for one in outcomes if one["error"]]
    return Extraction(
        tuple(sorted(loads, key=lambda load: order[f"{load.source}.{load.table}"])),
        tuple(Fault(**fault) for one in outcomes for fault in one["faults"]),
        errors[-1] if errors else None,
        tuple(part.run_id for part in parts if part.run_id),
    )
