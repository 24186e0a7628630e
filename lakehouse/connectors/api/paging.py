"""Where the next page is: by number, by cursor, or by link; and that an API goes on at all."""

import json
import re
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import httpx

from lakehouse.connector_options import Paging
from lakehouse.connectors.api.access import shown_url
from lakehouse.connectors.api.client import Answer
from lakehouse.errors import ApiRefused, DeliveryRefused

LARGEST_PAGE = 32 << 20
_LINK = re.compile(r'<([^>]*)>((?:\s*;\s*[\w!#$%&\'*+.^`|~-]+\s*(?:=\s*(?:"[^"]*"|[^",;]*))?)*)')
_RELATION = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s",;]+))', re.IGNORECASE)
_MISSING = object()
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")


def first_page(url: httpx.URL, paging: Paging) -> httpx.URL:
    """The URL of the first page of what `url` asks for."""
    params: dict[str, str] = {}
    if paging.style == "page" and paging.parameter:
        params[paging.parameter] = str(paging.first)
    if paging.size_parameter and paging.size:
        params[paging.size_parameter] = str(paging.size)
    return url.copy_merge_params(params) if params else url


def next_page(
    asked: httpx.URL, answer: Answer, document: Any, paging: Paging, number: int
) -> httpx.URL | None:
    """The URL of the page after this one; None after the last.

    Args:
        asked: URL of this page.
        answer: to it.
        document: its JSON, where the style looks into it.
        paging: of the table.
        number: of this page, from 1.

    Raises:
        ApiRefused: what should name the next page does not.
    """
    try:
        return _next(asked, answer, document, paging, number)
    except httpx.InvalidURL:
        raise ApiRefused(
            f"{shown_url(asked)} names a next page that is no URL. Correct paging, or report it "
            "to the API's owner."
        ) from None


def _next(
    asked: httpx.URL, answer: Answer, document: Any, paging: Paging, number: int
) -> httpx.URL | None:
    if paging.style == "page" and paging.parameter:
        return asked.copy_set_param(paging.parameter, str(paging.first + number))
    if paging.style == "link" and not paging.next:
        target = linked(answer.headers.get_list("link"), "next")
        return answer.url.join(target) if target is not None else None
    found = value_at(document, paging.next or "$")
    if found is None or found is False or found == "":
        return None
    if isinstance(found, dict | list | bool):
        raise ApiRefused(
            f"{paging.next} of the answer holds no single value, so there is no next page. "
            "Correct paging.next."
        )
    if paging.style == "cursor" and paging.parameter:
        return asked.copy_set_param(paging.parameter, str(found))
    return answer.url.join(str(found))


def linked(headers: Iterable[str], relation: str) -> str | None:
    """The target of a relation in `Link` headers (RFC 8288, section 3)."""
    for target, parameters in _LINK.findall(", ".join(headers)):
        match = _RELATION.search(parameters)
        names = (match[1] or match[2] or "") if match else ""
        if relation in names.lower().split():
            return str(target).strip()
    return None


def read_document(file: Path, where: str) -> Any:
    """The JSON of a page, whole in memory.

    Raises:
        DeliveryRefused: it is none, or larger than 32 MiB.
    """
    if file.stat().st_size > LARGEST_PAGE:
        raise DeliveryRefused(
            f"{where} is larger than {LARGEST_PAGE} bytes, too large for a page. Set paging.size."
        )
    try:
        return json.loads(file.read_bytes(), parse_float=str, parse_int=str)
    except (ValueError, RecursionError) as error:
        cause = "too deeply nested" if isinstance(error, RecursionError) else "not JSON"
        raise DeliveryRefused(f"{where} is {cause}, so the next page cannot be found.") from None


def value_at(document: Any, path: str, missing: Any = None) -> Any:
    """The value at a path such as `$.meta.next` or `$.items[0].id`; `missing` if it is nowhere."""
    value = document
    steps = path.removeprefix("$") if path.startswith("$") else f".{path}"
    for name, place in _STEP.findall(steps):
        if name and isinstance(value, dict) and name in value:
            value = value[name]
        elif place and isinstance(value, list) and int(place) < len(value):
            value = value[int(place)]
        else:
            return missing
    return value


def has_lines(file: Path, header_lines: int) -> bool:
    """Whether a page of lines holds more than its header."""
    with file.open("rb") as lines:
        return sum(1 for _ in islice(filter(bytes.strip, lines), header_lines + 1)) > header_lines


def has_records(document: Any, records: str, where: str) -> bool:
    """Whether a page of JSON holds anything at the path of its records.

    Raises:
        DeliveryRefused: there is no such path, so that it may be an error in the place of a page.
    """
    found = value_at(document, records, _MISSING)
    if found is _MISSING:
        raise DeliveryRefused(
            f"{where} has nothing at {records}, not even an empty list. Look at the answer in "
            "quarantine, and correct records or ask again."
        )
    return bool(found) if isinstance(found, list | dict) else found is not None
