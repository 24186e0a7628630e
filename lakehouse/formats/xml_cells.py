"""From one record element to the texts of its columns."""

from collections.abc import Sequence
from html import escape

from lxml import etree

from lakehouse.errors import DeliveryRefused
from lakehouse.formats.xml_paths import ColumnPath, Name, column_path
from lakehouse.source_catalog import Column, Table

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

    def __init__(self, table: Table) -> None:
        columns = [column for column in table.columns if column.name not in table.captured]
        paths = [(column, column_path(column, table)) for column in columns]
        self._around = [pair for pair in paths if pair[1].is_around]
        self._placed = [pair for pair in paths if not pair[1].is_around and not _is_child(pair[1])]
        self._children = [pair for pair in paths if _is_child(pair[1])]
        self.names = [column.name for column, _ in (*self._around, *self._placed)]
        self.undeclared: list[str] = []
        self.has_loose_text = False
        self._found: set[str] = set()
        self._parent: etree._Element | None = None
        self._constants: Row = []
        self._slots: dict[str, int | None] = {}
        self._shape: list[object] = []
        self._places: list[int] | None = None
        self._takes_own_text = any(not path.steps and not path.attribute for _, path in paths)

    @property
    def missing(self) -> list[str]:
        """Declared columns that no record had so far."""
        declared = [column.name for column, _ in (*self._around, *self._placed, *self._children)]
        return [name for name in declared if name not in self._found]

    def read(self, record: etree._Element) -> Row:
        """The texts of a record, in the order of `names`, NULL where it has none.

        Raises:
            RecordUnfit: a declared column comes twice.
            DeliveryRefused: the record holds an entity.
        """
        children = list(record)
        shape: list[object] = [child.tag for child in children]
        if shape != self._shape:
            self._learn(shape)
        row = self._prefix(record)
        if not self._takes_own_text and (text := record.text) and not text.isspace():
            self.has_loose_text = True
        if self._places is None or record.keys() or any(map(len, children)):
            return self._read_slowly(record, children, row)
        texts: Row = [child.text for child in children]
        if None in texts:
            texts = [_text(child) for child in children]
        first = len(row)
        if self._places == list(range(first, first + len(texts))):
            return row + texts
        row += [None] * (len(self.names) - first)
        for place, text in zip(self._places, texts, strict=True):
            row[place] = text
        return row

    def _learn(self, shape: list[object]) -> None:
        """Remember where the children of such a record go; None where they need a closer look."""
        tags = [tag for tag in shape if isinstance(tag, str)]
        places = [self._slot(tag) for tag in tags]
        known = [place for place in places if place is not None]
        simple = len(known) == len(shape) == len(set(known))
        self._shape, self._places = shape, known if simple else None

    def _slot(self, tag: str) -> int | None:
        """Place of an element in a row; None where paths reach into it instead."""
        if tag not in self._slots:
            self._slots[tag] = self._new_slot(tag)
        return self._slots[tag]

    def _new_slot(self, tag: str) -> int | None:
        for column, path in self._children:
            if path.steps[0].fits(tag):
                self._found.add(column.name)
                return self._place(column.name)
        if any(path.steps and path.steps[0].fits(tag) for _, path in self._placed):
            return None
        return self._undeclared_place(Name.parse(tag).local)

    def _attribute_slot(self, key: str) -> int | None:
        known = self._slots.get(f"@{key}", -1)
        if known != -1:
            return known
        reached = any(
            not path.steps and path.attribute and path.attribute.fits(key)
            for _, path in self._placed
        )
        skipped = reached or key.startswith(_INSTANCE)
        place = None if skipped else self._undeclared_place(f"@{Name.parse(key).local}")
        self._slots[f"@{key}"] = place
        return place

    def _undeclared_place(self, name: str) -> int:
        if name not in self.names:
            self.undeclared.append(name)
        return self._place(name)

    def _place(self, name: str) -> int:
        if name not in self.names:
            self.names.append(name)
        return self.names.index(name)

    def _prefix(self, record: etree._Element) -> Row:
        """Values of the columns that have paths of their own."""
        if self._around and (parent := record.getparent()) is not self._parent:
            self._parent = parent
            self._constants = [self._constant(column, path, record) for column, path in self._around]
        row = self._constants.copy()
        for column, path in self._placed:
            found = _values(record, path)
            if len(found) > 1:
                raise RecordUnfit(column.name, f"{column.path} comes {len(found)} times")
            if found:
                self._found.add(column.name)
            row.append(found[0] if found else None)
        return row

    def _constant(self, column: Column, path: ColumnPath, record: etree._Element) -> str | None:
        chain = [*record.iterancestors()]
        holder = chain[len(chain) - len(path.steps)]
        found = _attributes(holder, path.attribute)
        if found:
            self._found.add(column.name)
        return found[0] if found else None

    def _read_slowly(
        self, record: etree._Element, children: Sequence[etree._Element], row: Row
    ) -> Row:
        found: dict[int, list[etree._Element]] = {}
        for child in children:
            if child.tag is etree.Entity:
                _refuse_entity(child)
            if isinstance(child.tag, str) and (place := self._slot(child.tag)) is not None:
                found.setdefault(place, []).append(child)
        given = {
            place: record.get(key)
            for key in record.keys()  # noqa: SIM118 - an element iterates over its children
            if (place := self._attribute_slot(str(key))) is not None
        }
        row += [None] * (len(self.names) - len(row))
        for place, value in given.items():
            row[place] = value
        for place, elements in found.items():
            name = self.names[place]
            if len(elements) == 1:
                row[place] = _text(elements[0])
            elif name in self.undeclared:
                row[place] = "".join(_serialised(element) for element in elements)
            else:
                raise RecordUnfit(name, f"the element comes {len(elements)} times")
        return row


def _is_child(path: ColumnPath) -> bool:
    return len(path.steps) == 1 and path.attribute is None and not path.is_around


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
        if node.tag is etree.Entity:
            _refuse_entity(node)
        inner += etree.tostring(node, encoding="unicode")
    return inner


def _own_text(element: etree._Element) -> str:
    """Text that stands in the element itself, not in its children."""
    text = element.text or ""
    for node in element:
        if node.tag is etree.Entity:
            _refuse_entity(node)
        text += node.tail or ""
    return text


def _serialised(element: etree._Element) -> str:
    return etree.tostring(element, encoding="unicode", with_tail=False)


def _refuse_entity(entity: etree._Element) -> None:
    raise DeliveryRefused(
        f"line {entity.sourceline}: the entity {entity.text} is not declared, and entities are "
        "never expanded. Ask the sender for a document without them."
    )
