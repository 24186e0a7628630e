"""Many pages from a real HTTP server: whole, in order, and never without an end."""

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from servers.http_api import Asked, HttpApiServer, Reply, answer, running_http_api

from lakehouse.connectors.api.access import ApiAccess
from lakehouse.connectors.api.client import ApiClient
from lakehouse.connectors.api.fetch_records import Answers, fetch_records
from lakehouse.connectors.api.request_plan import planned_requests
from lakehouse.errors import ApiRefused, ApiUnavailable
from lakehouse.source_catalog import Column, Table, TableMeta

pytestmark = pytest.mark.integration

BY_NUMBER = {"style": "page", "parameter": "page", "size_parameter": "size", "size": 2}
BY_CURSOR = {"style": "cursor", "parameter": "after", "next": "$.meta.next"}
BY_HEADER = {"style": "link"}
BY_LINK = {"style": "link", "next": "$.next"}


@pytest.fixture
def fetch(http_api: HttpApiServer, tmp_path: Path) -> Callable[..., Answers]:
    """`fetch(paging, records="$.data")`: everything from `/v1/x`."""

    def ask(
        paging: dict[str, Any] | None, records: str = "$", kind: str = "json", **api: Any
    ) -> Answers:
        table = Table(
            source="shop",
            name="sales",
            connector="api",
            block="shop-api",
            schema_name="raw",
            meta=TableMeta.model_validate(
                {
                    "load": "snapshot",
                    "format": kind,
                    "file": {"records": records},
                    "api": {"path": "/v1/x", "paging": paging, **api},
                }
            ),
            columns=(Column(name="id"),),
            file=Path("_shop__sources.yml"),
        )
        access = ApiAccess(http_api.url, {"Authorization": "Bearer t0p-s3cr3t"})
        plan = planned_requests(access, table, cursor=None, today=datetime.date(2026, 1, 1))
        with ApiClient(access, sleep=lambda _: None) as client:
            return fetch_records(client, table, plan, tmp_path)

    return ask


def ids(answers: Answers, records: Callable[[Any], Any] = lambda page: page) -> list[int]:
    pages = [json.loads(page.file.read_bytes()) for page in answers.pages]
    return [row["id"] for page in pages for row in records(page)]


def rows(*numbers: int) -> list[dict[str, int]]:
    return [{"id": number} for number in numbers]


def numbered(pages: list[Any]) -> Callable[[Asked], Reply]:
    def reply(asked: Asked) -> Reply:
        number = int(asked.params["page"])
        return answer(pages[number - 1] if number <= len(pages) else pages[-1][:0])

    return reply


def test_numbered_pages_are_read_until_one_is_empty(fetch, http_api):
    # The server gives one where two were asked for: a short page is no end.
    http_api.on("/v1/x", numbered([rows(1, 2), rows(3), rows(4, 5)]))
    answers = fetch(BY_NUMBER)
    assert ids(answers) == [1, 2, 3, 4, 5]
    assert [asked.params for asked in http_api.asked] == [
        {"page": str(number), "size": "2"} for number in (1, 2, 3, 4)
    ]
    assert [page.name for page in answers.pages] == ["/v1/x#1", "/v1/x#2", "/v1/x#3"]


def test_an_api_without_records_answers_one_page(fetch, http_api):
    http_api.on("/v1/x", answer([]))
    assert [page.size for page in fetch(BY_NUMBER).pages] == [2]


def test_a_declared_status_after_the_last_page_is_the_end(fetch, http_api):
    gone = Reply(404, b'{"detail":"Invalid page."}')
    for shop in ("a", "b"):
        http_api.on(f"/v1/{shop}", answer(rows(1, 2)), answer(rows(3)), gone)
    answers = fetch({**BY_NUMBER, "end_status": 404}, path="/v1/{shop}", each={"shop": ["a", "b"]})
    assert (ids(answers), answers.is_whole) == ([1, 2, 3, 1, 2, 3], True)
    assert [page.name for page in answers.pages] == ["/v1/a#1", "/v1/a#2", "/v1/b#1", "/v1/b#2"]


