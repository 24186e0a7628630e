"""All answers of a table, page by page, kept byte for byte in the order in which they came."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from lakehouse.connector_options import Paging
from lakehouse.connectors.api.access import shown_url
from lakehouse.connectors.api.client import Answer, ApiClient
from lakehouse.connectors.api.paging import (
    first_page,
    has_lines,
    has_records,
    next_page,
    read_document,
)
from lakehouse.connectors.api.request_plan import ApiRequest, api_options
from lakehouse.errors import ApiRefused, DeliveryRefused
from lakehouse.source_catalog import Table

_MARKUP = (b"<!doctype", b"<html", b"<head", b"<body", b"<?xml", b"<!--")


@dataclass(frozen=True)
class KeptAnswer:
    """One answer on disk.

    Attributes:
        file: with its bytes.
        name: path of the request, with `#2` for its second page; never a query.
        sha256: of the bytes.
        captured: name and value of `each`.
    """

    file: Path
    name: str
    size: int
    sha256: str
    captured: Mapping[str, str]


@dataclass
class Answers:
    """The answers of one delivery.

    Attributes:
        pages: in their order.
        refusal: why they cannot be loaded, if that is known already.
        is_whole: False where the refusal ended the asking, so that pages are missing.
    """

    pages: list[KeptAnswer] = field(default_factory=list)
    refusal: str | None = None
    is_whole: bool = True

    @property
    def size(self) -> int:
        """Bytes of all answers."""
        return sum(page.size for page in self.pages)

    @property
    def sha256(self) -> str:
        """Hash over bodies and what they answer: the same answers twice have the same.

        A part of them has another than the same pages as a whole.
        """
        said: list[object] = [
            (page.name, sorted(page.captured.items()), page.sha256) for page in self.pages
        ]
        if not self.is_whole:
            said.append("part")
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def fetch_records(
    client: ApiClient, table: Table, requests: list[ApiRequest], folder: Path
) -> Answers:
    """Ask for everything, in order.

    An answer that is not in the table's format ends it: what came so far is kept with a refusal.

    Args:
        client: open.
        table: with paging and format.
        requests: see `planned_requests`.
        folder: existing and empty, for the answers.

    Raises:
        ApiUnavailable: the API could not be reached; nothing of the delivery counts.
        ApiRefused: it does not give what is asked for, or its pages never end.
    """
    answers = Answers()
    try:
        for request in requests:
            _fetch_pages(client, table, request, folder, answers)
    except DeliveryRefused as refusal:
        answers.refusal, answers.is_whole = str(refusal), False
    return answers


def _fetch_pages(
    client: ApiClient, table: Table, request: ApiRequest, folder: Path, answers: Answers
) -> None:
    paging = api_options(table).paging
    if paging is None:
        answer = client.get(request.url, _file(folder, answers))
        _assert_format(_keep(answers, answer, request, request.name), table)
        return
    walk = _Walk(table, paging)
    url: httpx.URL | None = first_page(request.url, paging)
    while url is not None:
        where = walk.enter(url)
        client.assert_own(url, "the next page")
        end_status = paging.end_status if walk.number > 1 else None
        answer = client.get(url, _file(folder, answers), end_status=end_status)
        if answer.status == end_status:
            return
        page = _keep(answers, answer, request, f"{request.name}#{walk.number}")
        _assert_format(page, table)
        document, filled = _content(page, table, paging, where)
        if not filled and walk.number > 1:
            answers.pages.pop()
        if not filled and (paging.style == "page" or not page.size):
            return
        walk.leave(page, filled, where)
        url = next_page(url, answer, document, paging, walk.number)
        if not filled and url is not None and walk.knows(url):
            return


class _Walk:
    """Which pages were seen, so that an API that turns in circles is found out."""

    def __init__(self, table: Table, paging: Paging) -> None:
        self.number = 0
        self._table = table
        self._paging = paging
        self._urls: set[str] = set()
        self._bodies: set[str] = set()

    def knows(self, url: httpx.URL) -> bool:
        return str(url) in self._urls

    def enter(self, url: httpx.URL) -> str:
        self.number += 1
        where = f"{self._table.full_name}, {shown_url(url)}, page {self.number}"
        if self.number > self._paging.max_pages:
            raise ApiRefused(
                f"{where}: the API goes on after max_pages ({self._paging.max_pages}). Raise it "
                "if there are that many, or correct the paging."
            )
        if self.knows(url):
            raise ApiRefused(
                f"{where}: the API sends back to a page that was read already, so its pages "
                "never end. Correct paging, or report it to the API's owner."
            )
        self._urls.add(str(url))
        return where

    def leave(self, page: KeptAnswer, filled: bool, where: str) -> None:
        if filled and self._paging.style == "page" and page.sha256 in self._bodies:
            raise ApiRefused(
                f"{where}: the same records as on a page before. The API does not count its "
                f"pages by {self._paging.parameter}; correct paging.parameter."
            )
        self._bodies.add(page.sha256)


def _content(page: KeptAnswer, table: Table, paging: Paging, where: str) -> tuple[Any, bool]:
    """The page's JSON where the paging needs it, and whether the page has records."""
    if not page.size:
        return None, False
    if table.meta.format == "json" and (paging.style == "page" or paging.next):
        document = read_document(page.file, where)
        return document, has_records(document, table.meta.file.records, where)
    if paging.next:
        raise ApiRefused(
            f"{where}: paging.next looks into JSON, and the format is {table.meta.format}. Use "
            "style page, or style link with the header Link."
        )
    if paging.style == "page":
        return None, has_lines(page.file, 1 if table.meta.format == "csv" else 0)
    return None, True


def _file(folder: Path, answers: Answers) -> Path:
    return folder / f"{len(answers.pages) + 1:06d}"


def _keep(answers: Answers, answer: Answer, request: ApiRequest, name: str) -> KeptAnswer:
    body = answer.body
    page = KeptAnswer(body.file, name, body.size, body.sha256, request.captured)
    answers.pages.append(page)
    return page


def _assert_format(page: KeptAnswer, table: Table) -> None:
    """Tell a page for people from one for programs; the format itself is its reader's matter."""
    with page.file.open("rb") as body:
        head = body.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if head.startswith(_MARKUP) or (head.startswith(b"<") and table.meta.format != "csv"):
        raise DeliveryRefused(
            f"{table.full_name}, answer {page.name}: a page of HTML or XML instead of "
            f"{table.meta.format}. It may be a login or an error page of a proxy: look at the "
            "answer in quarantine, and check base_url, path and token."
        )
