"""The reports of a run as Prefect artifacts, under keys that stay the same from run to run."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.client.schemas.filters import ArtifactCollectionFilter, ArtifactCollectionFilterKey
from prefect.utilities.context import get_task_and_flow_run_ids

from lakehouse.quality.build_results import NodeResult
from lakehouse.quality.run_facts import RunFacts
from lakehouse.reports.artifacts.artifact_keys import (
    build_key,
    lineage_key,
    models_key,
    owner_key,
    receipt_key,
    test_key,
    tests_key,
)
from lakehouse.reports.artifacts.build_report import build_description, build_markdown
from lakehouse.reports.artifacts.lineage_report import build_lineage_markdown, lineage_description
from lakehouse.reports.artifacts.models_table import build_models_table
from lakehouse.reports.artifacts.owner_sheet import build_owner_markdown, owner_description
from lakehouse.reports.artifacts.receipt_table import (
    build_receipt_table,
    receipt_description,
)
from lakehouse.reports.artifacts.test_page import build_test_markdown, test_description
from lakehouse.reports.artifacts.tests_table import build_tests_table
from lakehouse.reports.checks import index_of
from lakehouse.reports.views.owner_view import owner_slug
from lakehouse.reports.wording import Wording
from lakehouse.settings import Settings

# Two keep the API busy while this process writes pages; it answers no faster to more.
_SENDERS = 2


def post_artifacts(facts: RunFacts, settings: Settings) -> None:
    """Post every artifact of a run.

    A test has a page when it does not pass or has just recovered; if the build was skipped, only
    when that changed in this run, since the page of the build says the same.
    """
    _post(_artifacts(facts, settings.reports_url))


def post_summaries(facts: RunFacts, settings: Settings) -> None:
    """Post the report of the build and the owners' sheets."""
    _post(_summaries(facts, settings.reports_url))


def update_summaries(facts: RunFacts, settings: Settings) -> None:
    """Write the report of the build and the owners' sheets anew, where they are posted already.

    What was published is known only after them; a second version of each would tell the same
    run twice.
    """
    summaries = {
        str(artifact.key): artifact for artifact in _summaries(facts, settings.reports_url)
    }
    with get_client(sync_client=True) as client, ThreadPoolExecutor(_SENDERS) as senders:
        newest = client.read_latest_artifacts(
            artifact_filter=ArtifactCollectionFilter(
                key=ArtifactCollectionFilterKey(any_=list(summaries))
            )
        )
        updates = [
            senders.submit(
                client.update_artifact,
                posted.latest_id,
                ArtifactUpdate(data=artifact.data, description=artifact.description),
            )
            for posted in newest
            if (artifact := summaries.get(str(posted.key)))
        ]
        for update in updates:
            update.result()


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


def _post(artifacts: Iterable[ArtifactCreate]) -> None:
    task_run_id, flow_run_id = get_task_and_flow_run_ids()
    # One client for all: a connection for each artifact would cost more than its content.
    with get_client(sync_client=True) as client, ThreadPoolExecutor(_SENDERS) as senders:
        posted = []
        for artifact in artifacts:
            artifact.task_run_id, artifact.flow_run_id = task_run_id, flow_run_id
            posted.append(senders.submit(client.create_artifact, artifact))
        for one in posted:
            one.result()


def _artifacts(facts: RunFacts, pages_url: str | None) -> Iterator[ArtifactCreate]:
    domain, words = facts.domain, Wording.of(facts.language)
    yield from _summaries(facts, pages_url)
    yield _table(tests_key(domain), build_tests_table(facts), words.say("page.all_tests"))
    yield _table(models_key(domain), build_models_table(facts), words.say("section.models"))
    if receipt := build_receipt_table(facts):
        yield _table(receipt_key(domain), receipt, receipt_description(facts))
    if not facts.skipped_build_of:
        yield _page(lineage_key(domain), build_lineage_markdown(facts), lineage_description(facts))
    index = index_of(facts)
    for test in tests_with_page(facts):
        yield _page(
            test_key(domain, index.slug(test)),
            build_test_markdown(facts, test, pages_url),
            test_description(facts, test),
        )


def _summaries(facts: RunFacts, pages_url: str | None) -> Iterator[ArtifactCreate]:
    domain = facts.domain
    yield _page(build_key(domain), build_markdown(facts, pages_url), build_description(facts))
    for group in facts.groups:
        yield _page(
            owner_key(domain, owner_slug(facts, group.name)),
            build_owner_markdown(facts, group, pages_url),
            owner_description(facts, group),
        )


def _page(key: str, markdown: str, description: str) -> ArtifactCreate:
    return ArtifactCreate(type="markdown", key=key, data=markdown, description=description)


def _table(key: str, rows: Sequence[Mapping[str, object]], description: str) -> ArtifactCreate:
    return ArtifactCreate(type="table", key=key, data=json.dumps(rows), description=description)
