"""extract_part(...): some tables of an ingest that was split; started by it, never by hand."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.extraction_parts import load_part
from flows.run_states import explained, succeeded
from lakehouse.errors import AljibeError
from lakehouse.table_load import ingest_summary


@flow(name="extract-part", flow_run_name="extract-{domain}-part-{part}")
def extract_part(domain: str, extraction_id: str, part: int) -> State[Any]:
    """Load some tables of a domain for the ingest that shared them out.

    That ingest tells what was found and what could not be read, and ends accordingly.

    Args:
        domain: folder name below `dbt/models/`.
        extraction_id: of the ingest.
        part: number of the part, from 1.

    Returns:
        Completed; CompletedWithWarnings where there is something to look at; or Failed: the part
        as a whole could not be done.
    """
    try:
        extraction = load_part(domain, extraction_id, part)
    except AljibeError as error:
        return explained(error)
    if extraction is None:
        return succeeded("this part was loaded already")
    findings = [finding for load in extraction.loads for finding in load.findings]
    findings += [f"{fault.table}: {fault.message}" for fault in extraction.faults]
    return succeeded(ingest_summary(extraction.loads), findings)
