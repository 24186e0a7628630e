"""Answers in HTML, in the language of the reader."""

import re
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse

from lakehouse.dashboard.render import render
from lakehouse.reports.wording import LANGUAGES, Wording

SESSION_COOKIE = "aljibe_session"
_LANGUAGE_COOKIE = "aljibe_language"
_YEAR = 365 * 24 * 3600
_LOCAL_PATH = re.compile(r"/(?![/\\])[\x21-\x7e]*")


def page(
    request: Request,
    template: str,
    title: str,
    *,
    status: int = 200,
    subtitle: str = "",
    is_inside: bool = True,
    trail: tuple[tuple[str, str], ...] = (),
    **values: Any,
) -> HTMLResponse:
    """A page of the dashboard.

    Args:
        request: what is answered.
        template: name of the template.
        title: of the page.
        status: of HTTP.
        subtitle: what the title is about.
        is_inside: whether it leads to pages that need a session.
        trail: texts and addresses of the pages above it.
        values: for the template.
    """
    words = words_of(request)
    content = render(
        template,
        words,
        title=title,
        subtitle=subtitle,
        is_inside=is_inside,
        can_log_out=is_inside and SESSION_COOKIE in request.cookies,
        trail=trail,
        switch=lambda code: _in_language(request, code),
        **values,
    )
    answer = HTMLResponse(content, status)
    asked = request.query_params.get("lang")
    if asked in LANGUAGES:
        answer.set_cookie(
            _LANGUAGE_COOKIE,
            asked,
            max_age=_YEAR,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
    return answer


def login_page(
    request: Request, then: str, *, status: int = 200, fault: str = "", wait: int = 0
) -> HTMLResponse:
    """The page that asks for the password, in place of one or at its own address.

    Args:
        request: what is answered.
        then: path to go on to; a foreign one is forgotten.
        status: of HTTP.
        fault: why the last try was refused.
        wait: seconds after which another try makes sense.
    """
    words = words_of(request)
    answer = page(
        request,
        "login",
        words.say("dashboard.title"),
        status=status,
        is_inside=False,
        fault=fault,
        next=local_path(then),
    )
    if wait:
        answer.headers["retry-after"] = str(wait)
    return answer


def message_page(
    request: Request, status: int, key: str, explain: str = "", *, is_inside: bool = True
) -> HTMLResponse:
    """A page that says why there is nothing else.

    Args:
        request: what is answered.
        status: of HTTP.
        key: of the text that says so.
        explain: more of it, in words.
        is_inside: whether it leads to pages that need a session.
    """
    words = words_of(request)
    return page(
        request,
        "message",
        words.say("dashboard.title"),
        status=status,
        is_inside=is_inside,
        tone="skip" if status == 404 else "bad",
        say_first=words.say(key),
        explain=explain,
    )


def local_path(path: str) -> str:
    """A path of this server; the start for anything that could lead elsewhere."""
    return path if _LOCAL_PATH.fullmatch(path) and path != "/login" else "/"


def words_of(request: Request) -> Wording:
    """Words of the language that was chosen, else of the browser's first that we have."""
    chosen = (request.query_params.get("lang"), request.cookies.get(_LANGUAGE_COOKIE))
    for one in chosen:
        if one in LANGUAGES:
            return Wording.of(one)
    return Wording.of(_accepted(request.headers.get("accept-language", "")))


def _accepted(header: str) -> str:
    """The first known language of an Accept-Language header (RFC 9110, 12.5.4)."""
    weighted = []
    for part in header.split(","):
        tag, _, quality = part.partition(";q=")
        try:
            weight = float(quality or 1)
        except ValueError:
            weight = 0.0
        weighted.append((-weight, tag.strip().partition("-")[0].lower()))
    known = [tag for weight, tag in sorted(weighted, key=lambda one: one[0]) if weight]
    return next((tag for tag in known if tag in LANGUAGES), "en")


def _in_language(request: Request, code: str) -> str:
    query = [(name, value) for name, value in request.query_params.items() if name != "lang"]
    return f"?{urlencode([*query, ('lang', code)])}"
