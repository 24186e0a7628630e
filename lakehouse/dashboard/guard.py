"""What stands before every page: the session, the name of this machine, and security headers."""

from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lakehouse.dashboard.access import Access, is_for_this_machine
from lakehouse.dashboard.answers import SESSION_COOKIE, login_page, message_page

OPEN_PATHS = frozenset({"/login", "/health", "/assets/dashboard.css", "/assets/icon.svg"})
OWN_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not no-referrer: a browser would then hide the origin of our own forms.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
    "content-security-policy": OWN_POLICY,
}


class SecurityHeaders:
    """Adds the headers that an answer does not set itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as ASGI asks."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if scope.get("scheme") == "https":
                    headers.setdefault("strict-transport-security", "max-age=31536000")
            await send(message)

        await self._app(scope, receive, send_with_headers)


class Guard:
    """Lets nobody in without a session, but to the few paths that show no data.

    Without a password only requests that name this machine are answered: a page of the web can
    lead a foreign name to a loopback address, and would read what it answers.
    """

    def __init__(self, app: ASGIApp, access: Access | None) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as ASGI asks."""
        if scope["type"] == "lifespan" or (scope["type"] == "http" and self._may_pass(scope)):
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._refusal(Request(scope))(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _may_pass(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        if scope["path"] == "/health":
            return True
        if self._access is None:
            return is_for_this_machine(headers.get("host", ""))
        return scope["path"] in OPEN_PATHS or self._access.is_valid(session_of(headers))

    def _refusal(self, request: Request) -> ASGIApp:
        if self._access is None:
            return message_page(request, 403, "dashboard.wrong_host", is_inside=False)
        return login_page(request, request.url.path, status=401)


def session_of(headers: Headers) -> str | None:
    """The session that a request shows, whoever made it."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(SESSION_COOKIE)
    except CookieError:
        return None
    return found.value if found else None
