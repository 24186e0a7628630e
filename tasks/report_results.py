"""A build's results for those who own the data: artifacts, pages, events, notifications.

Nothing here changes how a run ends: what cannot be made is a warning of the run.
"""

import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from lakehouse.errors import AljibeError
from lakehouse.lake.audit_database import audit_engine
from lakehouse.lake.duckdb_session import open_warehouse
from lakehouse.quality.build_results import BuildResults, NodeResult
from lakehouse.quality.dbt_manifest import read_manifest
from lakehouse.quality.dbt_results import read_results
from lakehouse.quality.failure_tables import write_failure_tables
from lakehouse.quality.gather_facts import BuildSeen, gather_facts
from lakehouse.quality.run_facts import RunFacts
from lakehouse.quality.warn_budget import breach_text
from lakehouse.reports.pages.places import CATALOG, catalog_path
from lakehouse.reports.pages.write_pages import write_pages
from lakehouse.reports.run_events import run_events
from lakehouse.settings import PROJECT_ROOT, Settings, load_settings
from lakehouse.transform.build_history import BuildRecord
from lakehouse.transform.dbt_command import DbtBuild
from lakehouse.transform.profile_target import written_by
from tasks.emit_events import emit_events
from tasks.judge_sources import SourcesJudged
from tasks.last_report import last_reported
from tasks.notify import tell_owners
from tasks.post_artifacts import post_artifacts
from tasks.register_raw import open_findings
from tasks.run_page import run_link
from tasks.store_pages import store_pages


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


def report_results(
    build: DbtBuild, build_id: str, skipped: BuildRecord | None, sources: SourcesJudged
) -> BuildOutcome:
    """Report a build and sum it up.

    Args:
        build: the build whose results lie in its target folder.
        build_id: its id; of the earlier build if this one was skipped.
        skipped: the earlier build whose verdict stands, if dbt was not run.
        sources: what came, and how fresh it is.
    """
    results = sources.added_to(read_results(build.target_path))
    made = make_reports(build, build_id, skipped, sources, return_state=True)
    facts, troubles = made.result() if made.is_completed() else (None, [f"reports: {made.message}"])
    totals = facts.row_totals if facts else {}
    warnings = [_finding(node, facts, totals) for node in results.warnings]
    message = results.headline(totals)
    if skipped:
        message = f"nothing new, the verdict of {_utc(skipped.started_at)} stands: {message}"
    return BuildOutcome(results.verdict, message, (*warnings, *troubles))


@task(name="report-results", task_run_name="report {build.domain}", cache_policy=NO_CACHE)
def make_reports(
    build: DbtBuild, build_id: str, skipped: BuildRecord | None, sources: SourcesJudged
) -> tuple[RunFacts | None, list[str]]:
    """Gather the facts of a run, then make each kind of report from them, whatever the others do.

    Returns:
        The facts, if they could be gathered, and a warning for each kind that could not be made.
    """
    settings = load_settings()
    warnings: list[str] = []

    def attempt(what: str, make: Callable[[], Any]) -> Any:
        try:
            return make()
        except Exception as error:  # noqa: BLE001 - no report may end a run
            warnings.append(f"{what} could not be made: {_cause(error)}")
            get_run_logger().warning("%s: %s", build.domain, warnings[-1])
            return None

    standing = attempt("the last report", lambda: _standing(build, settings)) if skipped else None
    facts = attempt(
        "the reports of this build",
        lambda: _facts(build, build_id, skipped, sources, settings, standing),
    )
    if facts is None:
        return None, warnings
    # The API answers each artifact one after another; the pages are written meanwhile.
    with ThreadPoolExecutor(1) as beside:
        posted = beside.submit(copy_context().run, post_artifacts, facts, settings)
        warnings += attempt("the pages", lambda: _pages(facts, settings)) or []
        warnings += attempt("the copy of the pages", lambda: _stored(facts, settings)) or []
        attempt("the artifacts", posted.result)
    attempt("the tables of failures", lambda: _failure_tables(build))
    attempt("the events", lambda: _events(facts, build_id, settings))
    warnings += attempt("the notifications", lambda: tell_owners(facts, settings)) or []
    return facts, warnings


def _facts(
    build: DbtBuild,
    build_id: str,
    skipped: BuildRecord | None,
    sources: SourcesJudged,
    settings: Settings,
    standing: RunFacts | None,
) -> RunFacts:
    results: BuildResults = sources.added_to(read_results(build.target_path))
    seen = BuildSeen(
        domain=build.domain,
        build_id=build_id,
        mark=str(flow_run.get_id()) if skipped else build_id,
        now=datetime.now(UTC),
        run=run_link(settings),
        skipped_build_of=skipped.started_at if skipped else None,
        foreign=build.foreign,
        standing=standing,
    )
    return gather_facts(
        seen,
        audit_engine(settings),
        written_by(build),
        results,
        read_manifest(build.target_path),
        sources=sources.facts,
        findings=[] if build.foreign else open_findings(build.domain),
        language=settings.reports_language,
        catalog=CATALOG if catalog_path(settings.reports, build.domain).is_file() else None,
    )


def _standing(build: DbtBuild, settings: Settings) -> RunFacts | None:
    """The last report, if it tells of the results that stand, and told all of them."""
    last = last_reported(build.domain, settings)
    if last is None:
        return None
    same = last.results.invocation_id == read_results(build.target_path).invocation_id
    # What could not be read then may be readable now.
    unread = any(rows.note_code == "unreadable" for rows in last.failing_rows.values())
    return last if same and not unread else None


def _pages(facts: RunFacts, settings: Settings) -> list[str]:
    written = write_pages(facts, settings.reports)
    get_run_logger().info("Reports of %s: %s", facts.domain, written.index)
    return [
        f"the pages of {name} cannot be read; its next build writes them anew"
        for name in written.damaged
    ]


def _stored(facts: RunFacts, settings: Settings) -> list[str]:
    return store_pages(facts.domain, settings)


def _failure_tables(build: DbtBuild) -> None:
    if not build.foreign:
        with open_warehouse(build.warehouse) as connection:
            write_failure_tables(connection, audit_engine(load_settings()), build.domain)


def _events(facts: RunFacts, build_id: str, settings: Settings) -> None:
    emit_events(run_events(facts, build_id, settings.reports_url))


def _cause(error: Exception) -> str:
    """What went wrong and where; words of others, which may quote a value, are left out."""
    if isinstance(error, AljibeError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(PROJECT_ROOT)]
    where = "".join(f" ({Path(frame.filename).name}:{frame.lineno})" for frame in ours[-1:])
    kind = type(error).__name__
    # An operating system's words name a file and a cause, never a value of a row.
    return f"{error}{where}" if isinstance(error, OSError) else f"{kind}{where}"


def _finding(node: NodeResult, facts: RunFacts | None, totals: dict[str, int]) -> str:
    count = node.count_text(totals.get(node.unique_id))
    breach = facts.state(node.unique_id).breach if facts else None
    told = [part for part in (count, breach_text(breach) if breach else "") if part]
    return f"{node.label} ({'; '.join(told)})" if told else node.label


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
