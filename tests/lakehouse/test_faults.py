import inspect
from typing import get_args

import pytest

from lakehouse import errors
from lakehouse.faults import ErrorType, error_type_of, fault_of


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.LandingFolderMissing("x"), "source_unreachable"),
        (errors.HostKeyUnknown("x"), "source_unreachable"),
        (errors.DatabaseUnavailable("x"), "source_unreachable"),
        (errors.ApiUnavailable("x"), "source_unreachable"),
        (errors.VariableMissing("x"), "source_unreachable"),
        (errors.SchemaChanged("x"), "schema_mismatch"),
        (errors.RelationMissing("x"), "schema_mismatch"),
        (errors.ColumnsUnfit("x"), "schema_mismatch"),
        (errors.RowsUnfit("x"), "rows_refused"),
        (errors.RowCountCollapsed("x"), "row_count_collapsed"),
        (errors.DeliveryRefused("x"), "file_unreadable"),
        (errors.DeliveryUnreadable("x"), "file_unreadable"),
        (errors.PublishRefused("x"), "publish_refused"),
        (errors.PublishUnverified("x"), "publish_refused"),
        (errors.ResourcesExhausted("x"), "step_failed"),
        (errors.DbtCouldNotRun("x"), "step_failed"),
        (ValueError("x"), "step_failed"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
def test_the_class_of_an_error_decides_its_kind(error, kind):
    assert error_type_of(error) == kind


def test_every_error_of_ours_has_one_of_the_kinds():
    for _, family in inspect.getmembers(errors, inspect.isclass):
        if issubclass(family, errors.AljibeError):
            assert error_type_of(family("why")) in get_args(ErrorType)


def test_words_of_ours_are_kept_and_of_others_only_the_class():
    ours = fault_of("extract", "shop.sales", errors.ApiRefused("401: look at the token"))
    assert (ours.message, ours.details) == ("401: look at the token", {"error": "ApiRefused"})
    others = fault_of("load", None, ValueError("canary@example.com is no number"))
    assert "canary" not in others.message
    assert "ValueError" in others.message
