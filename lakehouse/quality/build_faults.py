"""Nodes of a build that did not end well, and sources that are late, as faults."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Engine

from lakehouse.faults import ErrorType, Fault, Resolution, Stage
from lakehouse.lake.error_ledger import ErrorLedger, ErrorRecord
from lakehouse.quality.build_results import BuildResults, NodeResult
from lakehouse.quality.masking import without_values

_MET = ("warn", "fail", "error")


def settle_build(
    engine: Engine, domain: str, results: BuildResults, known: Collection[str], at: datetime
) -> bool:
    """Bring the errors of nodes to what a build came to; what it left out stays as it was.

    Args:
        engine: of the audit database.
        domain: whose build.
        results: of every node that dbt ran, and the freshness of every source that declares one.
        known: ids of the nodes that the project still has; errors of others are resolved.
        at: moment of the call, UTC.

    Returns:
        Whether anything changed in the ledger.
    """
    passed = {node.unique_id for node in results.nodes if node.status == "pass"}

    def judge(record: ErrorRecord) -> Resolution:
        if record.error_type in ("model_failed", "test_failed"):
            is_over = record.subject in passed or record.subject not in known
        else:
            is_over = record.error_type == "source_stale" or (
                record.pipeline_stage == "transform" and record.error_type == "step_failed"
            )
        return "RESOLVED" if is_over else "OPEN"

    return ErrorLedger(engine).settle(domain, build_faults(results), judge, at)


def build_faults(results: BuildResults) -> list[Fault]:
    """One fault for each node that failed, warns or could not run."""
    return [_fault(node, results.generated_at) for node in results.nodes if node.status in _MET]


def _fault(node: NodeResult, at: datetime) -> Fault:
    stage, kind = _place(node)
    details = {
        "node": node.unique_id,
        "status": node.status,
        "severity": node.severity,
        "failures": node.failures,
        "path": node.path,
    }
    said = {name: value for name, value in details.items() if value not in (None, "")}
    return Fault(
        stage,
        node.model or node.name,
        kind,
        _message(node, kind),
        node.unique_id,
        # The age of a source is judged on every run, also where nothing is built.
        None if kind == "source_stale" else at,
        said,
    )


def _place(node: NodeResult) -> tuple[Stage, ErrorType]:
    if node.resource_type == "source":
        return "extract", "source_stale"
    return "transform", "test_failed" if node.is_test else "model_failed"


def _message(node: NodeResult, kind: ErrorType) -> str:
    if kind == "source_stale":
        return node.message or f"{node.label}: the source is late."
    if node.status == "error":
        verb = "could not run" if node.is_test else "could not be built"
        cause = without_values(node.message or "")
        return f"{node.label} {verb}{f': {cause}' if cause else ''}"
    count = node.count_text()
    return f"{node.label} {node.status}s{f' ({count})' if count else ''}"
