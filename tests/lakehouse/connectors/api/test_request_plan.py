import datetime
from pathlib import Path

import pytest

from lakehouse.connectors.api.access import ApiAccess
from lakehouse.connectors.api.request_plan import planned_requests
from lakehouse.errors import CatalogInvalid
from lakehouse.source_catalog import Column, Table, TableMeta

ACCESS = ApiAccess("https://api.example.com/base/")
TODAY = datetime.date(2026, 3, 1)


def api_table(**meta) -> Table:
    options = {name: meta.pop(name) for name in ("path", "params", "each") if name in meta}
    return Table(
        source="shop",
        name="sales",
        connector="api",
        block="shop-api",
        schema_name="raw",
        meta=TableMeta.model_validate(
            {"load": "snapshot", "format": "json", "api": {"path": "/v1/x", **options}, **meta}
        ),
        columns=(Column(name="id"), Column(name="at")),
        file=Path("_shop__sources.yml"),
    )


def urls(table: Table, cursor: str | None = None) -> list[str]:
    plan = planned_requests(ACCESS, table, cursor=cursor, today=TODAY)
    return [str(request.url) for request in plan]


def test_each_value_is_a_request_with_its_own_path_and_query():
    table = api_table(
        path="/v1/{year}", params={"y": "{year}", "all": "1"}, each={"year": {"first": 2025}}
    )
    assert urls(table) == [
        "https://api.example.com/base/v1/2025?y=2025&all=1",
        "https://api.example.com/base/v1/2026?y=2026&all=1",
    ]


def test_values_are_escaped_in_a_path():
    table = api_table(path="/v1/{shop}", each={"shop": ["a/b ?&#ñ"]})
    assert urls(table) == ["https://api.example.com/base/v1/a%2Fb%20%3F%26%23%C3%B1"]


def test_the_cursor_is_sent_once_there_is_one():
    table = api_table(load="incremental", key=["id"], cursor="at", params={"since": "{cursor}"})
    assert urls(table) == ["https://api.example.com/base/v1/x"]
    assert urls(table, "2026-01-01T00:00:00+02:00") == [
        "https://api.example.com/base/v1/x?since=2026-01-01T00%3A00%3A00%2B02%3A00"
    ]


@pytest.mark.parametrize(
    ("meta", "words"),
    [
        ({"path": "/v1/{year}"}, "path: nothing fills {year}"),
        ({"path": "/v1/{cursor}"}, "load: incremental only"),
        ({"path": "/v1/{}"}, "nothing fills {}"),
        ({"each": {"year": {"first": 2030}}}, "no value to ask for"),
        ({"each": {"shop": []}}, "no value to ask for"),
    ],
)
def test_what_nothing_fills_is_named(meta, words):
    with pytest.raises(CatalogInvalid, match=r"shop\.sales") as caught:
        urls(api_table(**meta))
    assert words in str(caught.value)
