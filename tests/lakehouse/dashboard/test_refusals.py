"""Whom the dashboard refuses, and how little it tells them."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from servers.published_tables import PASSWORD
from starlette.testclient import TestClient

from lakehouse.dashboard.app import Pages, dashboard_app
from lakehouse.dashboard.guard import OPEN_PATHS
from lakehouse.dashboard.site import Site
from lakehouse.settings import Settings

FILLED = {
    "domain": "olist",
    "board": "painel_executivo",
    "figure": "gmv",
    "layer": "marts",
    "table": "mart_executive_dashboard",
    "path:path": "index.html",
}


def addresses() -> list[tuple[str, str]]:
    """Method and address of every route, with its parts filled in."""
    routes = Pages(None, None).routes()  # type: ignore[arg-type]
    return [
        (method, re.sub(r"{([^}]+)}", lambda part: FILLED[part[1]], route.path))
        for route in routes
        for method in sorted(route.methods or ())
    ]


def test_no_address_shows_data_without_a_session(
    stranger: TestClient, published: Callable[..., Path], settings: Settings
) -> None:
    published("olist")
    settings.reports.mkdir()
    (settings.reports / "index.html").write_text("the reports of olist")
    asked = addresses()
    assert len(asked) > len(OPEN_PATHS)
    for method, path in asked:
        answer = stranger.request(method, path)
        assert answer.status_code == 401 or (path in OPEN_PATHS and answer.status_code == 200)
        assert "set-cookie" not in answer.headers
        assert "olist" not in answer.text.replace(path, ""), path
    assert stranger.post("/login", data={"password": PASSWORD}).status_code == 303
    for method, path in asked:
        if method == "GET":
            assert stranger.get(path).status_code == 200, path


@pytest.mark.parametrize("path", ["/nope", "/domains/../reports/x", "/assets/../", "//login"])
def test_an_address_that_does_not_exist_is_refused_as_well(path: str, stranger: TestClient) -> None:
    assert stranger.get(path).status_code == 401


@pytest.mark.parametrize("cookie", ["x", "aljibe", '"', "InJlYWRlciI.aaaa.bbbb"])
def test_a_made_up_session_is_refused(cookie: str, stranger: TestClient) -> None:
    answer = stranger.get("/", headers={"cookie": f"aljibe_session={cookie}"})
    assert answer.status_code == 401


def test_a_wrong_password_is_refused_in_the_readers_language(stranger: TestClient) -> None:
    for language, said in {"es": "no es la contraseña", "pt-BR": "não é a senha"}.items():
        answer = stranger.post(
            "/login",
            data={"password": "wrong"},
            headers={"accept-language": f"fr, {language};q=0.8"},
        )
        assert answer.status_code == 401
        assert said in answer.text
        assert "set-cookie" not in answer.headers


def test_wrong_passwords_end_in_a_pause(stranger: TestClient) -> None:
    for _ in range(10):
        stranger.post("/login", data={"password": "wrong"})
    answer = stranger.post("/login", data={"password": PASSWORD})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0


def test_the_session_cookie_is_kept_from_scripts_and_other_sites(stranger: TestClient) -> None:
    cookie = stranger.post("/login", data={"password": PASSWORD}).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie, "over plain HTTP it would never come back"
    secure = TestClient(stranger.app, base_url="https://data.example.com", follow_redirects=False)
    answer = secure.post("/login", data={"password": PASSWORD})
    assert "secure" in answer.headers["set-cookie"].lower()
    assert "strict-transport-security" in answer.headers


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        ("/domains/olist", "/domains/olist"),
        ("https://evil.example.com/", "/"),
        ("//evil.example.com/", "/"),
        ("/\\evil.example.com", "/"),
        ("/a\r\nset-cookie: x=y", "/"),
        ("", "/"),
    ],
)
def test_after_the_login_a_reader_stays_here(
    then: str, expected: str, stranger: TestClient
) -> None:
    answer = stranger.post("/login", data={"password": PASSWORD, "next": then})
    assert answer.headers["location"] == expected


def test_the_form_of_another_site_and_a_huge_one_are_not_taken(stranger: TestClient) -> None:
    foreign = {"sec-fetch-site": "cross-site"}
    answer = stranger.post("/login", data={"password": PASSWORD}, headers=foreign)
    assert answer.status_code == 403
    huge = {"password": PASSWORD, "x": "x" * 10_000}
    assert stranger.post("/login", data=huge).status_code == 401


def test_a_logout_ends_the_session_of_the_browser(reader: TestClient) -> None:
    assert reader.get("/").status_code == 200
    assert reader.post("/logout").status_code == 303
    assert reader.get("/").status_code == 401


def test_without_a_password_only_this_machine_is_answered(
    settings: Settings, published: Callable[..., Path]
) -> None:
    published("olist")
    app = dashboard_app(Site.of(settings), None)
    here = TestClient(app, base_url="http://127.0.0.1:8080", follow_redirects=False)
    assert here.get("/").status_code == 200
    assert here.get("/login").status_code == 303
    assert here.post("/login").status_code == 303
    led_here = TestClient(app, base_url="http://evil.example.com")
    assert led_here.get("/").status_code == 403
    assert led_here.get("/health").status_code == 200


def test_every_answer_carries_the_headers_that_browsers_obey(
    reader: TestClient, published: Callable[..., Path]
) -> None:
    published()
    for path in ("/", "/domains/olist", "/nope", "/health", "/assets/dashboard.css"):
        headers = reader.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
