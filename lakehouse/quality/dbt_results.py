"""dbt's `run_results.json` and `manifest.json` as typed results.

Formats: https://schemas.getdbt.com/dbt/run-results/v6.json and .../manifest/v12.json. What failed
is decided by these files alone, never by the text of dbt's log.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lakehouse.errors import DbtCouldNotRun
from lakehouse.quality.build_results import BuildResults, NodeResult, Status
from lakehouse.quality.dbt_manifest import (
    Manifest,
    kind_of_test,
    node_meta,
    owner_of,
    plain_column,
    read_dbt_artifact,
    read_manifest,
)
from lakehouse.quality.masking import safe_message
from lakehouse.quality.skip_causes import SkipCauses

__all__ = ["BuildResults", "NodeResult", "parse_results", "read_results"]

# `partial success` is a model of which some batches failed.
_STATUSES: Mapping[str, Status] = {
    "success": "pass",
    "pass": "pass",
    "no-op": "pass",
    "warn": "warn",
    "fail": "fail",
    "error": "error",
    "runtime error": "error",
    "partial success": "error",
    "skipped": "skipped",
}
_UNITS = {"unique": "value", "accepted_values": "value", "unit_test": "difference"}


def read_results(target_dir: Path) -> BuildResults:
    """Read the results of the last dbt command from its target folder.

    Raises:
        DbtCouldNotRun: a file is missing, cut short, of another kind, or the two do not belong
            together; says what to do.
    """
    run = read_dbt_artifact(target_dir / "run_results.json", "run-results")
    return parse_results(run, read_manifest(target_dir))


def parse_results(run_results: Mapping[str, Any], manifest: Manifest) -> BuildResults:
    """Turn the content of `run_results.json` into typed results.

    Raises:
        DbtCouldNotRun: a needed field is missing, or a result's node is not in the manifest.
    """
    try:
        entries = [(str(entry["unique_id"]), dict(entry)) for entry in run_results["results"]]
        statuses = {unique_id: _status(entry) for unique_id, entry in entries}
        metadata = run_results["metadata"]
        generated_at = datetime.fromisoformat(str(metadata["generated_at"]))
        elapsed = float(run_results.get("elapsed_time") or 0)
    except (KeyError, TypeError, ValueError) as error:
        raise DbtCouldNotRun(
            f"run_results.json lacks what every dbt run writes ({error!r}): it is damaged or not "
            "dbt's. Run the build again."
        ) from None
    unknown = [unique_id for unique_id in statuses if unique_id not in manifest]
    if unknown:
        raise DbtCouldNotRun(
            f"run_results.json and manifest.json are of different projects or runs: {unknown[0]} "
            "is not in the manifest. Give each project its own target folder, and run again."
        )
    causes = SkipCauses(manifest, statuses)
    return BuildResults(
        nodes=tuple(
            _node_result(unique_id, entry, statuses[unique_id], manifest, causes)
            for unique_id, entry in entries
        ),
        invocation_id=str(metadata.get("invocation_id") or ""),
        generated_at=(generated_at if generated_at.tzinfo else generated_at.replace(tzinfo=UTC)),
        elapsed_seconds=elapsed,
        dbt_version=str(metadata.get("dbt_version") or ""),
    )


def _status(entry: Mapping[str, Any]) -> Status:
    # A status that later versions of dbt may add must not pass for a good one.
    return _STATUSES.get(str(entry["status"]), "error")


def _node_result(
    unique_id: str,
    entry: Mapping[str, Any],
    status: Status,
    manifest: Manifest,
    causes: SkipCauses,
) -> NodeResult:
    node = manifest.node(unique_id)
    is_test = node.get("resource_type") in ("test", "unit_test")
    kind = kind_of_test(node) if is_test else None
    config = node.get("config") or {}
    compiled = entry.get("compiled_code") or None
    message = entry.get("message")
    if status not in ("pass", "skipped"):
        message = safe_message(message, manifest, unique_id, compiled)
    group = manifest.group(unique_id)
    language = _text(node_meta(group).get("language"))
    rows = (entry.get("adapter_response") or {}).get("rows_affected")
    failures = entry.get("failures")
    return NodeResult(
        unique_id=unique_id,
        name=_name(unique_id, manifest),
        resource_type=str(node.get("resource_type") or unique_id.partition(".")[0]),
        status=status,
        severity=str(config.get("severity") or "error").lower() if is_test else None,
        failures=failures if isinstance(failures, int) and is_test else None,
        failure_unit=_failure_unit(kind, config),
        message=_text(message),
        seconds=float(entry.get("execution_time") or 0),
        rows=rows if isinstance(rows, int) and rows >= 0 and not is_test else None,
        relation_name=_text(entry.get("relation_name") or node.get("relation_name")),
        model=_model_name(unique_id, node, manifest) if is_test else None,
        column=plain_column(node.get("column_name")) if is_test else None,
        test_kind=kind,
        description=str(node.get("description") or ""),
        owner=owner_of(manifest, unique_id),
        language=language,
        fix=_fix(node, language),
        path=str(node.get("original_file_path") or ""),
        compiled_code=compiled if is_test else None,
        blocked_by=causes.names(unique_id) if status == "skipped" else (),
    )


def _failure_unit(kind: str | None, config: Mapping[str, Any]) -> str:
    fail_calc = str(config.get("fail_calc") or "count(*)").replace(" ", "").lower()
    return _UNITS.get(kind or "", "row") if fail_calc == "count(*)" else "result"


def _name(unique_id: str, manifest: Manifest) -> str:
    node = manifest.node(unique_id)
    # Its label names the model, with its version.
    is_unit_test = node.get("resource_type") == "unit_test"
    return str(node.get("name") or unique_id) if is_unit_test else manifest.name_of(unique_id)


def _model_name(unique_id: str, node: Mapping[str, Any], manifest: Manifest) -> str | None:
    tested = manifest.tested_node(unique_id)
    if tested and tested in manifest:
        return manifest.name_of(tested)
    return _text(node.get("model"))


def _fix(node: Mapping[str, Any], language: str | None) -> dict[str, str]:
    fix = node_meta(node).get("fix")
    if isinstance(fix, Mapping):
        return {str(key): str(text) for key, text in fix.items() if text}
    return {language or "en": str(fix)} if fix else {}


def _text(value: object) -> str | None:
    return str(value) if value not in (None, "") else None
