"""Which line of the delivered file each row of a staged file starts on."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from duckdb.func import PythonUDFType
from numpy.typing import NDArray

_FUNCTION_NUMBERS = count()


@dataclass(frozen=True, eq=False)
class LineBreaks:
    """Line numbers as a step function: line = ordinal + offset of the last break at or before it.

    Attributes:
        ordinals: int64, ascending from 0; ordinal of the first row that an offset holds for.
        offsets: int64, as long as `ordinals`.
    """

    ordinals: NDArray[np.int64]
    offsets: NDArray[np.int64]

    @classmethod
    def from_steps(cls, ordinals: Sequence[int], offsets: Sequence[int]) -> "LineBreaks":
        """Build from parallel sequences, which may be empty for a file without rows."""
        return cls(
            np.asarray(ordinals if len(ordinals) else [0], dtype=np.int64),
            np.asarray(offsets if len(offsets) else [0], dtype=np.int64),
        )

    @property
    def constant_offset(self) -> int | None:
        """The one offset that holds for every row, or None where there are several."""
        return int(self.offsets[0]) if len(self.offsets) == 1 else None

    def lines_of(self, ordinals: NDArray[np.int64]) -> NDArray[np.int64]:
        """Lines (1-based) on which the rows with these ordinals (0-based) start."""
        steps = np.searchsorted(self.ordinals, ordinals, side="right") - 1
        return ordinals + self.offsets[steps]


def source_line_sql(
    connection: duckdb.DuckDBPyConnection,
    breaks: LineBreaks | None,
    ordinal: str = "file_row_number",
) -> str:
    """SQL expression of type BIGINT for the source line of a row of a staged file.

    Several breaks are looked up by a function that is registered on `connection`; it works
    vector by vector, so that the rows keep streaming in their order (a join would sort them).

    Args:
        connection: the connection that will run the expression.
        breaks: of the staged file; None makes the expression NULL.
        ordinal: SQL of the row's 0-based ordinal, from `read_parquet(..., file_row_number=true)`.
    """
    if breaks is None:
        return "cast(null as bigint)"
    if breaks.constant_offset is not None:
        return f"cast({ordinal} + {breaks.constant_offset} as bigint)"

    def lines(ordinals: Any) -> Any:
        return pa.array(breaks.lines_of(ordinals.to_numpy()), type=pa.int64())

    name = f"source_line_{next(_FUNCTION_NUMBERS)}"
    connection.create_function(name, lines, ["BIGINT"], "BIGINT", type=PythonUDFType.ARROW)
    return f"{name}(cast({ordinal} as bigint))"
