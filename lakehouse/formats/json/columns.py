"""Which key of a JSON record becomes which column, and which keys cannot."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from lakehouse.errors import ColumnsUnfit, DeliveryRefused
from lakehouse.formats.json.location import path_steps
from lakehouse.source_catalog import METADATA_COLUMNS, Table

# More are data that a sender put where names belong.
MAX_NEW_COLUMNS = 1_000


@dataclass(frozen=True)
class JsonColumn:
    """A column and where its value is in a record.

    Attributes:
        name: of the column.
        steps: keys from the record down to the value.
        is_exact: whether it is declared an integer or decimal.
    """

    name: str
    steps: tuple[str, ...]
    is_exact: bool = False

    @property
    def key(self) -> str:
        """The record's own key, at or above the value."""
        return self.steps[0]

    @property
    def pointer(self) -> str:
        """From the value of `key` down to the value (RFC 6901)."""
        return json_pointer(self.steps[1:])


@dataclass
class RecordKeys:
    """The keys of a table's records, held against its contract record by record.

    Attributes:
        table: with declared columns and their paths.
        seen: keys that came so far, in the order of their coming.
        reached: steps of columns below a key that some record had.
    """

    table: Table
    seen: dict[str, None] = field(default_factory=dict)
    reached: set[tuple[str, ...]] = field(default_factory=set)
    _folded: dict[str, str] = field(default_factory=dict)
    _judged: set[tuple[str, ...]] = field(default_factory=set)
    _declared_keys: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for column in self.declared:
            self._folded.setdefault(column.key.casefold(), column.key)
            self._declared_keys.add(column.key)

    def fault(self, keys: tuple[str, ...]) -> str | None:
        """Why a record with these keys cannot be a row; None where it can."""
        if keys in self._judged:
            return None
        reason = next(filter(None, map(self._name_fault, keys)), None)
        reason = reason or self._doubled(keys)
        if reason:
            return reason
        for key in keys:
            self._folded.setdefault(key.casefold(), key)
            self.seen.setdefault(key)
        if len(self._judged) < MAX_NEW_COLUMNS:
            self._judged.add(keys)
        return None

    @property
    def new_columns(self) -> tuple[str, ...]:
        """Keys that came and that no column is declared for."""
        declared = {column.key for column in self.declared if len(column.steps) == 1}
        return tuple(key for key in self.seen if key not in declared)

    def columns(self, where: str, *, rows: int) -> tuple[JsonColumn, ...]:
        """The columns of these records: those declared, then new ones.

        A key whose inner values alone are declared is a new column too: nothing is lost.

        Args:
            where: table and file, for messages.
            rows: records that can be rows; without any, nothing is missing.

        Raises:
            DeliveryRefused: a declared key came in no record, or too many undeclared ones did.
        """
        captured = self.table.captured
        present = [c for c in self.declared if c.key in self.seen or c.name not in captured]
        missing = [c.name for c in self.declared if not self._came(c) and c.name not in captured]
        if rows and missing:
            raise ColumnsUnfit(
                f"{where}: no record has the keys of the declared columns {', '.join(missing)}; "
                f"they have {', '.join(list(self.seen)[:20]) or 'none'}. Correct the file, or "
                "the columns and their path.",
                rows=rows,
            )
        new = self.new_columns
        if len(new) > MAX_NEW_COLUMNS:
            raise DeliveryRefused(
                f"{where}: its records have {len(new)} different keys that are not declared. "
                "Values seem to stand where names belong; declare the object above them as json.",
                rows=rows,
            )
        declared = {column.name.casefold() for column in self.declared}
        if clash := [name for name in new if name.casefold() in declared]:
            raise DeliveryRefused(
                f"{where}: the keys {', '.join(clash)} are not declared, but have the names of "
                "columns that are read from elsewhere. Rename those columns.",
                rows=rows,
            )
        return (*present, *(JsonColumn(name, (name,)) for name in new))

    @cached_property
    def declared(self) -> tuple[JsonColumn, ...]:
        """The declared columns, in their order."""
        return tuple(
            JsonColumn(
                column.name,
                path_steps(column.path) if column.path else (column.name,),
                column.type.kind in ("integer", "decimal"),
            )
            for column in self.table.columns
        )

    def _came(self, column: JsonColumn) -> bool:
        return column.steps in self.reached if len(column.steps) > 1 else column.key in self.seen

    def _name_fault(self, key: str) -> str | None:
        known = self._folded.get(key.casefold(), key)
        if key == known and key in self._declared_keys:
            return None
        if known != key:
            return f"its key {key} differs from {known} only in its letters' case"
        if not key or "\0" in key:
            return "it has a key without a name" if not key else "it has a key that holds a NUL"
        if key.casefold() in METADATA_COLUMNS:
            return f"its key {key} is the name of a column that the lake adds itself"
        return f"its key {key!r} begins or ends with a blank" if key != key.strip() else None

    def _doubled(self, keys: Sequence[str]) -> str | None:
        if len(set(keys)) < len(keys):
            return f"the key {_first_doubled(keys)} comes twice"
        folded = [key.casefold() for key in keys]
        if len(set(folded)) < len(folded):
            return f"the key {_first_doubled(folded)} comes twice, in other letters"
        return None


def json_pointer(steps: Iterable[str]) -> str:
    """JSON pointer (RFC 6901) of these keys."""
    escaped = (step.replace("~", "~0").replace("/", "~1") for step in steps)
    return "".join(f"/{step}" for step in escaped)


def _first_doubled(keys: Iterable[str]) -> str:
    seen: set[str] = set()
    return next(key for key in keys if key in seen or seen.add(key))  # type: ignore[func-returns-value]
