"""The block of the `api` connector: an HTTP API with its credentials."""

import re
from typing import ClassVar

from prefect.blocks.core import Block
from prefect.types import SecretDict
from pydantic import Field, SecretStr, field_validator

from lakehouse.connectors.api.access import ApiAccess

_BASE_URL = re.compile(r"https?://[^\s/@?#]+(?:/[^\s?#]*)?", re.IGNORECASE)
_HEADER_NAME = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)


class HttpApi(Block):
    """An HTTP API.

    Attributes:
        base_url: what every `path` is below.
        token: sent as `Authorization: Bearer ...`, or bare in `token_header`.
        token_header: name of the header that takes the token as it is.
        headers: further headers; their values are secrets.
        requests_per_second: the most that the API allows.
        connect_seconds: longest wait for a connection.
        read_seconds: longest silence of a server that was asked.
        write_seconds: longest wait until a part of a request is sent.
        pool_seconds: longest wait for a free connection of our own.
        verify: whether the server's certificate must be trusted.
        ca_file: certificates (PEM) to trust instead of the system's.
    """

    _block_type_name: ClassVar[str] = "HTTP API"
    _block_type_slug: ClassVar[str] = "http-api"
    _description: ClassVar[str] = "An HTTP API that answers with records."

    base_url: str = Field(description="What every path is below, such as https://api.example.com.")
    token: SecretStr | None = Field(default=None, description="Sent as Authorization: Bearer.")
    token_header: str | None = Field(
        default=None, description="Header that takes the token instead, as it is."
    )
    headers: SecretDict | None = Field(default=None, description="Further headers.")
    requests_per_second: float | None = Field(
        default=None, gt=0, le=1000, description="The most requests a second that the API allows."
    )
    connect_seconds: float = Field(default=10, gt=0, description="Longest wait for a connection.")
    read_seconds: float = Field(
        default=60, gt=0, description="Longest silence of a server that was asked."
    )
    write_seconds: float = Field(
        default=30, gt=0, description="Longest wait until a part of a request is sent."
    )
    pool_seconds: float = Field(default=30, gt=0, description="Longest wait for a free connection.")
    verify: bool = Field(default=True, description="Switch off for tests only.")
    ca_file: str | None = Field(default=None, description="Certificates to trust, PEM.")

    @field_validator("base_url")
    @classmethod
    def _no_credentials(cls, value: str) -> str:
        if not _BASE_URL.fullmatch(value):
            raise ValueError(
                "must be http:// or https:// with a host, without user, query and fragment; "
                "credentials belong into token or headers"
            )
        return value

    @field_validator("token_header")
    @classmethod
    def _header_name(cls, value: str | None) -> str | None:
        if value is not None and not _HEADER_NAME.fullmatch(value):
            raise ValueError("is not the name of a header")
        return value

    @field_validator("token")
    @classmethod
    def _sendable(cls, value: SecretStr | None) -> SecretStr | None:
        return None if value is None else SecretStr(_header_value(value.get_secret_value()))

    @field_validator("headers")
    @classmethod
    def _sendable_headers(cls, value: SecretDict | None) -> SecretDict | None:
        for name, text in (value.get_secret_value() if value else {}).items():
            if not _HEADER_NAME.fullmatch(name):
                raise ValueError(f"{name!r} is not the name of a header")
            _header_value(str(text))
        return value

    def access(self, name: str) -> ApiAccess:
        """What the connector needs, with secrets as text.

        Args:
            name: of this block, for messages.
        """
        headers = {
            key: _header_value(str(text))
            for key, text in (self.headers.get_secret_value() if self.headers else {}).items()
        }
        if self.token:
            token = self.token.get_secret_value()
            header = self.token_header or "Authorization"
            headers[header] = token if self.token_header else f"Bearer {token}"
        return ApiAccess(
            base_url=self.base_url,
            headers=headers,
            block=name,
            connect_seconds=self.connect_seconds,
            read_seconds=self.read_seconds,
            write_seconds=self.write_seconds,
            pool_seconds=self.pool_seconds,
            requests_per_second=self.requests_per_second,
            verify=self.verify,
            ca_file=self.ca_file,
        )


def _header_value(text: str) -> str:
    # A secret out of a file often ends in a line end.
    value = text.strip()
    if not (value.isascii() and value.isprintable()):
        raise ValueError("holds characters that HTTP does not allow in a header")
    return value
