"""Asking a real HTTP server: retries, limits, redirects, and where the token goes."""

import gzip
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from servers.child_process import free_port
from servers.http_api import HttpApiServer, Reply, answer, running_http_api

from lakehouse.connectors.api.access import ApiAccess
from lakehouse.connectors.api.client import Answer, ApiClient
from lakehouse.connectors.api.request_pace import RequestPace
from lakehouse.connectors.api.retry_after import LONGEST_ASKED_WAIT, TRIES
from lakehouse.errors import ApiRefused, ApiUnavailable, BlockInvalid

pytestmark = pytest.mark.integration

TOKEN = "t0p-s3cr3t"


@pytest.fixture
def waits() -> list[float]:
    """Seconds that the client would have waited."""
    return []


@pytest.fixture
def get(
    http_api: HttpApiServer, waits: list[float], tmp_path: Path
) -> Iterator[Callable[..., Answer]]:
    """`get("/v1/x")` from the server, with a token and without real waiting."""

    def ask(path: str, **options: object) -> Answer:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        access = ApiAccess(
            **{"base_url": http_api.url, "headers": headers, "block": "shop-api"} | options
        )
        with ApiClient(access, sleep=waits.append) as client:
            return client.get(access.url(path), tmp_path / "answer")

    return ask


def test_an_answer_is_kept_byte_for_byte(get, http_api):
    body = b'[ {"a": 1.10} ]\r\n\xff'
    http_api.on("/x", answer(body))
    kept = get("/x").body
    assert (kept.file.read_bytes(), kept.size) == (body, len(body))
    assert http_api.asked[0].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_a_busy_server_is_asked_again(get, http_api, waits, status):
    http_api.on("/x", Reply(status), Reply(status), answer([1]))
    assert get("/x").body.size == 3
    assert len(waits) == 2
    assert 0.5 <= waits[0] <= 1.5
    assert 1 <= waits[1] <= 2


def test_the_server_is_given_the_time_that_it_asks_for(get, http_api, waits):
    http_api.on(
        "/x",
        Reply(429, headers={"Retry-After": "17"}),
        Reply(503, headers={"Retry-After": "86400"}),
        Reply(503, headers={"Retry-After": "-5"}),
        answer([1]),
    )
    get("/x")
    assert waits[0] == 17
    assert waits[1] == LONGEST_ASKED_WAIT
    assert 0 < waits[2] < 10


def test_a_server_that_stays_busy_is_given_up(get, http_api):
    http_api.on("/x", Reply(503))
    with pytest.raises(ApiUnavailable, match=f"answers 503. Given up after {TRIES} tries"):
        get("/x?key=hidden")
    assert len(http_api.asked) == TRIES


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "shop-api"), (403, "shop-api"), (404, "/x answers 404"), (400, "params"), (410, "410")],
)
def test_what_would_be_the_same_again_is_not_tried_again(get, http_api, status, words):
    http_api.on("/x", Reply(status, TOKEN.encode()))
    with pytest.raises(ApiRefused, match=words) as caught:
        get("/x?key=hidden")
    assert len(http_api.asked) == 1
    assert "hidden" not in str(caught.value)
    assert TOKEN not in repr(caught.value)


def test_a_body_that_is_cut_is_asked_for_again(get, http_api):
    whole = b"[" + b"1," * 50_000 + b"1]"
    http_api.on("/x", Reply(200, whole, cut=70_000), answer(whole))
    assert get("/x").body.file.read_bytes() == whole
    assert len(http_api.asked) == 2


