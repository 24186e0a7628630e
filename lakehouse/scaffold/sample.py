"""What a look at a source shows, before anything is decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SAMPLE_ROWS = 10_000


@dataclass(frozen=True)
class SampledColumn:
    """A column with the texts of its first rows.

    Attributes:
        name: as delivered.
        texts: cells of the first rows; None where there is none.
        data_type: the contract's type where the source itself says it, else None.
        meta: `config.meta` of the column, such as its path.
    """

    name: str
    texts: Sequence[str | None] = ()
    data_type: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Sample:
    """The shape of a table of a source.

    Attributes:
        meta: fields of the table's `config.meta`, such as format and sheet, without its load.
        dialect: fields of the dialect that differ from the defaults, without formats of dates.
        columns: in their order.
        key: columns that identify a row, where the source says so.
        doubts: what a person should check.
    """

    meta: Mapping[str, Any]
    columns: Sequence[SampledColumn]
    dialect: Mapping[str, Any] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
