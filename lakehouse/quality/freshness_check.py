"""The freshness of a source as a result beside those of the tests."""

from lakehouse.quality.build_results import NodeResult, Status
from lakehouse.quality.dbt_manifest import Manifest, node_meta, owner_of

FRESHNESS = "freshness"


def freshness_result(
    manifest: Manifest,
    unique_id: str,
    *,
    status: Status,
    age_hours: float | None,
    warn_after_hours: float | None,
    error_after_hours: float | None,
    message: str | None = None,
) -> NodeResult:
    """One source's freshness.

    Args:
        manifest: knows the source's owner and description.
        unique_id: of the source.
        status: pass, warn (older than `warn_after`), fail (older than `error_after`) or error.
        age_hours: age of the newest delivery; None if there never was one.
        warn_after_hours: where declared.
        error_after_hours: where declared.
        message: what is to be said instead, such as why it could not be judged.
    """
    node = manifest.node(unique_id)
    group = manifest.group(unique_id)
    name = f"{node.get('source_name')}.{node.get('name')}"
    limit = error_after_hours if status == "fail" else warn_after_hours
    if limit is None:
        limit = error_after_hours
    return NodeResult(
        unique_id=unique_id,
        name=f"freshness of {name}",
        resource_type="source",
        status=status,
        severity="error" if error_after_hours is not None else "warn",
        message=message or _age_message(age_hours, limit),
        model=name,
        test_kind=FRESHNESS,
        description="",
        owner=owner_of(manifest, unique_id),
        language=str(node_meta(group).get("language") or "") or None,
        path=str(node.get("original_file_path") or ""),
    )


def _age_message(age_hours: float | None, limit_hours: float | None) -> str:
    allowed = "" if limit_hours is None else f"; at most {_span(limit_hours)} is allowed"
    if age_hours is None:
        return f"Nothing was ever delivered{allowed}."
    return f"The newest delivery is {_span(age_hours)} old{allowed}."


def _span(hours: float) -> str:
    for length, unit in ((24.0, "day"), (1.0, "hour"), (1 / 60, "minute")):
        if hours >= length or unit == "minute":
            count = f"{hours / length:.1f}".removesuffix(".0")
            return f"{count} {unit}{'' if count == '1' else 's'}"
    return ""
