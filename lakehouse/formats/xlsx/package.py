"""The parts of an `.xlsx` file, read without trusting what its directory says of their sizes.

An `.xlsx` is a zip of XML parts (ECMA-376). What reads the cells unpacks them without a limit, so
every part that it will read is unpacked here first and counted.
"""

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType

from lxml import etree

from lakehouse.errors import DeliveryRefused

PART_BYTES = 1 << 30
_CHUNK_BYTES = 1 << 20
_INDEX_BYTES = 16 << 20
_PARTS_LIMIT = 10_000
_OLE_MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")
_ZIP_MAGIC = b"PK\x03\x04"
_LOCAL_HEADER_BYTES = 30
_WORKBOOK = "xl/workbook.xml"


@dataclass(frozen=True)
class Sheet:
    """A worksheet of a workbook.

    Attributes:
        name: as its tab shows it.
        part: name of its part in the package.
        is_hidden: whether its tab is shown.
    """

    name: str
    part: str
    is_hidden: bool


class XlsxPackage:
    """An `.xlsx` file as its parts; a context manager."""

    def __init__(self, file: Path, where: str) -> None:
        """Open it.

        Raises:
            DeliveryRefused: it is no `.xlsx`, encrypted, or its directory is not to be trusted.
        """
        self._where = where
        self._content = file.open("rb")
        try:
            self._check()
        except BaseException:
            self._content.close()
            raise

    def _check(self) -> None:
        magic = self._content.read(8)
        if magic == _OLE_MAGIC:
            raise self._refusal(
                "is an old .xls workbook, or has a password. Ask for an .xlsx without one"
            )
        if not magic.startswith(_ZIP_MAGIC):
            raise self._refusal("is no .xlsx workbook. Check its format and its sender")
        try:
            self._zip = zipfile.ZipFile(self._content)
        except (zipfile.BadZipFile, NotImplementedError, UnicodeError, ValueError) as error:
            raise self._refusal(f"is damaged or cut off ({error}). Ask for it again") from error
        self._parts = {info.filename.casefold(): info for info in self._zip.infolist()}
        listed = self._zip.infolist()
        if len(listed) != len(self._parts) or len(listed) > _PARTS_LIMIT:
            raise self._refusal("has parts of the same name, or too many. Ask for it again")
        if any(info.flag_bits & 1 for info in listed):
            raise self._refusal("is encrypted. Ask the sender for a workbook without a password")

    def __enter__(self) -> "XlsxPackage":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._content.close()

    def sheets(self) -> tuple[Sheet, ...]:
        """The worksheets, in the order of their tabs.

        Raises:
            DeliveryRefused: the workbook part is missing or damaged.
        """
        workbook = self._xml(_WORKBOOK)
        relations = self._xml("xl/_rels/workbook.xml.rels")
        targets = {
            str(relation.get("Id")): str(relation.get("Target"))
            for relation in relations.iter("{*}Relationship")
            if str(relation.get("Type")).endswith("/worksheet")
        }
        found = []
        for sheet in workbook.iter("{*}sheet"):
            keys = [str(value) for key, value in sheet.items() if str(key).endswith("}id")]
            if keys and keys[0] in targets:
                part = str(PurePosixPath("/xl") / targets[keys[0]]).removeprefix("/")
                hidden = sheet.get("state", "visible") != "visible"
                found.append(Sheet(str(sheet.get("name")), part, hidden))
        return tuple(found)

    def check_shared_parts(self) -> None:
        """Unpack what is read beside the sheet, and forget it.

        Raises:
            DeliveryRefused: it is too large, damaged, or has a document type.
        """
        for name, info in self._parts.items():
            if name.endswith((".xml", ".rels")) and "/worksheets/sheet" not in name:
                for chunk in self.chunks(info.filename):
                    del chunk

    def chunks(self, part: str) -> Iterator[bytes]:
        """Unpack a part, a MiB or so at a time.

        Raises:
            DeliveryRefused: it is missing, damaged, too large, or has a document type.
        """
        info = self._parts.get(part.casefold())
        if info is None:
            raise self._refusal(f"has no part {part}: it is damaged or no .xlsx workbook")
        size, first = 0, True
        for chunk in self._unpacked(info):
            # A document type is the only place for entities, and stands before everything else.
            if first and b"<!DOCTYPE" in chunk:
                raise self._refusal(f"has a document type in {part}, which no workbook has")
            first = False
            size += len(chunk)
            if size > PART_BYTES:
                raise self._refusal(
                    f"is too large: {part} unpacks to more than {PART_BYTES >> 20} MiB. Split the "
                    "sheet, or deliver CSV"
                )
            yield chunk

    def _unpacked(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        is_stored = info.compress_type == zipfile.ZIP_STORED
        if not is_stored and info.compress_type != zipfile.ZIP_DEFLATED:
            raise self._refusal(f"packs {info.filename} in a way that no workbook does")
        try:
            for packed in self._packed(info):
                if is_stored:
                    yield packed
                    continue
                rest = packed
                while rest and not inflate.eof:
                    unpacked = inflate.decompress(rest, _CHUNK_BYTES)
                    rest = inflate.unconsumed_tail
                    if unpacked:
                        yield unpacked
        except zlib.error as error:
            raise self._refusal(f"is damaged in {info.filename}. Ask for it again") from error
        if not is_stored and not inflate.eof:
            raise self._refusal(f"is cut off in {info.filename}. Ask for it again")

    def _packed(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        file = self._content
        file.seek(info.header_offset)
        header = file.read(_LOCAL_HEADER_BYTES)
        if len(header) < _LOCAL_HEADER_BYTES or not header.startswith(_ZIP_MAGIC):
            raise self._refusal(f"is damaged at {info.filename}. Ask for it again")
        names = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        place, left = info.header_offset + _LOCAL_HEADER_BYTES + names, info.compress_size
        while left > 0:
            file.seek(place)
            packed = file.read(min(left, _CHUNK_BYTES >> 2))
            if not packed:
                raise self._refusal(f"is cut off in {info.filename}. Ask for it again")
            place, left = place + len(packed), left - len(packed)
            yield packed

    def _xml(self, part: str) -> etree._Element:
        content = b""
        for chunk in self.chunks(part):
            content += chunk
            if len(content) > _INDEX_BYTES:
                raise self._refusal(f"is no usable workbook: {part} is too large")
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        try:
            return etree.fromstring(content, parser)
        except etree.XMLSyntaxError as error:
            raise self._refusal(f"is damaged in {part}. Ask for it again") from error

    def _refusal(self, what: str) -> DeliveryRefused:
        return DeliveryRefused(f"{self._where} {what}.")
