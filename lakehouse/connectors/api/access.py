"""Where an API is and how it may be asked; what a block gives, without any Prefect."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from lakehouse.errors import BlockInvalid

LARGEST_ANSWER = 1 << 30


@dataclass(frozen=True)
class ApiAccess:
    """A base URL with credentials and limits.

    Attributes:
        base_url: what every path is below; without user, query or fragment.
        headers: sent with every request, secrets among them; never shown.
        block: name of the block, for messages.
        connect_seconds: longest wait for a connection.
        read_seconds: longest silence of a server that was asked.
        write_seconds: longest wait until a part of a request is sent.
        pool_seconds: longest wait for a free connection of our own.
        answer_seconds: longest time for one whole answer, however steadily it drips.
        requests_per_second: the most that the API allows; None for no limit.
        verify: whether the server's certificate must be trusted.
        ca_file: certificates to trust instead of the system's.
        largest_answer: bytes of one answer after unpacking.
    """

    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    block: str = "http-api"
    connect_seconds: float = 10
    read_seconds: float = 60
    write_seconds: float = 30
    pool_seconds: float = 30
    answer_seconds: float = 1800
    requests_per_second: float | None = None
    verify: bool = True
    ca_file: str | None = None
    largest_answer: int = LARGEST_ANSWER

    def open_client(self) -> httpx.Client:
        """Make the client; whoever gets it closes it.

        Raises:
            BlockInvalid: the certificates cannot be read, or a header is none.
        """
        try:
            headers = httpx.Headers(
                {"Accept-Encoding": "gzip", "User-Agent": "aljibe", **self.headers}
            )
        except (ValueError, TypeError):
            # The message would repeat the value.
            raise BlockInvalid(
                f"Block {self.block}: token or headers hold characters that HTTP does not allow."
            ) from None
        return httpx.Client(
            headers=headers,
            timeout=httpx.Timeout(
                connect=self.connect_seconds,
                read=self.read_seconds,
                write=self.write_seconds,
                pool=self.pool_seconds,
            ),
            verify=self._trust(),
            follow_redirects=False,
        )

    def url(self, path: str) -> httpx.URL:
        """The URL of a path below the base URL, which may have a path of its own."""
        return httpx.URL(f"{self.base_url.rstrip('/')}/{path.lstrip('/')}")

    def _trust(self) -> ssl.SSLContext | bool:
        if not self.verify or not self.ca_file:
            return self.verify
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise BlockInvalid(
                f"Block {self.block}: the certificates of ca_file {self.ca_file} cannot be read "
                f"({error.strerror or type(error).__name__}). Give a file in PEM form."
            ) from None


def origin(url: httpx.URL) -> str:
    """Scheme, host and port: what credentials are for."""
    port = f":{url.port}" if url.port else ""
    host = f"[{url.host}]" if ":" in url.host else url.host
    return f"{url.scheme}://{host}{port}"


def shown_url(url: httpx.URL) -> str:
    """A URL for messages: without query and user, which may be secret."""
    return f"{origin(url)}{url.path}"
