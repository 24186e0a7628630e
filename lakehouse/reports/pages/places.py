"""Where the pages of a domain lie."""

from pathlib import Path

from lakehouse.reports.artifacts.artifact_keys import folder_name

CATALOG = "catalog.html"
ARRIVALS = "arrivals.html"
HEALTH = "health.html"
HEALTH_LOOK = "health.json"


def domain_folder(reports: Path, domain: str) -> Path:
    """Folder of a domain's pages; its name never leaves the folder of all."""
    return reports / folder_name(domain)


def report_path(reports: Path, domain: str) -> Path:
    """The facts of the last run, as JSON for machines."""
    return domain_folder(reports, domain) / "report.json"


def catalog_path(reports: Path, domain: str) -> Path:
    """The data catalog."""
    return domain_folder(reports, domain) / CATALOG