@pytest.mark.parametrize(
    ("end_status", "replies"),
    [
        (404, [Reply(404)]),
        (404, [answer(rows(1)), Reply(410)]),
        (410, [answer(rows(1)), Reply(404)]),
        (None, [answer(rows(1)), Reply(404)]),
    ],
)
def test_no_other_status_and_no_first_page_is_the_end(fetch, http_api, end_status, replies):
    http_api.on("/v1/x", *replies)
    with pytest.raises(ApiRefused, match=f"answers {replies[-1].status}"):
        fetch({**BY_NUMBER, "end_status": end_status})
    assert len(http_api.asked) == len(replies)


def test_an_api_that_ignores_the_page_number_is_found_out(fetch, http_api):
    http_api.on("/v1/x", answer(rows(1, 2)))
    with pytest.raises(ApiRefused, match=r"the same records as on a page before.*paging.parameter"):
        fetch(BY_NUMBER)
    assert len(http_api.asked) == 2


def test_cursors_are_followed_to_the_last(fetch, http_api):
    http_api.on(
        "/v1/x",
        answer({"data": rows(1), "meta": {"next": "a b&c"}}),
        answer({"data": [], "meta": {"next": 17}}),
        answer({"data": rows(2), "meta": {"next": None}}),
    )
    answers = fetch(BY_CURSOR, "$.data")
    assert ids(answers, lambda page: page["data"]) == [1, 2]
    assert [asked.params.get("after") for asked in http_api.asked] == [None, "a b&c", "17"]


def test_a_cursor_that_comes_back_is_a_permanent_error(fetch, http_api):
    pages = [{"data": rows(n), "meta": {"next": "abc"[n % 2]}} for n in range(9)]
    http_api.on("/v1/x", *[answer(page) for page in pages])
    with pytest.raises(ApiRefused, match="pages never end"):
        fetch(BY_CURSOR, "$.data")
    assert len(http_api.asked) == 3


def test_a_cursor_that_comes_back_without_records_is_the_end(fetch, http_api):
    empty = answer({"data": [], "meta": {"next": "a"}})
    http_api.on("/v1/x", answer({"data": rows(1), "meta": {"next": "a"}}), empty)
    assert ids(fetch(BY_CURSOR, "$.data"), lambda page: page["data"]) == [1]


def test_a_cursor_that_is_no_value_is_named(fetch, http_api):
    http_api.on("/v1/x", answer({"data": rows(1), "meta": {"next": {"a": 1}}}))
    with pytest.raises(ApiRefused, match=r"meta\.next of the answer holds no single value"):
        fetch(BY_CURSOR, "$.data")


@pytest.mark.parametrize("paging", [BY_HEADER, BY_LINK])
def test_links_are_followed_to_the_last(fetch, http_api, paging):
    def page(number: int, following: str | None) -> Reply:
        if paging is BY_HEADER:
            link = {"Link": f'<{following}>; rel="next"'} if following else {}
            return answer({"data": rows(number)}, **link)
        return answer({"data": rows(number), "next": following})

    http_api.on("/v1/x", page(1, "/v1/x/2?after=1"))
    http_api.on("/v1/x/2", page(2, f"{http_api.url}/v1/x/3"))
    http_api.on("/v1/x/3", page(3, None))
    assert ids(fetch(paging, "$.data"), lambda page: page["data"]) == [1, 2, 3]


def test_a_link_to_another_host_is_refused_before_it_is_asked(fetch, http_api):
    with running_http_api() as other:
        http_api.on("/v1/x", answer({"data": rows(1), "next": f"{other.url}/v1/x"}))
        with pytest.raises(ApiRefused, match="do not belong"):
            fetch(BY_LINK, "$.data")
        assert other.asked == []


@pytest.mark.parametrize(
    ("paging", "target"),
    [
        (BY_LINK, "http://["),
        (BY_LINK, "x" * 70_000),
        (BY_LINK, "file:///etc/passwd"),
        (BY_CURSOR, "x" * 70_000),
    ],
)
def test_a_next_page_that_cannot_be_asked_for_is_a_permanent_error(fetch, http_api, paging, target):
    page = {"data": rows(1), "next": target, "meta": {"next": target}}
    http_api.on("/v1/x", answer(page))
    with pytest.raises(ApiRefused):
        fetch(paging, "$.data")
    assert len(http_api.asked) == 1


