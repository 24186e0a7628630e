"""The reports of a run as Prefect artifacts, under keys that stay the same from run to run."""

from collections.abc import Sequence

from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.client.schemas.filters import ArtifactCollectionFilter, ArtifactCollectionFilterKey

from lakehouse.quality.build_results import NodeResult
from lakehouse.quality.run_facts import RunFacts
from lakehouse.reports.artifact_keys import (
    build_key,
    lineage_key,
    models_key,
    owner_key,
    test_key,
    tests_key,
)
from lakehouse.reports.build_report import build_markdown
from lakehouse.reports.checks import index_of
from lakehouse.reports.lineage_report import build_lineage_markdown
from lakehouse.reports.models_table import build_models_table
from lakehouse.reports.owner_sheet import build_owner_markdown
from lakehouse.reports.test_page import build_test_markdown
from lakehouse.reports.tests_table import build_tests_table
from lakehouse.settings import Settings


def post_artifacts(facts: RunFacts, settings: Settings) -> None:
    """Post every artifact of a run.

    A test has a page when it does not pass or has just recovered; if the build was skipped, only
    when that changed in this run, since the page of the build says the same.
    """
    url, domain = settings.reports_url, facts.domain
    for key, markdown, description in _summaries(facts, url):
        create_markdown_artifact(key=key, markdown=markdown, description=description)
    create_table_artifact(
        key=tests_key(domain),
        table=build_tests_table(facts),
        description=f"Every test of {domain}, the worst first",
    )
    create_table_artifact(
        key=models_key(domain),
        table=build_models_table(facts),
        description=f"Models and sources of {domain}: rows, seconds, bytes, freshness",
    )
    if not facts.skipped_build_of:
        create_markdown_artifact(
            key=lineage_key(domain),
            markdown=build_lineage_markdown(facts),
            description=f"Sources, models and published tables of {domain}",
        )
    index = index_of(facts)
    for test in tests_with_page(facts):
        create_markdown_artifact(
            key=test_key(domain, index.slug(test)),
            markdown=build_test_markdown(facts, test, url),
            description=f"{test.status}: {test.label} of {domain}",
        )


def update_summaries(facts: RunFacts, settings: Settings) -> None:
    """Write the report of the build and the owners' sheets anew, where they are posted already.

    What was published is known only after them; a second version of each would tell the same
    run twice.
    """
    with get_client(sync_client=True) as client:
        for key, markdown, description in _summaries(facts, settings.reports_url):
            newest = client.read_latest_artifacts(
                artifact_filter=ArtifactCollectionFilter(
                    key=ArtifactCollectionFilterKey(any_=[key])
                )
            )
            if newest:
                client.update_artifact(
                    newest[0].latest_id, ArtifactUpdate(data=markdown, description=description)
                )


def tests_with_page(facts: RunFacts) -> Sequence[NodeResult]:
    """Tests and freshness checks that have something to say in this run."""
    found = [
        check
        for check in facts.results.checks
        if check.status in ("warn", "fail", "error")
        or facts.state(check.unique_id).change == "FIXED"
    ]
    if facts.skipped_build_of:
        return [one for one in found if facts.state(one.unique_id).change in ("NEW", "FIXED")]
    return found


def _summaries(facts: RunFacts, pages_url: str | None) -> list[tuple[str, str, str]]:
    domain = facts.domain
    headline = facts.results.headline(facts.row_totals)
    summaries: list[tuple[str, str, str]] = [
        (build_key(domain), build_markdown(facts, pages_url), f"Build of {domain}: {headline}")
    ]
    summaries += [
        (
            owner_key(domain, group.name),
            build_owner_markdown(facts, group, pages_url),
            f"{group.owner}: {domain}",
        )
        for group in facts.groups
    ]
    return summaries
