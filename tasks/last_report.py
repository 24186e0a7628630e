"""The facts of the last report of a domain, read back from beside its pages."""

from prefect.logging import get_run_logger

from lakehouse.quality.run_facts import RunFacts, facts_from_json
from lakehouse.reports.pages.places import report_path
from lakehouse.settings import Settings


def last_reported(domain: str, settings: Settings) -> RunFacts | None:
    """The facts of the last report, if there is one that can be read."""
    path = report_path(settings.reports, domain)
    try:
        return facts_from_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        get_run_logger().warning("%s is damaged; the next build writes it anew.", path)
        return None
