"""Ask an HTTP API for a table and load its answers into RAW."""

from typing import Any

from prefect import task
from prefect.context import TaskRunContext
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from blocks.declared import find_block
from blocks.http_api import HttpApi
from lakehouse.connectors.api.load_api_table import load_api_table
from lakehouse.connectors.api.request_plan import api_options
from lakehouse.errors import ApiRefused, ApiUnavailable
from lakehouse.faults import fault_of
from lakehouse.lake.raw_lake import RawLake
from lakehouse.progress import Progress, tell
from lakehouse.settings import load_settings
from lakehouse.source_catalog import load_catalog
from lakehouse.table_load import TableLoad
from tasks.policies import transient_retries


def run_key(context: TaskRunContext, parameters: dict[str, Any]) -> str | None:
    """Cache key of an extraction without a content to key on beforehand: table and flow run.

    A retried or resumed run does not ask again; another run does.
    """
    run = context.task_run.flow_run_id
    if run is None:
        return None
    return f"extract-api-{parameters['source']}-{parameters['table']}-{run}"


@task(
    name="extract-api",
    task_run_name="extract {source}.{table}",
    cache_key_fn=run_key,
    persist_result=True,
    **transient_retries,
)
def extract_api(domain: str, source: str, table: str) -> dict[str, Any]:
    """Load what an API answers for a table.

    A final failure of an optional table is a note: the table keeps its last load.

    Returns:
        `TableLoad` as a dict: counts, never rows.
    """
    logger = get_run_logger()
    settings = load_settings()
    declared = load_catalog(settings.project_dir, domain).table(source, table)
    access = find_block(declared.block, HttpApi, settings).access(declared.block)
    step = f"extract {declared.full_name}"
    load = TableLoad(source, table)
    tell(Progress(step, f"asking {declared.block}", 0, 1))
    try:
        delivery = load_api_table(access, declared, RawLake.of(settings), run_id=flow_run.get_id())
    except (ApiUnavailable, ApiRefused) as error:
        if not api_options(declared).optional:
            raise
        # The client has tried often enough for a source that the run can do without.
        logger.warning("%s: %s It is optional: the run goes on.", declared.full_name, error)
        note = f"the optional source could not be read, so its last load stands: {error}"
        fault = fault_of("extract", declared.full_name, error)
        load = TableLoad(source, table, notes=(note,), faults=(fault,))
    else:
        load = load.with_delivery(delivery)
        logger.info(
            "%s (%d rows, %d bytes, %.1f s)",
            load.deliveries[-1],
            delivery.rows_loaded,
            delivery.size,
            delivery.seconds,
        )
    tell(Progress(step, load.summary, 1, 1))
    return load.to_dict()
