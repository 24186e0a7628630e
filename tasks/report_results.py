"""A build's results as Prefect artifacts; a report that fails never changes how the run ends."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

import duckdb
from prefect import task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from lakehouse.lake.audit_database import audit_engine
from lakehouse.quality.build_changes import BuildChanges, compare_builds
from lakehouse.quality.build_results import BuildResults, NodeResult
from lakehouse.quality.dbt_manifest import Manifest, read_manifest
from lakehouse.quality.dbt_results import read_results
from lakehouse.quality.failing_rows import FailingRows, trace_failing_rows
from lakehouse.quality.model_rows import with_row_counts
from lakehouse.reports.artifact_keys import build_key, test_key, tests_key
from lakehouse.reports.build_report import BuildContext, build_markdown
from lakehouse.reports.test_page import build_test_page
from lakehouse.reports.tests_table import build_tests_table
from lakehouse.settings import load_settings
from lakehouse.transform.build_history import BuildHistory, BuildRecord
from lakehouse.transform.dbt_command import DbtBuild
from lakehouse.transform.profile_target import duckdb_file


@dataclass(frozen=True)
class BuildOutcome:
    """What a build came to, for the state of its run.

    Attributes:
        verdict: passed, warned or failed.
        message: one line about the build.
        warnings: one line for each thing to look at.
    """

    verdict: str
    message: str
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)


def report_results(build: DbtBuild, skipped: BuildRecord | None) -> BuildOutcome:
    """Post the artifacts and sum the build up.

    Args:
        build: the build whose results lie in its target folder.
        skipped: the earlier build whose verdict stands, if dbt was not run.
    """
    results = read_results(build.target_path)
    posted = post_artifacts(build, skipped, return_state=True)
    counts: dict[str, int] = {}
    troubles: list[str] = []
    if posted.is_completed():
        counts = posted.result()
    else:
        troubles = [f"the reports of this build could not be made: {posted.message}"]
    warnings = [_finding(node, counts) for node in results.warnings]
    message = results.headline(counts)
    if skipped:
        message = f"nothing new, the verdict of {_utc(skipped.started_at)} stands: {message}"
    return BuildOutcome(results.verdict, message, (*warnings, *troubles))


@task(name="report-results", task_run_name="report {build.domain}", cache_policy=NO_CACHE)
def post_artifacts(build: DbtBuild, skipped: BuildRecord | None) -> dict[str, int]:
    """Make the artifacts of a build: its report, the table of its tests, a page for each finding.

    Returns:
        Number of failing rows that were traced, by the test's unique id.
    """
    results, manifest = read_results(build.target_path), read_manifest(build.target_path)
    results, rows = _read_warehouse(build, results, manifest)
    history = BuildHistory(audit_engine(load_settings()))
    previous = history.results_before(build.domain, results.invocation_id)
    changes = compare_builds(previous, results) if previous else BuildChanges()
    since = {key: day.date() for key, day in history.failing_since(build.domain).items()}
    context = BuildContext(
        started_at=datetime.now(UTC),
        flow_run_name=flow_run.get_name(),
        flow_run_id=flow_run.get_id(),
        skipped_build_of=skipped.started_at if skipped else None,
        previous=previous,
        failing_rows=rows,
    )
    counts = {key: failing.total for key, failing in rows.items() if failing.total}
    create_markdown_artifact(
        key=build_key(build.domain),
        markdown=build_markdown(build.domain, results, context=context),
        description=f"Build of {build.domain}: {results.headline(counts)}",
    )
    create_table_artifact(
        key=tests_key(build.domain),
        table=build_tests_table(results, failing_rows=rows, since=since),
        description=f"Every test of {build.domain}, the worst first",
    )
    for test in results.tests:
        if test.status in ("warn", "fail", "error") or changes.of(test.unique_id) == "FIXED":
            _post_page(build.domain, test, rows, changes, since)
    return counts


def _post_page(
    domain: str,
    test: NodeResult,
    rows: Mapping[str, FailingRows],
    changes: BuildChanges,
    since: Mapping[str, date],
) -> None:
    page = build_test_page(
        test,
        rows.get(test.unique_id),
        change=changes.of(test.unique_id),
        since=since.get(test.unique_id),
    )
    if page:
        create_markdown_artifact(
            key=test_key(domain, test.label),
            markdown=page,
            description=f"{test.status}: {test.label} of {domain}",
        )


def _read_warehouse(
    build: DbtBuild, results: BuildResults, manifest: Manifest
) -> tuple[BuildResults, dict[str, FailingRows]]:
    """Add what only the warehouse knows: rows of the tables, and the rows that fail."""
    warehouse = duckdb_file(build)
    if warehouse is None or not warehouse.is_file():
        return results, {}
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        rows = trace_failing_rows(connection, results, manifest)
        return with_row_counts(connection, results), rows


def _finding(node: NodeResult, counts: Mapping[str, int]) -> str:
    count = node.count_text(counts.get(node.unique_id))
    return f"{node.label} ({count})" if count else node.label


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
