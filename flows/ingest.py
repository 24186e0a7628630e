"""ingest(domain): every table of the domain's sources into RAW, then visible in the warehouse."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.extraction_parts import load_in_parts
from flows.run_states import explained, only_writer, succeeded
from lakehouse.errors import AljibeError
from lakehouse.settings import load_settings
from lakehouse.source_catalog import load_catalog
from lakehouse.table_load import ingest_summary
from tasks.emit_lineage import emit_extraction, with_lineage
from tasks.record_errors import record_extraction, recorded_if_stopped
from tasks.register_raw import list_findings, register_raw


@flow(name="ingest", flow_run_name="ingest-{domain}")
@with_lineage("ingest")
def ingest(domain: str, parts: int | None = None) -> State[Any]:
    """Load what is new in the sources of a domain.

    Args:
        domain: folder name below `dbt/models/`, such as `pharma_latam`.
        parts: into how many parts its tables are shared out to the workers of the pool; default
            `ALJIBE_EXTRACT_PARTS`.

    Returns:
        Completed, CompletedWithWarnings (rows refused, files in quarantine, missing or not
        complete, an optional source that was down, tables without any delivery) or Failed; its
        data are the `TableLoad` of each table.
    """
    try:
        settings = load_settings()
        tables = load_catalog(settings.project_dir, domain).tables
        extraction = load_in_parts(
            domain, tables, settings.extract_parts if parts is None else parts
        )
        loads = extraction.loads
        emit_extraction(domain, extraction.read, extraction.run_ids)
        with only_writer(settings, domain):
            record_extraction(domain, extraction.read, extraction.faults, extraction.error)
            with recorded_if_stopped(domain, "load"):
                register_raw(domain)
        findings = [finding for load in loads for finding in load.findings]
        findings += list_findings(domain)
    except AljibeError as error:
        return explained(error)
    return succeeded(ingest_summary(loads), findings, [load.to_dict() for load in loads])
