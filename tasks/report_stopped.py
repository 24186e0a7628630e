"""A run that ended before it built anything, told where its build would have been reported."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from lakehouse.errors import AljibeError
from lakehouse.lake.audit_database import audit_engine
from lakehouse.lake.error_ledger import ErrorLedger
from lakehouse.publish.publication_log import PublicationLog
from lakehouse.quality.gather_facts import publish_so_far
from lakehouse.quality.run_facts import RunFacts
from lakehouse.quality.source_arrivals import with_faults
from lakehouse.reports.pages.write_pages import write_pages
from lakehouse.settings import load_settings
from tasks.last_report import last_reported
from tasks.notify import tell_owners
from tasks.post_artifacts import post_summaries
from tasks.run_page import run_link
from tasks.store_pages import store_pages


def report_stopped(domain: str, why: str) -> None:
    """Say on the reports of a domain that there is nothing new today, and why.

    Without it the pages of yesterday would go on saying that the data can be used. What goes
    wrong is logged: the run has failed already, and its own message matters more.
    """
    told = tell_stopped(domain, why, return_state=True)
    if not told.is_completed():
        get_run_logger().warning("The reports do not tell that this run failed: %s", told.message)


@contextmanager
def told_if_stopped(domain: str) -> Iterator[None]:
    """Report an error of ours that ends a build before its results could be."""
    try:
        yield
    except AljibeError as error:
        report_stopped(domain, str(error))
        raise


@task(name="report-stopped", task_run_name="report {domain}", cache_policy=NO_CACHE)
def tell_stopped(domain: str, why: str) -> None:
    """Write the summaries and pages of the last build anew, with this run as their verdict.

    Owners are told what keeps their sources from being loaded. Who they are is known from the
    first build on.
    """
    settings = load_settings()
    engine, now = audit_engine(settings), datetime.now(UTC)
    facts = last_reported(domain, settings)
    if facts is None:
        facts = RunFacts.without_a_build(domain, now, settings.reports_language)
    facts = replace(
        facts,
        started_at=now,
        run=run_link(settings),
        stopped=why,
        sources=tuple(with_faults(facts.sources, ErrorLedger(engine).open_errors(domain))),
        publish=publish_so_far(PublicationLog(engine), domain),
    )
    post_summaries(facts, settings)
    write_pages(facts, settings.reports)
    store_pages(domain, settings)
    for warning in tell_owners(facts, settings):
        get_run_logger().warning("%s", warning)
