"""What was published, or why not, told where the build was reported."""

from dataclasses import replace
from typing import Literal

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from lakehouse.errors import AljibeError
from lakehouse.lake.audit_database import audit_engine
from lakehouse.publish.publication_log import PublicationLog
from lakehouse.quality.gather_facts import publish_facts
from lakehouse.quality.run_facts import PublishOutcome
from lakehouse.reports.pages.write_pages import write_pages
from lakehouse.reports.run_events import publish_event
from lakehouse.settings import load_settings
from lakehouse.transform.build_history import BuildHistory
from tasks.emit_events import emit_events
from tasks.last_report import last_reported
from tasks.post_artifacts import update_summaries
from tasks.run_page import run_link
from tasks.store_pages import store_pages


def report_publication(
    domain: str,
    outcome: Literal["published", "unchanged", "refused"],
    refused: AljibeError | None = None,
) -> list[str]:
    """Add the publication to the reports of the build and emit its event.

    Returns:
        Warnings: what could not be told; a publication stands however it is told.
    """
    told = tell_publication(domain, outcome, str(refused or ""), return_state=True)
    if told.is_completed():
        return list(told.result())
    return [f"what was published could not be added to the reports: {told.message}"]


@task(name="report-publication", task_run_name="report {domain}", cache_policy=NO_CACHE)
def tell_publication(domain: str, outcome: PublishOutcome, refused: str) -> list[str]:
    """Write the pages and summaries of the last build anew, with the publication in them.

    Returns:
        A warning for each store that could not take the pages.
    """
    settings = load_settings()
    engine = audit_engine(settings)
    log, build = PublicationLog(engine), BuildHistory(engine).last(domain)
    publish = replace(publish_facts(log, domain, outcome), message=refused)
    facts = last_reported(domain, settings)
    blocked = [test.label for test in facts.breaches] if facts else []
    event = publish_event(
        domain, publish, build.build_id if build else "", run_link(settings), blocked
    )
    if event:
        emit_events([event])
    if facts is None:
        get_run_logger().info("%s has no report yet to add the publication to.", domain)
        return []
    if facts.publish == publish:
        return []
    facts = replace(facts, publish=publish)
    update_summaries(facts, settings)
    # The pages of tests do not tell of publications, and are most of the pages.
    write_pages(facts, settings.reports, tests=False)
    return store_pages(domain, settings)
