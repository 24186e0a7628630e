"""Faults as rows of `etl.error_log`: where one happened, of which kind it is, what is said of it.

Kinds follow from the class of an error, never from its words. How faults are kept and settled is
the matter of `lakehouse.lake.error_ledger`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args

from lakehouse import errors

Stage = Literal["extract", "load", "transform", "publish"]
ErrorType = Literal[
    "file_missing",
    "source_unreachable",
    "source_stale",
    "file_unreadable",
    "schema_mismatch",
    "new_column",
    "values_refused",
    "rows_refused",
    "row_count_collapsed",
    "model_failed",
    "test_failed",
    "publish_refused",
    "step_failed",
]
Resolution = Literal["OPEN", "RESOLVED", "IGNORED"]
ERROR_TYPES: tuple[ErrorType, ...] = get_args(ErrorType)

# The first class that fits decides.
_TYPES: tuple[tuple[type[Exception], ErrorType], ...] = (
    (errors.RowCountCollapsed, "row_count_collapsed"),
    (errors.ColumnsUnfit, "schema_mismatch"),
    (errors.RowsUnfit, "rows_refused"),
    (errors.DeliveryRefused, "file_unreadable"),
    (errors.DeliveryUnreadable, "file_unreadable"),
    (errors.SchemaChanged, "schema_mismatch"),
    (errors.RelationMissing, "schema_mismatch"),
    (errors.LandingFolderMissing, "source_unreachable"),
    (errors.RemoteFolderRefused, "source_unreachable"),
    (errors.RemoteFolderUnavailable, "source_unreachable"),
    (errors.HostKeyUnknown, "source_unreachable"),
    (errors.DatabaseRefused, "source_unreachable"),
    (errors.DatabaseUnavailable, "source_unreachable"),
    (errors.ApiRefused, "source_unreachable"),
    (errors.ApiUnavailable, "source_unreachable"),
    (errors.BlockInvalid, "source_unreachable"),
    (errors.PrefectUnavailable, "source_unreachable"),
    (errors.PublishRefused, "publish_refused"),
    (errors.PublishUnverified, "publish_refused"),
    (errors.ServingRefused, "publish_refused"),
)


@dataclass(frozen=True)
class Fault:
    """One fault, as whoever met it tells it.

    Attributes:
        stage: of the pipeline.
        table: `source.table`, a source where all of its tables are concerned, a model, or None
            where the step as a whole could not be done.
        error_type: its kind.
        message: what happened and what to do, without values of rows.
        subject: file or dbt node; with stage, table and type it tells a fault from others.
        at: when it was met, UTC; None for the moment at which it is recorded.
        details: what else is known, as JSON types.
    """

    stage: Stage
    table: str | None
    error_type: ErrorType
    message: str
    subject: str = ""
    at: datetime | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def error_type_of(error: BaseException) -> ErrorType:
    """The kind of an error; `step_failed` for what says nothing of data, such as a full disk."""
    return next((kind for family, kind in _TYPES if isinstance(error, family)), "step_failed")


def fault_of(stage: Stage, table: str | None, error: BaseException, *, subject: str = "") -> Fault:
    """An error as a fault.

    Words of errors that are not ours may quote a value: of those only the class is told.
    """
    kind = type(error).__name__
    message = str(error) if isinstance(error, errors.AljibeError) else f"{kind}; see the run's log"
    return Fault(stage, table, error_type_of(error), message, subject, details={"error": kind})
