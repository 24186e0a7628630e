"""The dashboard as an ASGI application: its addresses, and what answers to each."""

import logging
from collections.abc import Iterator
from typing import IO
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from lakehouse.dashboard.access import SESSION_SECONDS, Access, TooManyGuesses
from lakehouse.dashboard.answers import (
    SESSION_COOKIE,
    local_path,
    login_page,
    message_page,
    page,
    words_of,
)
from lakehouse.dashboard.downloads import figure_file, table_file
from lakehouse.dashboard.guard import Guard, SecurityHeaders
from lakehouse.dashboard.render import style_sheet
from lakehouse.dashboard.report_pages import report_answer
from lakehouse.dashboard.site import Site
from lakehouse.errors import AljibeError, NotPublished

_MOST_FORM_BYTES = 4096
_CHUNK_BYTES = 1 << 16
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M8 1c3 4 5 6 5 9a5 5 0 0 '
    '1-10 0c0-3 2-5 5-9z" fill="#0f7f92"/></svg>'
)
_log = logging.getLogger("aljibe.dashboard")


def dashboard_app(site: Site, access: Access | None) -> ASGIApp:
    """The whole application.

    Args:
        site: what it shows.
        access: who may see it; None lets everybody on this machine.
    """
    pages = Pages(site, access)
    inner = Starlette(
        routes=pages.routes(),
        exception_handlers={
            NotPublished: pages.not_found,
            AljibeError: pages.unreadable,
            HTTPException: pages.http_fault,
            Exception: pages.broken,
        },
    )
    return SecurityHeaders(Guard(inner, access))


