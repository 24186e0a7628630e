"""Where records and their columns are in an XML document: the paths of a contract, parsed.

A subset of XPath: `/catalogo/producto` for records; `precio/lista`, `@id`, `precio/@moneda` from
the record, `.` for its own text, and `/catalogo/@fecha` for an attribute of what it stands in.
"""

import re
from dataclasses import dataclass

from lakehouse.errors import CatalogInvalid
from lakehouse.source_catalog import Column, Table

_NAME = r"(?:\{[^{}]*\})?[^/{}@\s]+"
_NAMES = re.compile(_NAME)
_PATH = re.compile(
    rf"(?P<root>/)?(?P<elements>{_NAME}(?:/{_NAME})*)?(?:(?:^|/)@(?P<attribute>{_NAME}))?"
)


@dataclass(frozen=True)
class Name:
    """Name of an element or attribute.

    Attributes:
        local: without prefix.
        uri: of its namespace; None for any.
    """

    local: str
    uri: str | None = None

    @classmethod
    def parse(cls, written: str) -> "Name":
        """Read `local` or `{uri}local`, which is also how lxml writes a tag."""
        uri, brace, local = written.rpartition("}")
        return cls(local, uri.removeprefix("{") if brace else None)

    def fits(self, tag: str) -> bool:
        """Whether an element or attribute with this tag of lxml is meant."""
        uri, _, local = tag.rpartition("}")
        return local == self.local and self.uri in (None, uri.removeprefix("{"))


@dataclass(frozen=True)
class ColumnPath:
    """Where a column is.

    Attributes:
        steps: elements, from the record; from the document where `is_around`.
        attribute: of the last element, or None for its text.
        is_around: whether it is an attribute of an element in which the records stand.
    """

    steps: tuple[Name, ...]
    attribute: Name | None = None
    is_around: bool = False


def record_path(table: Table) -> tuple[Name, ...]:
    """Names from the document element to the record.

    Raises:
        CatalogInvalid: the path is not one.
    """
    written = table.meta.file.record_path or ""
    match = _PATH.fullmatch(written)
    if not match or not match["root"] or not match["elements"] or match["attribute"]:
        raise CatalogInvalid(
            f"{table.full_name}, field config.meta.record_path: {written!r} is no path of elements "
            "such as /catalogo/producto."
        )
    return _names(match["elements"])


def column_path(column: Column, table: Table) -> ColumnPath:
    """Where a column is; under its own name where the contract says nothing.

    Raises:
        CatalogInvalid: its path is not one.
    """
    if column.path is None:
        return ColumnPath((Name(column.name),))
    if column.path == ".":
        return ColumnPath(())
    records, match = record_path(table), _PATH.fullmatch(column.path)
    if match and (match["elements"] or match["attribute"]):
        steps = _names(match["elements"] or "")
        attribute = Name.parse(match["attribute"]) if match["attribute"] else None
        if not match["root"]:
            return ColumnPath(steps, attribute)
        if steps[: len(records)] == records:
            return ColumnPath(steps[len(records) :], attribute)
        if steps and steps == records[: len(steps)] and attribute:
            return ColumnPath(steps, attribute, is_around=True)
    raise CatalogInvalid(
        f"{table.full_name}, column {column.name}, field config.meta.path: {column.path!r} is "
        "neither a path from the record, such as precio/@moneda, nor an attribute of an element "
        f"of {table.meta.file.record_path}."
    )


def _names(written: str) -> tuple[Name, ...]:
    return tuple(Name.parse(name) for name in _NAMES.findall(written))
