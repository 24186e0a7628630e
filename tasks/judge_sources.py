"""Judge what came from the sources of a build: by the ledger, or for other projects by dbt."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from lakehouse.errors import DbtCouldNotRun
from lakehouse.lake.audit_database import audit_engine
from lakehouse.lake.ledger import Ledger
from lakehouse.quality.build_results import BuildResults, NodeResult
from lakehouse.quality.dbt_manifest import read_manifest
from lakehouse.quality.freshness_results import freshness_facts, freshness_results
from lakehouse.quality.run_facts import SourceFacts
from lakehouse.quality.source_arrivals import freshness_checks, source_arrivals
from lakehouse.settings import load_settings
from lakehouse.source_catalog import load_catalog
from lakehouse.transform.build_history import BuildHistory, BuildRecord
from lakehouse.transform.dbt_command import DbtBuild
from lakehouse.transform.dbt_freshness import run_source_freshness
from tasks.policies import transient_retries
from tasks.run_dbt import resolved_profiles


@dataclass(frozen=True)
class SourcesJudged:
    """What came, and the results of judging its freshness."""

    facts: tuple[SourceFacts, ...] = ()
    checks: tuple[NodeResult, ...] = ()

    def added_to(self, results: BuildResults) -> BuildResults:
        """A build's results with those of freshness behind them."""
        return replace(results, nodes=(*results.nodes, *self.checks))


@task(
    name="judge-sources",
    task_run_name="sources of {build.domain}",
    cache_policy=NO_CACHE,
    **transient_retries,
)
def judge_sources(
    build: DbtBuild, build_id: str, skipped: BuildRecord | None, keep_open: Sequence[int]
) -> SourcesJudged:
    """Judge the sources of a build that dbt has ended.

    A project of others is asked by dbt itself, if it declares a freshness; if dbt cannot, that
    is a warning in the log and no result.

    Args:
        build: the build.
        build_id: its id; what was delivered after the build before it counts as of this run.
        skipped: the build whose results stand, if nothing was new.
        keep_open: descriptors of locks that dbt has to hold as long as it lives.
    """
    if build.foreign:
        return _asked_of_dbt(build, keep_open)
    settings = load_settings()
    engine = audit_engine(settings)
    manifest = read_manifest(build.target_path)
    history = BuildHistory(engine)
    since = skipped.started_at if skipped else history.started_before(build.domain, build_id)
    facts = source_arrivals(
        load_catalog(settings.project_dir, build.domain),
        Ledger(engine),
        manifest,
        now=datetime.now(UTC),
        since=since,
    )
    return SourcesJudged(tuple(facts), tuple(freshness_checks(facts, manifest)))


def _asked_of_dbt(build: DbtBuild, keep_open: Sequence[int]) -> SourcesJudged:
    logger = get_run_logger()
    try:
        with resolved_profiles(build) as profiles:
            found = run_source_freshness(
                build,
                profiles,
                timeout=load_settings().dbt_timeout_seconds,
                on_line=lambda line: logger.debug("%s", line.text),
                keep_open=keep_open,
            )
        if found is None:
            return SourcesJudged()
        manifest = read_manifest(build.target_path)
        return SourcesJudged(
            tuple(freshness_facts(found, manifest)), tuple(freshness_results(found, manifest))
        )
    except DbtCouldNotRun as error:
        logger.warning("The freshness of the sources could not be judged: %s", error)
        return SourcesJudged()
