"""One answer at a time from an HTTP API: paced, retried, complete, and from its own host only."""

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from lakehouse.connectors.api.access import ApiAccess, origin, shown_url
from lakehouse.connectors.api.answer_body import SavedBody, save_body
from lakehouse.connectors.api.request_pace import shared_pace
from lakehouse.connectors.api.retry_after import TRIES, asked_wait, wait_before
from lakehouse.errors import ApiRefused, ApiUnavailable

_AGAIN = (408, 425, 429)
_MOST_REDIRECTS = 5
_FAULTS: dict[type[httpx.TransportError], str] = {
    httpx.ConnectTimeout: "no connection within {0.connect_seconds:g} s",
    httpx.ReadTimeout: "silent for {0.read_seconds:g} s",
    httpx.WriteTimeout: "the request could not be sent within {0.write_seconds:g} s",
    httpx.PoolTimeout: "no free connection within {0.pool_seconds:g} s",
    httpx.ConnectError: "no connection",
    httpx.ProxyError: "the proxy refuses the connection",
}


@dataclass(frozen=True)
class Answer:
    """A whole answer with status 200, 204 without a body, or the one that ends a walk.

    Attributes:
        url: that was asked last, after redirects.
        headers: of the answer, names in lower case.
        body: on disk.
        status: of the answer.
    """

    url: httpx.URL
    headers: httpx.Headers
    body: SavedBody
    status: int


class ApiClient:
    """Asks one API; made late, closed at the end.

    Args:
        access: where and with what.
        sleep: waits for that many seconds; tests give another.
    """

    def __init__(self, access: ApiAccess, sleep: Callable[[float], None] = time.sleep) -> None:
        self.access = access
        self._sleep = sleep
        self._client = access.open_client()
        self._origin = origin(access.url("/"))
        self._pace = shared_pace(self._origin, access.requests_per_second)

    def __enter__(self) -> "ApiClient":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def get(self, url: httpx.URL, file: Path, *, end_status: int | None = None) -> Answer:
        """Ask for `url` and save the whole answer to `file`.

        Connection errors, time-outs, cut answers, 408, 425, 429 and 5xx are tried up to five
        times, with growing pauses that keep `Retry-After`.

        Args:
            url: on the block's own host.
            file: for the body; overwritten.
            end_status: further status that is an answer.

        Raises:
            ApiUnavailable: none of the tries brought a whole answer.
            ApiRefused: another try would bring the same.
        """
        tries = Retrying(
            retry=retry_if_exception_type(ApiUnavailable),
            stop=stop_after_attempt(TRIES),
            wait=wait_before,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return tries(self._follow, url, file, end_status)
        except ApiUnavailable as error:
            raise ApiUnavailable(f"{error} Given up after {TRIES} tries.") from None

    def assert_own(self, url: httpx.URL, what: str) -> None:
        """Make sure that a URL out of an answer stays where the credentials belong.

        Raises:
            ApiRefused: it is on another scheme, host or port.
        """
        if origin(url) != self._origin or url.userinfo:
            raise ApiRefused(
                f"{self._origin} sends {what} to {origin(url)}, where the credentials of block "
                f"{self.access.block} do not belong. If that is right, correct its base_url."
            )

    def _follow(self, url: httpx.URL, file: Path, end_status: int | None) -> Answer:
        self.assert_own(url, "a request")
        for _ in range(_MOST_REDIRECTS):
            answer = self._ask(url, file, end_status)
            if isinstance(answer, Answer):
                return answer
            url = answer
        raise ApiRefused(f"{shown_url(url)} is behind more than {_MOST_REDIRECTS} redirects.")

    def _ask(self, url: httpx.URL, file: Path, end_status: int | None) -> Answer | httpx.URL:
        if self._pace:
            self._pace.wait(self._sleep)
        try:
            with self._client.stream("GET", url) as response:
                if response.is_redirect:
                    return self._target(response)
                if response.status_code != end_status:
                    self._assert_good(response)
                body = save_body(
                    response,
                    file,
                    largest=self.access.largest_answer,
                    deadline_seconds=self.access.answer_seconds,
                )
                return Answer(url, response.headers, body, response.status_code)
        except httpx.TransportError as error:
            raise self._transport_fault(url, error) from None
        except (httpx.InvalidURL, ValueError):
            # Their messages may repeat a header, and so a token.
            raise ApiRefused(
                f"{shown_url(url)} cannot be asked: URL or headers of block {self.access.block} "
                "hold characters that HTTP does not allow."
            ) from None

    def _target(self, response: httpx.Response) -> httpx.URL:
        try:
            target = response.request.url.join(response.headers["location"])
        except (httpx.InvalidURL, ValueError):
            raise ApiRefused(
                f"{shown_url(response.request.url)} redirects to something that is no URL."
            ) from None
        self.assert_own(target, "a redirect")
        return target

    def _assert_good(self, response: httpx.Response) -> None:
        status, where = response.status_code, shown_url(response.request.url)
        if status in (httpx.codes.OK, httpx.codes.NO_CONTENT):
            return
        if status in _AGAIN or status >= 500:
            wait = asked_wait(response.headers.get("retry-after"), datetime.now(UTC))
            raise ApiUnavailable(f"{where} answers {status}.", asked_wait=wait)
        if status in (401, 403):
            raise ApiRefused(
                f"{where} answers {status}: token or headers of block {self.access.block} are not "
                "accepted. Renew them, or ask for the right to read this path."
            )
        if status == 404:
            raise ApiRefused(
                f"{where} answers 404: check path, each, and the block's base_url. If only pages "
                "after the last one are answered so, set paging.end_status to 404."
            )
        raise ApiRefused(f"{where} answers {status}. Check path and params of the table.")

    def _transport_fault(
        self, url: httpx.URL, error: httpx.TransportError
    ) -> ApiRefused | ApiUnavailable:
        where = shown_url(url)
        if _is_untrusted(error):
            return ApiRefused(
                f"{where} shows a certificate that is not trusted. If it is right, give its "
                f"authority's certificate as ca_file of block {self.access.block}."
            )
        if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
            return ApiRefused(
                f"{where} cannot be asked: URL or headers of block {self.access.block} hold "
                "something that HTTP does not allow."
            )
        said = _FAULTS.get(type(error), "the connection was cut")
        return ApiUnavailable(f"{where} does not answer: {said.format(self.access)}.")


def _is_untrusted(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