def test_a_cut_gzip_stream_without_a_length_is_not_taken_for_whole(get, http_api):
    packed = gzip.compress(b"[" + bytes(range(48, 58)) * 10_000 + b"]")
    headers = {"Content-Encoding": "gzip", "Transfer-Encoding": "identity", "Connection": "close"}
    http_api.on("/x", Reply(200, packed, headers, cut=len(packed) // 2), answer([1], packed=True))
    assert get("/x").body.file.read_bytes() == b"[1]"


def test_gzip_of_several_members_is_unpacked_whole(get, http_api):
    body = gzip.compress(b"[1,") + gzip.compress(b"2]")
    http_api.on("/x", Reply(200, body, {"Content-Encoding": "gzip"}))
    assert get("/x").body.file.read_bytes() == b"[1,2]"


def test_a_silent_server_is_given_up_after_the_read_time_out(get, http_api):
    http_api.on("/x", Reply(hold=30), answer([1]))
    started = time.monotonic()
    assert get("/x", read_seconds=0.2).body.size == 3
    assert time.monotonic() - started < 5


def test_a_server_that_drips_is_given_up_after_the_answer_time_out(get, http_api):
    http_api.on("/x", answer(b"1" * 5_000_000))
    with pytest.raises(ApiUnavailable, match="has not ended its answer"):
        get("/x", answer_seconds=0.0)


def test_a_server_that_is_down_is_named_without_the_token(get):
    with pytest.raises(ApiUnavailable, match="no connection") as caught:
        get("/x", base_url=f"http://127.0.0.1:{free_port()}")
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_beyond_the_limit_is_refused(get, http_api, packed):
    http_api.on("/x", answer(b"0" * 3_000_000, packed=packed))
    with pytest.raises(ApiRefused, match="more than 1000000 bytes"):
        get("/x", largest_answer=1_000_000)
    assert len(http_api.asked) == 1


def test_an_unknown_content_encoding_is_refused(get, http_api):
    http_api.on("/x", Reply(200, b"x", {"Content-Encoding": "br"}))
    with pytest.raises(ApiRefused, match="content encoding 'br'"):
        get("/x")


def test_a_redirect_on_the_same_host_is_followed(get, http_api):
    http_api.on("/x", Reply(302, headers={"Location": "/y?page=1"}))
    http_api.on("/y", answer([1]))
    assert str(get("/x").url) == f"{http_api.url}/y?page=1"


def test_a_redirect_to_another_host_never_sees_the_token(get, http_api):
    with running_http_api() as other:
        http_api.on("/x", Reply(307, headers={"Location": f"{other.url}/x?key=hidden"}))
        other.on("/x", answer([1]))
        with pytest.raises(ApiRefused, match="credentials of block shop-api") as caught:
            get("/x")
        assert other.asked == []
        assert "hidden" not in str(caught.value)


def test_redirects_in_a_circle_end(get, http_api):
    http_api.on("/x", Reply(302, headers={"Location": "/x"}))
    with pytest.raises(ApiRefused, match="redirects"):
        get("/x")
    assert len(http_api.asked) < 10


@pytest.mark.parametrize("location", ["http://[", "file:///etc/passwd", "//evil.example/x"])
def test_a_redirect_to_something_else_is_refused(get, http_api, location):
    http_api.on("/x", Reply(302, headers={"Location": location}))
    with pytest.raises(ApiRefused):
        get("/x")


def test_nothing_that_is_logged_holds_the_token(get, http_api, caplog):
    caplog.set_level(logging.DEBUG)
    http_api.on("/x", Reply(503), answer([1]))
    get("/x")
    assert "127.0.0.1" in caplog.text
    assert TOKEN not in caplog.text


@pytest.mark.parametrize("bad", ["a\nb", "ñ", "a\x00"])
def test_a_token_that_no_header_can_hold_is_not_shown(get, bad):
    with pytest.raises((BlockInvalid, ApiRefused), match="shop-api") as caught:
        get("/x", headers={"Authorization": f"Bearer {TOKEN}{bad}"})
    assert TOKEN not in str(caught.value)
    assert TOKEN not in repr(ApiAccess("http://x", headers={"Authorization": TOKEN}))


def test_certificates_that_cannot_be_read_are_named(get, tmp_path):
    (tmp_path / "ca.pem").write_text("none")
    with pytest.raises(BlockInvalid, match=r"ca\.pem"):
        get("/x", ca_file=str(tmp_path / "ca.pem"))


def test_requests_keep_their_distance_over_all_threads():
    now = [0.0]
    pace = RequestPace(4, clock=lambda: now[0])
    paused: list[float] = []
    threads = [threading.Thread(target=pace.wait, args=(paused.append,)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(paused) == [0.25, 0.5, 0.75, 1.0]
    now[0] = 10.0
    pace.wait(paused.append)
    assert len(paused) == 4
