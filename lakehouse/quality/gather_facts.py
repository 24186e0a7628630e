"""Gather what a report says of a run: from dbt's files, the warehouse, and the audit database.

On the way the failure ledger learns which rows fail. Nothing here words or shows anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Engine

from lakehouse.errors import WarnBudgetInvalid
from lakehouse.lake.duckdb_session import open_warehouse
from lakehouse.lake.warehouse import Warehouse, warehouse_exists
from lakehouse.publish.publication_log import PublicationLog
from lakehouse.publish.serving_copy import published_ids
from lakehouse.quality.build_results import BuildResults, NodeResult
from lakehouse.quality.dbt_manifest import Manifest
from lakehouse.quality.failing_rows import FailingRows, trace_failing_rows
from lakehouse.quality.failure_ledger import FailureLedger
from lakehouse.quality.incidents import incident_states
from lakehouse.quality.lineage_of import lineage_of
from lakehouse.quality.model_sizes import rows_tested, with_sizes
from lakehouse.quality.owner_groups import owner_groups
from lakehouse.quality.receipt import Receipt, read_receipts
from lakehouse.quality.run_facts import (
    ModelFacts,
    PublishFacts,
    PublishOutcome,
    RunFacts,
    RunLink,
    RunPoint,
    SourceFacts,
    TestState,
    WarnBudget,
)
from lakehouse.quality.warn_budget import declared_budget, find_breach
from lakehouse.transform.build_history import BuildHistory


@dataclass(frozen=True)
class BuildSeen:
    """The build that a report is about.

    Attributes:
        build_id: of the audit database.
        mark: what incidents that began in this run are marked with: the build's id, or the run's
            where the build was skipped.
        now: moment that the report is made at, UTC.
        skipped_build_of: when the build ran, if nothing was new in this run.
        foreign: the project is not ours; its nodes are all of the project.
        standing: the last report, if it is about the same invocation of dbt: the rows that fail
            are those that it traced, and tables and receipts are as it found them.
    """

    domain: str
    build_id: str
    mark: str
    now: datetime
    run: RunLink
    skipped_build_of: datetime | None = None
    foreign: bool = False
    standing: RunFacts | None = None


def gather_facts(
    build: BuildSeen,
    engine: Engine,
    warehouse: Warehouse | None,
    results: BuildResults,
    manifest: Manifest,
    *,
    sources: Sequence[SourceFacts] = (),
    findings: Sequence[str] = (),
    language: str = "en",
    catalog: str | None = None,
) -> RunFacts:
    """Gather everything, and note in the failure ledger which rows fail.

    Args:
        build: the build.
        engine: of the audit database.
        warehouse: of the build; None where there is none that could be read.
        results: dbt's, with the freshness of sources.
        manifest: dbt's.
        sources: what came.
        findings: what else was noticed.
        language: of the pages over the whole domain.
        catalog: file name of the data catalog beside the pages, if there is one.

    Raises:
        WarehouseUnusable, duckdb.Error: the warehouse cannot be read.
        sqlalchemy.exc.SQLAlchemyError: the audit database cannot be used.
    """
    history = BuildHistory(engine)
    failing: dict[str, FailingRows] = {}
    model_rows: dict[str, int] = {}
    receipts: tuple[Receipt, ...] = ()
    budgets, invalid = _budgets(results, manifest)
    by_share = _by_share(results, budgets)
    if build.standing is not None:
        results = _sized_as(build.standing.results, results)
        receipts = build.standing.receipts
    if (by_share or build.standing is None) and warehouse and warehouse_exists(warehouse):
        with open_warehouse(warehouse, read_only=True) as connection:
            if build.standing is None:
                failing = trace_failing_rows(connection, results, manifest)
                results = with_sizes(connection, results)
                receipts = read_receipts(connection, results, manifest)
            model_rows = rows_tested(connection, manifest, by_share)
    if build.standing is None:
        shown = _recorded(build, engine, failing)
    else:
        shown = dict(build.standing.failing_rows)
    points = history.recent(build.domain)
    published = published_ids(manifest.content, None if build.foreign else build.domain)
    states = incident_states(engine, build.domain, build.mark, results.checks)
    warning = {check.unique_id: check for check in results.warnings}
    tests = {
        unique_id: _with_budget(
            state,
            budgets.get(unique_id),
            warning.get(unique_id),
            shown.get(unique_id),
            model_rows.get(unique_id),
            build.now,
        )
        for unique_id, state in states.items()
    }
    present = {check.unique_id for check in results.checks}
    return RunFacts(
        domain=build.domain,
        started_at=build.now,
        results=results,
        run=build.run,
        skipped_build_of=build.skipped_build_of,
        failing_rows=shown,
        tests=tests,
        history=points,
        models=_models(results, manifest, points, published),
        receipts=receipts,
        sources=tuple(
            replace(source, rows_before=_rows_before(points.get(source.unique_id, ())))
            for source in sources
        ),
        groups=owner_groups(manifest, results, sources),
        lineage=lineage_of(manifest, results, published=published),
        not_checked=tuple(
            manifest.name_of(unique_id)
            for unique_id, state in states.items()
            if state.change == "NOT CHECKED" and unique_id not in present
        ),
        findings=(*findings, *invalid),
        publish=publish_so_far(PublicationLog(engine), build.domain, build.build_id),
        language=language,
        catalog=catalog,
    )


def publish_facts(log: PublicationLog, domain: str, outcome: PublishOutcome) -> PublishFacts:
    """What readers have now, after a publication that came to `outcome`."""
    last, before = log.last_two(domain)
    return PublishFacts(
        outcome,
        tables=last.tables if last else {},
        before=before.tables if before else {},
        at=last.published_at if last else None,
    )


def publish_so_far(log: PublicationLog, domain: str, build_id: str | None = None) -> PublishFacts:
    """What readers have before a run publishes, or where it does not come to that.

    Args:
        log: the publications.
        domain: whose.
        build_id: the run's build; one that is on show already can only stay there.
    """
    last = log.last(domain)
    if last and last.build_id == build_id:
        return publish_facts(log, domain, "unchanged")
    return replace(publish_facts(log, domain, "not run"), before={})


def _recorded(
    build: BuildSeen, engine: Engine, failing: Mapping[str, FailingRows]
) -> dict[str, FailingRows]:
    """Note in the audit database which rows fail; the rows as reports show them."""
    BuildHistory(engine).record_failing_rows(
        build.build_id, {test: rows.total for test, rows in failing.items() if rows.total}
    )
    first_seen = FailureLedger(engine).record_rows(
        build.domain, build.now, {test: rows.found for test, rows in failing.items()}
    )
    return {test: rows.dated(first_seen.get(test, {})) for test, rows in failing.items()}


def _sized_as(standing: BuildResults, results: BuildResults) -> BuildResults:
    sizes = {node.unique_id: (node.rows, node.bytes) for node in standing.nodes}
    sized = (
        replace(node, rows=sizes[node.unique_id][0], bytes=sizes[node.unique_id][1])
        if node.unique_id in sizes
        else node
        for node in results.nodes
    )
    return replace(results, nodes=tuple(sized))


def _budgets(results: BuildResults, manifest: Manifest) -> tuple[dict[str, WarnBudget], list[str]]:
    """The budgets of the tests, and what is wrong with those that cannot be used."""
    budgets: dict[str, WarnBudget] = {}
    invalid = []
    for test in results.tests:
        try:
            budget = declared_budget(manifest.node(test.unique_id))
        except WarnBudgetInvalid as error:
            invalid.append(str(error))
            continue
        if budget:
            budgets[test.unique_id] = budget
    return budgets, invalid


def _by_share(results: BuildResults, budgets: Mapping[str, WarnBudget]) -> list[str]:
    return [
        test.unique_id
        for test in results.warnings
        if test.unique_id in budgets and budgets[test.unique_id].share is not None
    ]


def _with_budget(
    state: TestState,
    budget: WarnBudget | None,
    warning: NodeResult | None,
    rows: FailingRows | None,
    model_rows: int | None,
    now: datetime,
) -> TestState:
    if budget is None or warning is None:
        return replace(state, budget=budget)
    breach = find_breach(
        budget,
        failing_rows=rows.total if rows and rows.total else warning.failures,
        model_rows=model_rows,
        days_open=(now - state.since).days if state.since else 0,
    )
    return replace(state, budget=budget, breach=breach)


def _models(
    results: BuildResults,
    manifest: Manifest,
    points: Mapping[str, tuple[RunPoint, ...]],
    published: Sequence[str],
) -> tuple[ModelFacts, ...]:
    return tuple(_model(node, manifest, points, published) for node in results.models)


def _model(
    node: NodeResult,
    manifest: Manifest,
    points: Mapping[str, tuple[RunPoint, ...]],
    published: Sequence[str],
) -> ModelFacts:
    declared = manifest.node(node.unique_id)
    return ModelFacts(
        unique_id=node.unique_id,
        name=node.name,
        resource_type=node.resource_type,
        schema=str(declared.get("schema") or ""),
        status=node.status,
        seconds=node.seconds,
        rows=node.rows,
        rows_before=_rows_before(points.get(node.unique_id, ())),
        bytes=node.bytes,
        group=manifest.group(node.unique_id).get("name"),
        description=node.description,
        published=node.unique_id in published,
    )


def _rows_before(points: Sequence[RunPoint]) -> int | None:
    """Rows of the newest run before the last that counted them."""
    return next((point.rows for point in reversed(points[:-1]) if point.rows is not None), None)