@pytest.mark.parametrize("paging", [BY_NUMBER, BY_CURSOR])
def test_an_error_in_the_place_of_a_page_is_no_end(fetch, http_api, paging):
    good = answer({"data": rows(1), "meta": {"next": "a"}})
    http_api.on("/v1/x", good, answer({"error": "try later"}))
    answers = fetch(paging, "$.data")
    assert "page 2 has nothing at $.data" in answers.refusal
    assert (len(answers.pages), answers.is_whole) == (2, False)


def test_null_is_a_page_without_records(fetch, http_api):
    http_api.on("/v1/x", answer({"data": rows(1)}), answer({"data": None}))
    assert len(fetch(BY_NUMBER, "$.data").pages) == 1


def test_links_in_a_circle_end(fetch, http_api):
    http_api.on("/v1/x", answer({"data": rows(1), "next": "/v1/y"}))
    http_api.on("/v1/y", answer({"data": rows(2), "next": "/v1/x"}))
    with pytest.raises(ApiRefused, match="pages never end"):
        fetch(BY_LINK, "$.data")


def test_more_pages_than_allowed_are_a_permanent_error(fetch, http_api):
    http_api.on("/v1/x", lambda asked: answer(rows(int(asked.params["page"]))))
    with pytest.raises(ApiRefused, match=r"max_pages \(3\)"):
        fetch({**BY_NUMBER, "max_pages": 3})
    assert len(http_api.asked) == 3


def test_a_page_that_fails_in_the_middle_fails_everything(fetch, http_api):
    http_api.on("/v1/x", answer(rows(1)), answer(rows(2)), Reply(500))
    with pytest.raises(ApiUnavailable):
        fetch(BY_NUMBER)


def test_each_value_has_its_own_pages(fetch, http_api):
    for shop in ("a", "b"):
        http_api.on(f"/v1/{shop}", answer(rows(1)), answer(rows(2)), answer([]))
    answers = fetch(BY_NUMBER, path="/v1/{shop}", each={"shop": ["a", "b"]})
    assert [(page.name, page.captured) for page in answers.pages] == [
        ("/v1/a#1", {"shop": "a"}),
        ("/v1/a#2", {"shop": "a"}),
        ("/v1/b#1", {"shop": "b"}),
        ("/v1/b#2", {"shop": "b"}),
    ]


def test_pages_of_csv_end_with_one_that_has_a_header_only(fetch, http_api):
    http_api.on("/v1/x", answer("id\n1\n"), answer("id\n2\n"), answer("id\n"))
    assert [page.size for page in fetch(BY_NUMBER, kind="csv").pages] == [5, 5]


@pytest.mark.parametrize(
    "body", ["<!DOCTYPE html><html>Log in</html>", "\ufeff \n<HTML>", "<error/>"]
)
@pytest.mark.parametrize("paging", [None, BY_NUMBER])
def test_a_page_for_people_is_refused_and_kept(fetch, http_api, body, paging):
    http_api.on("/v1/x", answer(body, Content_Type="text/html"))
    answers = fetch(paging)
    assert "HTML or XML instead of json" in answers.refusal
    assert answers.pages[0].file.read_bytes() == body.encode()


@pytest.mark.parametrize("body", ["{", "[" * 10_000 + "]" * 10_000, "\x00"])
def test_a_page_in_which_no_next_can_be_found_is_refused_and_kept(fetch, http_api, body):
    http_api.on("/v1/x", answer(body))
    answers = fetch(BY_CURSOR)
    assert "the next page cannot be found" in answers.refusal
    assert len(answers.pages) == 1


def test_the_same_answers_have_the_same_hash_and_others_another(fetch, http_api):
    http_api.on("/v1/x", answer(rows(1)))
    first, again = fetch(None).sha256, fetch(None).sha256
    http_api.on("/v1/x", answer(rows(2)))
    assert first == again != fetch(None).sha256
