"""dbt's own `sources.json` as results: how old the newest row of each source is.

Format: https://schemas.getdbt.com/dbt/sources/v3.json. Sources whose deliveries the ledger knows
are judged in `source_arrivals`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lakehouse.errors import DbtCouldNotRun
from lakehouse.quality.build_results import NodeResult, Status
from lakehouse.quality.dbt_manifest import Manifest
from lakehouse.quality.freshness_check import freshness_result
from lakehouse.quality.masking import safe_message
from lakehouse.quality.run_facts import SourceFacts

# dbt's `error` says that the source is older than `error_after`.
_STATUSES: Mapping[str, Status] = {"pass": "pass", "warn": "warn", "error": "fail"}
_HOURS = {"minute": 1 / 60, "hour": 1.0, "day": 24.0}
# For a table without a time dbt takes the first day there is.
_NO_ROW_YEAR = 1


@dataclass(frozen=True)
class _Judged:
    unique_id: str
    status: Status
    newest: datetime | None
    age_hours: float | None
    warn_after: float | None
    error_after: float | None
    message: str | None


def freshness_results(sources_json: Mapping[str, Any], manifest: Manifest) -> list[NodeResult]:
    """One result for each source that dbt judged; `error` is one that could not be judged.

    Args:
        sources_json: content of the file.
        manifest: knows owners and personal data.

    Raises:
        DbtCouldNotRun: a needed field is missing.
    """
    return [
        freshness_result(
            manifest,
            source.unique_id,
            status=source.status,
            age_hours=source.age_hours,
            warn_after_hours=source.warn_after,
            error_after_hours=source.error_after,
            message=source.message,
        )
        for source in _judged(sources_json, manifest)
    ]


def freshness_facts(sources_json: Mapping[str, Any], manifest: Manifest) -> list[SourceFacts]:
    """The same for a report's list of sources; of rows and files dbt knows nothing.

    Raises:
        DbtCouldNotRun: a needed field is missing.
    """
    return [
        SourceFacts(
            unique_id=source.unique_id,
            name=manifest.name_of(source.unique_id),
            arrival="late" if source.status in ("warn", "fail") else "unchanged",
            status=source.status,
            arrived_at=source.newest,
            age_hours=source.age_hours,
            warn_after_hours=source.warn_after,
            error_after_hours=source.error_after,
            group=manifest.group(source.unique_id).get("name"),
        )
        for source in _judged(sources_json, manifest)
    ]


def _judged(sources_json: Mapping[str, Any], manifest: Manifest) -> list[_Judged]:
    try:
        return [_judge(entry, manifest) for entry in sources_json["results"]]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DbtCouldNotRun(
            f"sources.json lacks what dbt writes into it ({error!r}): it is damaged or not dbt's. "
            "Run again."
        ) from None


def _judge(entry: Mapping[str, Any], manifest: Manifest) -> _Judged:
    unique_id = str(entry["unique_id"])
    # A status that later versions of dbt may add must not pass for a good one.
    status = _STATUSES.get(str(entry["status"]), "error")
    criteria = entry.get("criteria") or manifest.node(unique_id).get("freshness") or {}
    message, newest, age = None, None, None
    if status == "error":
        said = safe_message(entry.get("error"), manifest, unique_id, None)
        by_hand = f"dbt source freshness --select source:{manifest.name_of(unique_id)}"
        message = f"Its age could not be found out. {said or f'To read why, run: {by_hand}'}"
    else:
        newest = datetime.fromisoformat(str(entry["max_loaded_at"]))
        age = float(entry["max_loaded_at_time_ago_in_s"]) / 3600
        if newest.year == _NO_ROW_YEAR:
            newest, age = None, None
            message = "It has no row, or none with a time of loading."
        elif age < 0:
            message = "Its newest row is dated in the future, so that its age says nothing."
    return _Judged(
        unique_id=unique_id,
        status=status,
        newest=newest,
        age_hours=age,
        warn_after=_hours(criteria.get("warn_after")),
        error_after=_hours(criteria.get("error_after")),
        message=message,
    )


def _hours(limit: Mapping[str, Any] | None) -> float | None:
    if not limit or limit.get("count") is None:
        return None
    return float(limit["count"]) * _HOURS[str(limit["period"])]
