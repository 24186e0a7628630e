"""From one record element to the texts of its columns."""

from collections.abc import Sequence
from html import escape

from lxml import etree

from lakehouse.errors import DeliveryRefused
from lakehouse.formats.text_columns import NEW_COLUMNS_LIMIT
from lakehouse.formats.xml.paths import ColumnPath, Name, column_path
from lakehouse.source_catalog import Table

_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}"

Row = list[str | None]


class RecordUnfit(Exception):
    """A record that cannot become a row; says why, without values."""

    def __init__(self, column: str | None, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason


class RecordReader:
    """Reads records of a table into rows; learns undeclared elements and attributes as they come.

    Attributes:
        names: columns of a row so far; a row may be shorter than a later one.
        undeclared: those of them that the contract does not declare.
        has_loose_text: whether a record held text of its own that no column takes.
    """

    def __init__(self, table: Table, where: str) -> None:
        columns = [column for column in table.columns if column.name not in table.captured]
        self._where = where
        self._paths = {column.name: column_path(column, table) for column in columns}
        self._around = [name for name, path in self._paths.items() if path.is_around]
        self._placed = [name for name, path in self._paths.items() if _needs_search(path)]
        self.names = [*self._around, *self._placed]
        self._has_prefix = bool(self.names)
        self.undeclared: list[str] = []
        self.has_loose_text = False
        self._found: set[str] = set()
        self._parent: etree._Element | None = None
        self._constants: Row = []
        self._slots: dict[str, int | None] = {}
        self._shape: list[object] = []
        self._places: list[int] | None = []
        self._is_in_order = True
        self._takes_own_text = any(path == ColumnPath(()) for path in self._paths.values())

    @property
    def found_names(self) -> list[str]:
        """Those of `names` that a record had."""
        return [name for name in self.names if name in self._found]

    def read(self, record: etree._Element) -> Row:
        """The texts of a record, in the order of `names`, NULL where it has none.

        Raises:
            RecordUnfit: a declared column comes twice.
            DeliveryRefused: the record holds an entity, or there are too many columns.
        """
        children = list(record)
        shape: list[object] = [child.tag for child in children]
        keys = record.keys()
        if keys:
            shape += [f"@{key!s}" for key in keys]
        if shape != self._shape:
            self._learn(shape)
        row = self._prefix(record) if self._has_prefix else []
        if not self._takes_own_text and (text := record.text) and not text.isspace():
            self.has_loose_text = True
        if self._places is None:
            return self._read_unusual(record, children, shape, row)
        if any(map(len, children)):
            texts: Row = [_text(child) for child in children]
        else:
            texts = [child.text for child in children]
            if None in texts:
                texts = [_text(child) for child in children]
        if keys:
            texts += [str(value) for value in record.values()]
        if self._is_in_order:
            return row + texts if row else texts
        row += [None] * (len(self.names) - len(row))
        for place, text in zip(self._places, texts, strict=True):
            row[place] = text
        return row

    def _learn(self, shape: list[object]) -> None:
        """Remember where the parts of such a record go; None where they need a closer look."""
        places = [self._slot(tag) for tag in shape if isinstance(tag, str)]
        known = [place for place in places if place is not None]
        is_simple = len(known) == len(shape) == len(set(known))
        self._shape, self._places = shape, known if is_simple else None
        first = len(self._around) + len(self._placed)
        self._is_in_order = known == list(range(first, first + len(known)))

    def _slot(self, tag: str) -> int | None:
        """Place of an element, or attribute as `@tag`, in a row; None where it has none."""
        if tag not in self._slots:
            self._slots[tag] = self._new_slot(tag)
        return self._slots[tag]

    def _new_slot(self, tag: str) -> int | None:
        mark, plain = ("@", tag[1:]) if tag.startswith("@") else ("", tag)
        for name, path in self._paths.items():
            end = path.attribute if mark else path.steps[0] if path.steps else None
            if path.is_around or end is None or not end.fits(plain) or (mark and path.steps):
                continue
            # What a longer path reaches into is no column beside that path.
            return None if name in self._placed else self._place(name)
        if plain.startswith(_INSTANCE):
            return None
        name = mark + Name.parse(plain).local
        name = f"./{name}" if name in self._paths else name
        if name not in self.names:
            self.undeclared.append(name)
        if len(self.undeclared) > NEW_COLUMNS_LIMIT:
            raise DeliveryRefused(
                f"{self._where}: the records have more than {NEW_COLUMNS_LIMIT} elements that are "
                "not declared. Check record_path."
            )
        return self._place(name)

    def _place(self, name: str) -> int:
        self._found.add(name)
        if name not in self.names:
            self.names.append(name)
        return self.names.index(name)

    def _prefix(self, record: etree._Element) -> Row:
        """Values of the columns that have longer paths."""
        if self._around and (parent := record.getparent()) is not self._parent:
            self._parent = parent
            self._constants = [self._constant(name, record) for name in self._around]
        row = self._constants.copy()
        for name in self._placed:
            found = _values(record, self._paths[name])
            if len(found) > 1:
                raise RecordUnfit(name, f"its path fits {len(found)} times")
            if found:
                self._found.add(name)
            row.append(found[0] if found else None)
        return row

    def _constant(self, name: str, record: etree._Element) -> str | None:
        path, chain = self._paths[name], [*record.iterancestors()]
        found = _attributes(chain[len(chain) - len(path.steps)], path.attribute)
        if found:
            self._found.add(name)
        return found[0] if found else None

    def _read_unusual(
        self,
        record: etree._Element,
        children: Sequence[etree._Element],
        shape: Sequence[object],
        row: Row,
    ) -> Row:
        for child in children:
            _refuse_entity(child)
        parts: dict[int, list[etree._Element | str]] = {}
        values: list[etree._Element | str] = [*children, *map(str, record.values())]
        for tag, part in zip(shape, values, strict=True):
            if isinstance(tag, str) and (place := self._slot(tag)) is not None:
                parts.setdefault(place, []).append(part)
        row += [None] * (len(self.names) - len(row))
        for place, found in parts.items():
            if len(found) == 1:
                row[place] = found[0] if isinstance(found[0], str) else _text(found[0])
            elif self.names[place] in self.undeclared:
                row[place] = "".join(_serialised(part) for part in found)
            else:
                raise RecordUnfit(self.names[place], f"comes {len(found)} times")
        return row


def _needs_search(path: ColumnPath) -> bool:
    """Whether a column is neither a child element nor an attribute of the record."""
    return not path.is_around and len(path.steps) + (path.attribute is not None) != 1


def _values(record: etree._Element, path: ColumnPath) -> list[str | None]:
    holders = [record]
    for step in path.steps:
        holders = [
            child
            for holder in holders
            for child in holder.iterchildren(etree.Element)
            if step.fits(str(child.tag))
        ]
    if path.attribute is not None:
        return [value for holder in holders for value in _attributes(holder, path.attribute)]
    if not path.steps:
        return [_own_text(record)]
    return [_text(holder) for holder in holders]


def _attributes(element: etree._Element, name: Name | None) -> list[str | None]:
    return [str(value) for key, value in element.items() if name and name.fits(str(key))]


def _text(element: etree._Element) -> str | None:
    """Text of an element: without comments, as XML where it has elements, NULL where it is nil."""
    if not len(element):
        text = element.text
        if text is None:
            return None if element.get(_NIL) in ("true", "1") else ""
        return text
    if not any(isinstance(node.tag, str) for node in element):
        return _own_text(element)
    inner = escape(element.text or "", quote=False)
    for node in element:
        _refuse_entity(node)
        inner += etree.tostring(node, encoding="unicode")
    return inner


def _own_text(element: etree._Element) -> str:
    """Text that stands in the element itself, not in its children."""
    text = element.text or ""
    for node in element:
        _refuse_entity(node)
        text += node.tail or ""
    return text


def _serialised(part: etree._Element | str) -> str:
    if isinstance(part, str):
        return escape(part, quote=False)
    return etree.tostring(part, encoding="unicode", with_tail=False)


def _refuse_entity(node: etree._Element) -> None:
    if node.tag is etree.Entity:
        raise DeliveryRefused(
            f"line {node.sourceline}: the entity {node.text} is not declared, and entities are "
            "never expanded. Ask the sender for a document without them."
        )
