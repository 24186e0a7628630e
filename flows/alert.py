"""alert(domain, happening): tell operators what stops a domain: a test, or a publication."""

from typing import Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State

from flows.run_states import explained, succeeded
from lakehouse.errors import AljibeError
from lakehouse.settings import load_settings
from lakehouse.source_catalog import load_catalog
from tasks.tell_operators import tell_operators

Happening = Literal["lakehouse.test.failed", "lakehouse.publish.blocked"]


@flow(name="alert", flow_run_name="alert-{domain}")
def alert(domain: str, happening: Happening, about: str = "", run_id: str = "") -> State[Any]:
    """Say what stops a domain, and what was seen of it, to those who operate it.

    Started by the events of the same names; one run speaks for all that fail in a build. Where the
    automation tells operators of the failed run itself, nothing is sent a second time.

    Args:
        domain: folder name below `dbt/models/`.
        happening: the event.
        about: what the event names, such as a test.
        run_id: the flow run in which it happened; empty if that is not known.

    Returns:
        Completed; CompletedWithWarnings where the message could not be sent; or Failed.
    """
    try:
        load_catalog(load_settings().project_dir, domain)
        message, warnings = tell_operators(domain, happening, about, run_id)
    except AljibeError as error:
        return explained(error)
    return succeeded(message, warnings)
