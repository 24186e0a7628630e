"""Where the flow run of this moment is found in Prefect's UI."""

from prefect.runtime import flow_run
from prefect.settings import PREFECT_UI_URL

from lakehouse.quality.run_facts import RunLink
from lakehouse.settings import Settings


def run_link(settings: Settings) -> RunLink:
    """Name, id and address of the flow run, without an address where there is no UI.

    The embedded server has none; ALJIBE_UI_URL wins over what Prefect derives from its API.
    """
    run_id = flow_run.get_id()
    base = settings.ui_url or PREFECT_UI_URL.value()
    url = f"{base.rstrip('/')}/runs/flow-run/{run_id}" if base and run_id else None
    return RunLink(name=flow_run.get_name(), id=str(run_id) if run_id else None, url=url)
