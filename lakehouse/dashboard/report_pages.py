"""Pages of the reports, served as they were written."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from lakehouse.dashboard.answers import message_page, words_of
from lakehouse.reports.page_store.pages import PageReader
from lakehouse.reports.pages.places import CATALOG

# A page says so itself; here it holds also where its content was exchanged.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
# The catalog runs the one script whose hash its own policy names: both policies have to allow it.
_CATALOG_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def report_answer(request: Request, pages: PageReader) -> Response:
    """The page of a path below `/reports/`.

    Args:
        request: what is answered.
        pages: where pages are read from; it takes no path that leads elsewhere.

    Raises:
        PagesNotStored: they cannot be read.
    """
    path = str(request.path_params["path"])
    if not path or path.endswith("/"):
        return RedirectResponse(f"/reports/{path}index.html", 303)
    found = pages.read(path)
    if found is None:
        explain = words_of(request).say("dashboard.not_found_explain")
        return message_page(request, 404, "dashboard.not_found", explain)
    is_json = path.endswith(".json")
    is_catalog = path.rpartition("/")[2] == CATALOG
    tag = f'"{found.sha256}"'
    headers = {
        "etag": tag,
        "cache-control": "private, no-cache",
        "content-security-policy": _CATALOG_POLICY if is_catalog else _POLICY,
    }
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    media_type = "application/json" if is_json else "text/html; charset=utf-8"
    return Response(found.content, media_type=media_type, headers=headers)
