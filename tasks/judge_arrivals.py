"""Judge which expected files came; show it, and tell what is new."""

from datetime import UTC, datetime
from typing import Any

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from lakehouse.errors import CatalogInvalid
from lakehouse.lake.raw_lake import RawLake
from lakehouse.quality.arrival_board import BoardRow, language_of, read_board
from lakehouse.reports.arrival_events import arrival_events
from lakehouse.reports.artifacts.artifact_keys import arrivals_key
from lakehouse.reports.pages.write_arrivals import keep_told, told_before, write_arrivals
from lakehouse.reports.views.arrivals_view import arrivals_summary, arrivals_table
from lakehouse.reports.wording import Wording
from lakehouse.settings import Settings, load_settings
from lakehouse.source_catalog import Catalog, known_domains, load_catalog
from tasks.emit_events import emit_events
from tasks.policies import transient_retries
from tasks.store_pages import store_pages


@task(name="judge-arrivals", cache_policy=NO_CACHE, **transient_retries)
def judge_arrivals(domain: str | None) -> dict[str, Any]:
    """Post the board of a domain, or of each and of all with the page; emit what is new.

    Returns:
        `counts` of the verdicts, `missing` and `late` with a line for each, `events` emitted,
        `warnings` of stores that could not take the page.

    Raises:
        DomainUnknown: there is no such domain.
        CatalogInvalid: its sources cannot be read; of all domains, such a one is left out.
    """
    settings, now = load_settings(), _now()
    catalogs = _catalogs(settings, domain)
    rows = read_board(catalogs, RawLake.of(settings).ledger, now)
    for catalog in catalogs:
        _post([row for row in rows if row.domain == catalog.domain], catalog.domain, settings)
    if domain is None:
        _post(rows, None, settings)
        language = language_of(settings.project_dir, [catalog.domain for catalog in catalogs])
        write_arrivals(rows, settings.reports, language, now)
    warnings = store_pages(None, settings) if domain is None else []
    told = set(told_before(settings.reports))
    new = [event for event in arrival_events(rows) if event.id not in told]
    emitted = emit_events(new)
    if emitted == len(new):
        keep_told(settings.reports, [event.id for event in new])
    return {
        "summary": arrivals_summary(rows, "en"),
        "missing": [_line(row) for row in rows if row.verdict == "missing"],
        "late": [_line(row) for row in rows if row.verdict == "late"],
        "events": emitted,
        "warnings": warnings,
    }


def _now() -> datetime:
    return datetime.now(UTC)


def _post(rows: list[BoardRow], domain: str | None, settings: Settings) -> None:
    domains = [domain] if domain else sorted({row.domain for row in rows})
    language = language_of(settings.project_dir, domains)
    words = Wording.of(language)
    create_table_artifact(
        key=arrivals_key(domain),
        table=arrivals_table(rows, language),
        description=words.say(
            "arrivals.board",
            domain=domain or words.say("page.all_domains"),
            summary=arrivals_summary(rows, language),
        ),
    )


def _line(row: BoardRow) -> str:
    return f"{row.table} of {row.period.period.name} is {row.verdict}"


def _catalogs(settings: Settings, domain: str | None) -> list[Catalog]:
    if domain:
        return [load_catalog(settings.project_dir, domain)]
    found = []
    for name in known_domains(settings.project_dir):
        try:
            found.append(load_catalog(settings.project_dir, name))
        except CatalogInvalid as error:
            get_run_logger().warning("%s is left out: %s", name, error)
    return found
