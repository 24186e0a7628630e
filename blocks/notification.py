"""The block through which owners are told something: any Apprise URL, or a type of Prefect's own.

What is told is written in `lakehouse.reports.digest`; when it is sent, in `tasks.notify`.
"""

import inspect
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar
from urllib.parse import quote

import httpx
from apprise import Apprise, AppriseAsset, NotifyFormat
from prefect.blocks.abstract import NotificationBlock, NotificationError
from prefect.blocks.notifications import AbstractAppriseNotificationBlock
from prefect.utilities.asyncutils import run_coro_as_sync
from pydantic import ConfigDict, Field, SecretStr, field_validator

from lakehouse.errors import PermanentError, TransientError

EMAIL = "{email}"
_FORMAT = re.compile(r"[?&]format=", re.IGNORECASE)
_HTTP_CODE = re.compile(r"\berror=(\d{3})\b")
# Answers that another try may change, although they name a fault of the caller.
_WORTH_ANOTHER_TRY = {408, 425, 429}


class NotificationUndelivered(TransientError):
    """The service of a notification does not answer, or is too busy."""


class NotificationRefused(PermanentError):
    """The service of a notification answers, but does not take it."""


class AppriseNotification(AbstractAppriseNotificationBlock):
    """One or more services that Apprise knows: chat, e-mail, webhooks.

    Attributes:
        url: Apprise URLs, separated by spaces; `{email}` stands for the owner's address.
    """

    _block_type_name: ClassVar[str] = "Apprise Notification"
    _block_type_slug: ClassVar[str] = "apprise-notification"
    _description: ClassVar[str] = "Chats, mailboxes and webhooks, each as an Apprise URL."

    # What is refused may hold a token: not to be repeated in the error.
    model_config = ConfigDict(hide_input_in_errors=True)

    url: SecretStr = Field(
        description="Apprise URLs separated by spaces; {email} stands for the owner's address."
    )

    @field_validator("url")
    @classmethod
    def _readable(cls, value: SecretStr) -> SecretStr:
        urls = value.get_secret_value().split()
        if not urls:
            raise ValueError("holds no Apprise URL")
        for number, url in enumerate(urls, start=1):
            with withheld_words():
                known = Apprise.instantiate(url.replace(EMAIL, "owner%40example.com"))
            if known is None:
                raise ValueError(f"number {number} is not a URL that Apprise knows")
        return value

    def block_initialization(self) -> None:
        """Make the client, for every URL that does not ask for an owner's address."""
        asset = AppriseAsset(app_id="Aljibe", app_desc="Aljibe", body_format=NotifyFormat.TEXT)
        self._apprise_client = Apprise(asset=asset)
        for url in self.url.get_secret_value().split():
            service = Apprise.instantiate(url, asset=asset) if EMAIL not in url else None
            if service is None:
                continue
            # As HTML, which is the default of e-mail, no line of a text would wrap.
            if service.notify_format == NotifyFormat.HTML and not _FORMAT.search(url):
                service.notify_format = NotifyFormat.TEXT
            self._apprise_client.add(service)

    @property
    def asks_for_email(self) -> bool:
        """Whether one of the URLs holds `{email}`."""
        return EMAIL in self.url.get_secret_value()

    def targets(self, email: str | None) -> "list[AppriseNotification]":
        """One block for each URL, with the owner's address filled in.

        Args:
            email: of the owner; None leaves out the URLs that ask for one.
        """
        urls = [url for url in self.url.get_secret_value().split() if email or EMAIL not in url]
        address = quote(email or "", safe="")
        return [
            AppriseNotification(
                url=SecretStr(url.replace(EMAIL, address)), notify_type=self.notify_type
            )
            for url in urls
        ]


def deliver(block: NotificationBlock, subject: str, body: str) -> None:
    """Send one notification, and never say where to.

    Raises:
        NotificationUndelivered: another try may help.
        NotificationRefused: it will not.
    """
    with withheld_words() as words:
        try:
            with block.raise_on_failure():
                sent: object = block.notify(body, subject)
                if inspect.iscoroutine(sent):
                    run_coro_as_sync(sent)
        except Exception as error:  # noqa: BLE001  (the words of any client may quote its URL)
            fault = _fault(error, words)
        else:
            return
    raise fault


@contextmanager
def withheld_words() -> Iterator[list[str]]:
    """Keep what Apprise logs, which may quote a URL with its secrets, out of every log."""
    words: list[str] = []

    class _Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            words.append(record.getMessage())

    logger, kept = logging.getLogger("apprise"), _Kept()
    propagates, logger.propagate = logger.propagate, False
    logger.addHandler(kept)
    try:
        yield words
    finally:
        logger.removeHandler(kept)
        logger.propagate = propagates


def _fault(error: Exception, words: list[str]) -> NotificationUndelivered | NotificationRefused:
    code: int | None = None
    if isinstance(error, httpx.HTTPStatusError):
        code = error.response.status_code
    elif found := _HTTP_CODE.search("\n".join(words)):
        code = int(found[1])
    if code is not None:
        refused = code < httpx.codes.INTERNAL_SERVER_ERROR and code not in _WORTH_ANOTHER_TRY
        kind = NotificationRefused if refused else NotificationUndelivered
        return kind(f"its service answers {code}")
    if isinstance(error, NotificationError | httpx.TransportError | OSError):
        return NotificationUndelivered("its service does not answer or does not take it")
    return NotificationRefused(f"it cannot be used ({type(error).__name__})")
