"""What a figure of the dashboard is: declared in `config.meta.figures` of a dbt exposure."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lakehouse.reports.wording import LANGUAGES

Show = Literal["number", "months", "bars", "table"]
Measure = Literal["sum", "mean", "count", "share"]
Unit = Literal["count", "share", "percent", "days", "score", "BRL", "ARS", "USD"]
Column = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=63)]
# One word for every language, or one for each.
Label = Annotated[str, Field(min_length=1)] | dict[Literal["en", "es", "pt"], str]


class Figure(BaseModel):
    """One figure of a board.

    Attributes:
        name: unique in its board; letters, digits and `_`.
        label: what it is called, in one or in each language.
        model: published table that it is read from.
        show: a number; columns by month; bars by the values of `by`; or rows of the table.
        measure: sum or mean of `column`, count of rows, or share of rows in which `column` is true.
        column: what is measured.
        per: with `sum`: divided by the sum of this column.
        by: column whose values the bars stand for.
        period: date or timestamp that the chosen period and `months` go by; a figure without it
            is the same for every period.
        where: values that columns must have.
        unit: how the value is written; `share` is from 0 to 1, `percent` from 0 to 100.
        columns: of a `table`, in this order.
        order: column by which a `table` is sorted, the greatest first.
        top: bars or rows shown at most.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Column
    label: Label
    model: Column
    show: Show
    measure: Measure = "sum"
    column: Column | None = None
    per: Column | None = None
    by: Column | None = None
    period: Column | None = None
    where: dict[Column, bool | int | str] = Field(default_factory=dict)
    unit: Unit = "count"
    columns: tuple[Column, ...] = ()
    order: Column | None = None
    top: int = Field(default=10, ge=1, le=50)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needs = {
            "by": self.show == "bars",
            "period": self.show == "months",
            "columns": self.show == "table",
            "column": self.show != "table" and self.measure != "count",
        }
        for field, is_needed in needs.items():
            if is_needed and not getattr(self, field):
                raise ValueError(f"{field} is missing: show: {self.show} needs it")
        if self.per and self.measure != "sum":
            raise ValueError("per goes with measure: sum")
        if isinstance(self.label, dict) and set(self.label) != set(LANGUAGES):
            raise ValueError(f"label is a text, or has one for each of {', '.join(LANGUAGES)}")
        return self

    @property
    def columns_read(self) -> frozenset[str]:
        """Every column that it reads."""
        named = (self.column, self.per, self.by, self.period, self.order)
        return frozenset([*filter(None, named), *self.columns, *self.where])

    def title(self, language: str) -> str:
        """What it is called in a language."""
        if isinstance(self.label, str):
            return self.label
        return next((text for key, text in self.label.items() if key == language), self.name)
