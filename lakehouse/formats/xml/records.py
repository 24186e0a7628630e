"""The records of an XML document, one after another, in memory that does not grow with it.

Parsed by lxml without `huge_tree`: libxml2 itself stops at 256 levels, at 10 MB in one text,
attribute or comment, and at entities that multiply. Nothing is fetched, nothing expanded.
"""

import codecs
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lxml import etree

from lakehouse.errors import DeliveryRefused
from lakehouse.formats.xml.lines import start_lines
from lakehouse.formats.xml.paths import Name

# Small enough to be worked on while it is in the processor's cache: measured faster than 256 KiB.
CHUNK_BYTES = 1 << 15
RECORD_BYTES = 8 << 20
_AROUND_BYTES = 16 << 20
_FOREIGN_ENTITY = re.compile(rb"&(?!#|(?:lt|gt|amp|quot|apos);)")


class RecordStream:
    """Yields (record, line) for each element at a path; a record is whole until the next one.

    Attributes:
        bytes_read: of the document, so far.
        encoding: as the document declares it.
        root_tag: of the document element, as lxml writes it.
    """

    def __init__(self, file: Path, path: tuple[Name, ...], where: str) -> None:
        """Look at the beginning of the document.

        Raises:
            DeliveryRefused: it needs entities, or has another document element.
            lxml.etree.XMLSyntaxError: it is no XML.
        """
        self.bytes_read = 0
        self._file, self._path, self._where = file, path, where
        self._record: etree._Element | None = None
        self._record_at = 0
        self._ended_at: int | None = None
        self.root_tag, self.encoding = self._probe()

    def __iter__(self) -> Iterator[tuple[etree._Element, int | None]]:
        local = self._path[-1].local
        lines = start_lines(self._file, local, self.encoding)
        names = [self._path[0], self._path[-1]]
        parser = _parser(("start", "end"), [f"{{*}}{name.local}" for name in names])
        root: etree._Element | None = None
        family: etree._Element | None = None
        record: etree._Element | None = None
        tag = ""
        line: int | None = None
        self.bytes_read = 0
        with self._file.open("rb") as document:
            while chunk := document.read(CHUNK_BYTES):
                parser.feed(chunk)
                self.bytes_read += len(chunk)
                for event, element in parser.read_events():
                    if event == "end":
                        if element is record:
                            yield element, line
                            record = self._record = None
                        if element is root:
                            self._ended_at = self.bytes_read
                        continue
                    if root is None:
                        root = element
                    if element.tag == tag:
                        started = next(lines, None)
                        is_record = record is None and (
                            element.getparent() is family or self._fits(element)
                        )
                    else:
                        started = next(lines, None) if _local_name(element) == local else None
                        is_record = record is None and self._fits(element)
                    if is_record:
                        line, record, self._record = started, element, element
                        self._record_at = self.bytes_read
                        tag, family = element.tag, element.getparent()
                self._bound_memory(root, parser)
            parser.close()

    def _fits(self, element: etree._Element) -> bool:
        node: etree._Element | None = element
        for name in reversed(self._path):
            if node is None or not name.fits(node.tag):
                return False
            node = node.getparent()
        return node is None

    def _bound_memory(self, root: etree._Element | None, parser: Any) -> None:
        """Forget all that was read and is not around what is being read.

        An open element is never removed, nor the text at the end of its parent, which libxml2
        may still be writing.
        """
        # After an error lxml gives no more events, and only says so at the end.
        if parser.feed_error_log:
            parser.close()
        if self._record is not None and self.bytes_read - self._record_at > RECORD_BYTES:
            raise DeliveryRefused(
                f"{self._where}: a record is larger than {RECORD_BYTES >> 20} MiB. Check "
                "record_path, or ask the sender for smaller records."
            )
        around = self.bytes_read - (self._ended_at or 0)
        around = 0 if root is not None and self._ended_at is None else around
        if around > _AROUND_BYTES:
            raise DeliveryRefused(
                f"{self._where}: more than {_AROUND_BYTES >> 20} MiB stand outside the document "
                "element. Ask the sender for the records alone."
            )
        node = root
        while node is not None and node is not self._record and len(node):
            if len(node) > 1:
                del node[:-1]
            node = node[-1]

    def _probe(self) -> tuple[str, str]:
        parser = _parser(("start",), None)
        with self._file.open("rb") as document:
            while chunk := document.read(CHUNK_BYTES):
                parser.feed(chunk)
                self.bytes_read += len(chunk)
                if found := next(iter(parser.read_events()), None):
                    return self._judged(found[1])
                self._bound_memory(None, parser)
        parser.close()
        raise DeliveryRefused(f"{self._where} holds no document element. Ask for it again.")

    def _judged(self, root: etree._Element) -> tuple[str, str]:
        document: Any = root.getroottree().docinfo
        entities = document.internalDTD.entities() if document.internalDTD is not None else []
        if entities:
            names = ", ".join(str(entity.name) for entity in entities[:5])
            raise DeliveryRefused(
                f"{self._where} declares entities ({names}), which are never expanded. Ask the "
                "sender for a document without them."
            )
        if (document.system_url or document.public_id) and self._needs_external_dtd():
            raise DeliveryRefused(
                f"{self._where} uses entities of an external DTD, and nothing is fetched. Ask the "
                "sender for a document without them."
            )
        if not self._path[0].fits(root.tag):
            expected = self._path[0].local
            raise DeliveryRefused(
                f"{self._where}: the document element is {root.tag}, where record_path begins "
                f"with {expected}. Correct record_path, or ask for the right file."
            )
        return str(root.tag), self._mark() or document.encoding or "UTF-8"

    def _mark(self) -> str | None:
        """Encoding that a byte order mark announces, which lxml does not tell while it parses."""
        with self._file.open("rb") as file:
            start = file.read(4)
        marks = [("UTF-32", codecs.BOM_UTF32_LE), ("UTF-32", codecs.BOM_UTF32_BE)]
        marks += [("UTF-16", codecs.BOM_UTF16_LE), ("UTF-16", codecs.BOM_UTF16_BE)]
        return next((name for name, mark in marks if start.startswith(mark)), None)

    def _needs_external_dtd(self) -> bool:
        rest = b""
        with self._file.open("rb") as file:
            while chunk := file.read(1 << 20):
                text = rest + chunk
                if _FOREIGN_ENTITY.search(text[:-8]):
                    return True
                rest = text[-8:]
        return _FOREIGN_ENTITY.search(rest) is not None


def _parser(events: Any, tags: Sequence[str] | None) -> Any:
    return etree.XMLPullParser(
        events=events,
        tag=tags,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
    )


def _local_name(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]
