"""How much of a warning a team bears before it stops a publication.

A test says it in its own `config.meta.warn_budget`: at most so many `rows`, so large a `share` of
the model's rows, open for so many `days`. Severities stay as they are.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lakehouse.errors import WarnBudgetInvalid
from lakehouse.quality.dbt_manifest import node_meta
from lakehouse.quality.run_facts import BudgetBreach, WarnBudget


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rows: int | None = Field(default=None, ge=0)
    share: float | None = Field(default=None, ge=0, le=1)
    days: int | None = Field(default=None, ge=0)


def declared_budget(test: Mapping[str, Any]) -> WarnBudget | None:
    """The budget of a test of the manifest; None without one.

    Raises:
        WarnBudgetInvalid: naming the test, its file and what is wrong; a budget with a typing
            error would otherwise let everything through.
    """
    declared = node_meta(test).get("warn_budget")
    if declared is None:
        return None
    try:
        return WarnBudget(**_Declared.model_validate(declared).model_dump())
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'warn_budget'}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False)
        )
        raise WarnBudgetInvalid(
            f"Test {test.get('name')} in {test.get('original_file_path')}: its warn_budget cannot "
            f"be used ({faults}). It takes rows, share (0 to 1) and days."
        ) from None


def find_breach(
    budget: WarnBudget, *, failing_rows: int | None, model_rows: int | None, days_open: int
) -> BudgetBreach | None:
    """The first limit that a warning passes, None within its budget.

    Args:
        budget: what is borne.
        failing_rows: rows that fail; unknown passes no limit of rows.
        model_rows: rows of the tested model; 0 and unknown pass no share.
        days_open: whole days since the test warns.
    """
    if budget.rows is not None and failing_rows is not None and failing_rows > budget.rows:
        return BudgetBreach("rows", failing_rows, budget.rows)
    if budget.share is not None and failing_rows is not None and model_rows:
        share = failing_rows / model_rows
        if share > budget.share:
            return BudgetBreach("share", share, budget.share)
    if budget.days is not None and days_open > budget.days:
        return BudgetBreach("days", days_open, budget.days)
    return None


def breach_text(breach: BudgetBreach) -> str:
    """A breach in words for logs and states, such as `12 rows, its budget is 10`."""
    if breach.limit == "share":
        return f"{breach.found:.2%} of the rows, its budget is {breach.allowed:.2%}"
    return f"{breach.found:,.0f} {breach.limit}, its budget is {breach.allowed:,.0f}"