class Pages:
    """What answers to each address."""

    def __init__(self, site: Site, access: Access | None) -> None:
        self._site = site
        self._access = access

    def routes(self) -> list[Route]:
        """Every address there is."""
        return [
            Route("/", self.overview),
            Route("/domains/{domain}", self.domain),
            Route("/domains/{domain}/figures/{board}/{figure}.csv", self.figure_csv),
            Route("/domains/{domain}/tables", self.tables),
            Route("/domains/{domain}/tables/{layer}/{table}.csv", self.table_csv),
            Route("/domains/{domain}/tables/{layer}/{table}", self.table),
            Route("/reports/{path:path}", self.report),
            Route("/login", self.login_form, methods=["GET"]),
            Route("/login", self.login, methods=["POST"]),
            Route("/logout", self.logout, methods=["POST"]),
            Route("/health", self.health),
            Route("/assets/dashboard.css", self.style),
            Route("/assets/icon.svg", self.icon),
        ]

    def overview(self, request: Request) -> Response:
        """Every domain with its verdict and first figures."""
        words = words_of(request)
        cards = self._site.cards(words)
        return page(request, "overview", words.say("dashboard.title"), cards=cards)

    def domain(self, request: Request) -> Response:
        """The figures of a domain."""
        domain, words = request.path_params["domain"], words_of(request)
        shown = self._site.domain(domain, dict(request.query_params), words)
        return page(request, "domain", domain, **shown)

    def tables(self, request: Request) -> Response:
        """The tables of a domain."""
        domain, words = request.path_params["domain"], words_of(request)
        shown = self._site.tables(domain, words)
        title = words.say("dashboard.tables")
        return page(request, "tables", title, subtitle=domain, trail=_trail(request), **shown)

    def table(self, request: Request) -> Response:
        """The first rows of a table."""
        words, domain = words_of(request), request.path_params["domain"]
        shown = self._site.table(domain, _table_name(request), words)
        title = shown["table"].full_name
        return page(request, "table", title, subtitle=domain, trail=_trail(request), **shown)

    def table_csv(self, request: Request) -> Response:
        """A whole table."""
        domain = request.path_params["domain"]
        file = table_file(self._site, domain, _table_name(request))
        return _download(file, f"{domain}.{_table_name(request)}")

    def figure_csv(self, request: Request) -> Response:
        """What a figure shows."""
        asked = request.path_params
        file = figure_file(
            self._site,
            asked["domain"],
            (asked["board"], asked["figure"]),
            dict(request.query_params),
            words_of(request),
        )
        return _download(file, f"{asked['domain']}.{asked['figure']}")

    def report(self, request: Request) -> Response:
        """A page of the reports, as it was written."""
        return report_answer(request, self._site.pages)

    def login_form(self, request: Request) -> Response:
        """The page that asks for the password."""
        if self._access is None:
            return RedirectResponse("/", 303)
        return login_page(request, "/")

    async def login(self, request: Request) -> Response:
        """Compare the password, and start a session."""
        if self._access is None:
            return RedirectResponse("/", 303)
        if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return PlainTextResponse("The form of another site is not taken.", 403)
        form = await _form(request)
        then = local_path(form.get("next", "/"))
        address = request.client.host if request.client else "unknown"
        words = words_of(request)
        try:
            session = self._access.session_for(form.get("password", ""), address)
        except TooManyGuesses as error:
            _log.warning("Too many wrong passwords, the last from %s.", address)
            said = words.say("dashboard.too_many", seconds=error.seconds)
            return login_page(request, then, status=429, fault=said, wait=error.seconds)
        if session is None:
            _log.warning("A wrong password from %s.", address)
            return login_page(request, then, status=401, fault=words.say("dashboard.refused"))
        answer = RedirectResponse(then, 303)
        answer.set_cookie(
            SESSION_COOKIE,
            session,
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return answer

    def logout(self, request: Request) -> Response:
        """End the session of this browser."""
        answer = RedirectResponse("/", 303)
        answer.delete_cookie(
            SESSION_COOKIE, httponly=True, samesite="lax", secure=request.url.scheme == "https"
        )
        return answer

    def health(self, _request: Request) -> Response:
        """Whether this process answers; it says nothing else, since anybody may ask."""
        return PlainTextResponse("ok")

    def style(self, _request: Request) -> Response:
        """The look."""
        return _asset(style_sheet(), "text/css")

    def icon(self, _request: Request) -> Response:
        """The icon."""
        return _asset(_ICON, "image/svg+xml")

    def not_found(self, request: Request, error: Exception) -> Response:
        """There is no such domain, table or figure."""
        return message_page(request, 404, "dashboard.not_found", str(error))

    def unreadable(self, request: Request, error: Exception) -> Response:
        """What is asked for cannot be read now."""
        _log.warning("%s: %s", request.url.path, error)
        return message_page(request, 503, "dashboard.unreadable", str(error))

    def http_fault(self, request: Request, error: Exception) -> Response:
        """There is no such address, or not for this method."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        if status != 404:
            return PlainTextResponse("This address does not answer to that.", status)
        explain = words_of(request).say("dashboard.not_found_explain")
        return message_page(request, 404, "dashboard.not_found", explain)

    def broken(self, request: Request, _error: Exception) -> Response:
        """A fault of ours; the server logs it."""
        explain = words_of(request).say("dashboard.broken_explain")
        return message_page(request, 500, "dashboard.broken", explain)


def _table_name(request: Request) -> str:
    return f"{request.path_params['layer']}.{request.path_params['table']}"


def _trail(request: Request) -> tuple[tuple[str, str], ...]:
    domain = request.path_params["domain"]
    trail = [(domain, f"/domains/{domain}")]
    if "table" in request.path_params:
        tables = words_of(request).say("dashboard.tables")
        trail.append((tables, f"/domains/{domain}/tables"))
    return tuple(trail)


async def _form(request: Request) -> dict[str, str]:
    """Fields of a small form; of a larger one, none."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MOST_FORM_BYTES:
                return {}
        fields = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=10)
    except (UnicodeDecodeError, ValueError, ClientDisconnect):
        return {}
    return {name: values[-1] for name, values in fields.items()}


def _asset(content: str, media_type: str) -> Response:
    return Response(content, media_type=media_type, headers={"cache-control": "max-age=300"})


def _download(file: IO[bytes], name: str) -> Response:
    safe = "".join(one if one.isalnum() or one in "._-" else "_" for one in name)
    return StreamingResponse(
        _chunks(file),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{safe}.csv"'},
    )


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
