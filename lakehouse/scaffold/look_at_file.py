"""What a delivered file is, by its name and its first bytes."""

import gzip
import re
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from lakehouse.errors import SourceNotRecognised
from lakehouse.scaffold.csv_sample import read_head, sample_csv
from lakehouse.scaffold.document_sample import sample_json, sample_xml
from lakehouse.scaffold.sample import Sample
from lakehouse.scaffold.table_sample import sample_parquet, sample_xlsx

_LOOKED_AT_BYTES = 64 << 20
_CHANGING = re.compile(r"[0-9]{2,}(?:[-_.]?[0-9]{2,})*")


def look_at_file(file: Path, *, name: str | None = None, sheet: str | None = None) -> Sample:
    """Look at a file of any format, packed or not.

    Args:
        file: on this machine.
        name: as its sender calls it, if `file` is a copy.
        sheet: xlsx: which sheet.

    Raises:
        SourceNotRecognised: its format or shape cannot be told.
        OSError: it cannot be read.
    """
    name = name or file.name
    if file.stat().st_size == 0:
        raise SourceNotRecognised(f"{name} is empty: look at one with rows.")
    if name.lower().endswith(".gz"):
        return _unpacked(name[:-3], lambda: gzip.open(file, "rb").read(_LOOKED_AT_BYTES), sheet)
    if name.lower().endswith(".zip"):
        with zipfile.ZipFile(file) as archive:
            members = [info.filename for info in archive.infolist() if not info.is_dir()]
            if not members:
                raise SourceNotRecognised(f"{name} holds no file.")
            suffix = PurePosixPath(members[0]).suffix

            def first() -> bytes:
                with archive.open(members[0]) as member:
                    return member.read(_LOOKED_AT_BYTES)

            found = _unpacked(members[0], first, sheet)
        return _with_member(found, f"*{suffix}")
    readers: dict[str, Callable[[], Sample]] = {
        ".json": lambda: sample_json(file, name),
        ".ndjson": lambda: sample_json(file, name),
        ".jsonl": lambda: sample_json(file, name),
        ".xml": lambda: sample_xml(file, name),
        ".xlsx": lambda: sample_xlsx(file, name, sheet),
        ".parquet": lambda: sample_parquet(file, name),
    }
    read = readers.get(PurePosixPath(name).suffix.lower())
    return read() if read else sample_csv(read_head(file), name)


def name_pattern(name: str) -> str:
    """A glob for files of this kind: dates and numbers of the name become `*`.

    `ventas_2024-01.csv` gives `ventas_*.csv`; a name without numbers gives itself.
    """
    stem, dot, suffix = name.partition(".")
    escaped = re.sub(r"([\[*?])", r"[\1]", stem)
    return re.sub(r"\*+", "*", _CHANGING.sub("*", escaped)) + dot + suffix


def _unpacked(name: str, content: Callable[[], bytes], sheet: str | None) -> Sample:
    try:
        head = content()
    except (OSError, EOFError, zipfile.BadZipFile, RuntimeError) as error:
        raise SourceNotRecognised(f"{name} cannot be unpacked: {error}") from None
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "unpacked"
        copy.write_bytes(head)
        return look_at_file(copy, name=PurePosixPath(name).name, sheet=sheet)


def _with_member(found: Sample, member: str) -> Sample:
    meta = {**found.meta, "member": member}
    return Sample(meta, found.columns, found.dialect, found.key, found.doubts)
