"""What a table asks its API for: one URL for each value of `each`, placeholders filled."""

import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

import httpx

from lakehouse.connector_options import ApiOptions, YearRange
from lakehouse.connectors.api.access import ApiAccess
from lakehouse.errors import CatalogInvalid
from lakehouse.source_catalog import Table

CURSOR = "cursor"
_PLACEHOLDER = re.compile(r"\{(\w*)\}")


@dataclass(frozen=True)
class ApiRequest:
    """A first page to ask for.

    Attributes:
        url: with its query.
        name: path below the base URL, for `_source_file`.
        captured: name and value of `each`.
    """

    url: httpx.URL
    name: str
    captured: Mapping[str, str]


def api_options(table: Table) -> ApiOptions:
    """The table's options.

    Raises:
        CatalogInvalid: it is not a table of an API.
    """
    if table.meta.api is None:
        raise CatalogInvalid(f"{table.full_name} is not a table of an API.")
    return table.meta.api


def without_query(path: str) -> str:
    """A path as it may be shown."""
    return re.split("[?#]", path, maxsplit=1)[0]


def planned_requests(
    access: ApiAccess, table: Table, *, cursor: str | None, today: datetime.date
) -> list[ApiRequest]:
    """Requests in their order, each with its own pages.

    `{name}` of `each` is filled in `path` and `params`. `{cursor}` in `params` is the greatest
    value loaded; before the first load a parameter that needs it is left out.

    Raises:
        CatalogInvalid: a placeholder that nothing fills, or nothing to ask for.
    """
    options = api_options(table)
    plan = [_request(access, table, options, values, cursor) for values in _values(options, today)]
    if not plan:
        raise CatalogInvalid(
            f"{table.full_name}, field config.meta.each: there is no value to ask for."
        )
    return plan


def _values(options: ApiOptions, today: datetime.date) -> Iterator[dict[str, str]]:
    if not options.each:
        yield {}
    for name, values in options.each.items():
        texts = values.values(today) if isinstance(values, YearRange) else values
        yield from ({name: text} for text in texts)


def _request(
    access: ApiAccess,
    table: Table,
    options: ApiOptions,
    values: Mapping[str, str],
    cursor: str | None,
) -> ApiRequest:
    known = set(values)
    _assert_filled(table, "path", options.path, known)
    path = _PLACEHOLDER.sub(lambda match: quote(values[match[1]], safe=""), options.path)
    params = {}
    for name, template in options.params.items():
        is_incremental = table.meta.load == "incremental"
        _assert_filled(
            table, f"params.{name}", template, known | {CURSOR} if is_incremental else known
        )
        if f"{{{CURSOR}}}" in template and cursor is None:
            continue
        filled = {**values, CURSOR: cursor or ""}
        params[name] = _PLACEHOLDER.sub(lambda match: filled[match[1]], template)  # noqa: B023
    url = access.url(path)
    if params:
        url = url.copy_merge_params(params)
    return ApiRequest(url, without_query(path), values)


def _assert_filled(table: Table, field: str, template: str, known: set[str]) -> None:
    strange = sorted(set(_PLACEHOLDER.findall(template)) - known)
    if strange:
        hint = "each names what can stand there"
        if CURSOR in strange:
            hint = "{cursor} stands in params of load: incremental only"
        raise CatalogInvalid(
            f"{table.full_name}, field config.meta.{field}: nothing fills "
            f"{', '.join(f'{{{name}}}' for name in strange)}; {hint}."
        )
