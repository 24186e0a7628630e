"""`aljibe dashboard`: serve figures and reports until told to stop."""

import logging
import sys

import uvicorn

from lakehouse.dashboard.access import Access, is_loopback
from lakehouse.dashboard.app import dashboard_app
from lakehouse.dashboard.site import Site
from lakehouse.errors import SettingsInvalid
from lakehouse.settings import Settings

_MOST_AT_ONCE = 100
_STOP_SECONDS = 10


def serve_dashboard(settings: Settings, host: str, port: int) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Args:
        settings: of this machine.
        host: address to listen on.
        port: 0 takes a free one.

    Raises:
        SettingsInvalid: there is no password and others could reach it, or an address of the
            settings cannot be used.
    """
    password = settings.dashboard_password
    if password is None and not is_loopback(host):
        raise SettingsInvalid(
            f"The dashboard would show the data to everybody who reaches {host}. Set "
            "ALJIBE_DASHBOARD_PASSWORD, or leave --host at 127.0.0.1."
        )
    site = Site.of(settings)
    app = dashboard_app(site, Access(password) if password else None)
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    if password is None:
        logging.getLogger("aljibe.dashboard").warning(
            "There is no password: everybody on this machine can read. "
            "ALJIBE_DASHBOARD_PASSWORD sets one."
        )
    try:
        uvicorn.run(
            app,
            host=host,
            port=port,
            # Which proxies may say who asks: FORWARDED_ALLOW_IPS, by default those of this machine.
            proxy_headers=True,
            server_header=False,
            limit_concurrency=_MOST_AT_ONCE,
            timeout_graceful_shutdown=_STOP_SECONDS,
            log_config=None,
        )
    finally:
        site.data.close()
