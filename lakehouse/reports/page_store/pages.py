"""What a store of pages holds, and which files of a reports folder are pages."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from lakehouse.reports.pages.places import domain_folder

SUFFIXES = (".html", ".json")
# What the machine that judges arrivals remembers; it is no page.
_NOT_SHOWN = ("arrivals-told.json",)
_PATH = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9_-]*/){0,2}[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Page:
    """A page as it is stored.

    Attributes:
        content: bytes of the file.
        sha256: of the content, in hexadecimal.
        changed_at: when this content was stored; None where the store does not say.
    """

    content: bytes
    sha256: str
    changed_at: datetime | None = None

    @classmethod
    def of(cls, content: bytes, changed_at: datetime | None = None) -> "Page":
        """A page with its hash."""
        return cls(content, hashlib.sha256(content).hexdigest(), changed_at)


@dataclass(frozen=True)
class PagesStored:
    """What became of the pages of a run in a store."""

    written: int = 0
    unchanged: int = 0
    removed: int = 0


class PageReader(Protocol):
    """Where pages are read from."""

    def read(self, path: str) -> Page | None:
        """The page of a path such as `olist/owners/vendas.html`; None if there is none.

        Raises:
            PagesNotStored: the store cannot be read.
        """

    def paths(self, domain: str) -> list[str]:
        """Paths of the pages of a domain, in order.

        Raises:
            PagesNotStored: the store cannot be read.
        """


class PageStore(PageReader, Protocol):
    """Where pages are copied to."""

    def store(self, folder: Path, domain: str | None) -> PagesStored:
        """Make the store's pages of a domain, and those over all, equal to a folder's.

        Pages of other domains stay as they are. Again changes nothing.

        Args:
            folder: of all domains, as it was written.
            domain: whose pages are new; None copies those over all domains only.

        Raises:
            PagesNotStored: it was not possible; readers have the pages that were there.
        """


def is_page(path: str) -> bool:
    """Whether a path, which may come from anybody, could be that of a page."""
    return (
        bool(_PATH.fullmatch(path))
        and path.endswith(SUFFIXES)
        and path.rpartition("/")[2] not in _NOT_SHOWN
    )


def folder_prefix(domain: str) -> str:
    """What the paths of a domain's pages begin with."""
    return f"{domain_folder(Path(), domain).as_posix()}/"


def pages_in(folder: Path, domain: str | None) -> Iterator[tuple[str, Path]]:
    """Paths and files of the pages of a domain, then of those over all domains.

    In this order nothing leads to what is not there yet.
    """
    if domain is not None:
        own = domain_folder(folder, domain)
        for path in sorted(own.rglob("*"), key=lambda one: (one.parent == own, one)):
            relative = path.relative_to(folder).as_posix()
            if path.is_file() and is_page(relative):
                yield relative, path
    for path in sorted(folder.glob("*")):
        if path.is_file() and is_page(path.name):
            yield path.name, path
