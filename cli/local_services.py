"""`deploy/local`: the services of a deployment on one machine, each as it runs in production."""

import argparse
import os
import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from cli.local_postgres import start_postgres
from cli.side_by_side import Service, SideBySide
from lakehouse.errors import AljibeError, PrefectUnavailable, SettingsInvalid
from lakehouse.settings import PROJECT_ROOT, Settings, load_settings

_PASSWORDS = (
    "POSTGRES_PASSWORD",
    "PREFECT_DATABASE_PASSWORD",
    "AUDIT_DATABASE_PASSWORD",
    "SERVING_DATABASE_PASSWORD",
    "READER_DATABASE_PASSWORD",
    "PREFECT_PASSWORD",
    "DASHBOARD_PASSWORD",
)
_ALJIBE = (sys.executable, "-P", "-c", "from cli.main import main; main()")


def local_services(settings: Settings, *, demo: bool, server_port: int, dashboard_port: int) -> int:
    """Start everything in its order and watch over it until SIGTERM or Ctrl-C.

    Args:
        settings: whose home holds the lake, the passwords and, unless one is named, PostgreSQL.
        demo: whether stand-ins of techstore's systems run too, with sample data for all domains.
        server_port: of API and UI, on 127.0.0.1.
        dashboard_port: on 127.0.0.1.

    Returns:
        An exit code.

    Raises:
        SettingsInvalid: a port is taken, or there is no PostgreSQL.
        PrefectUnavailable: the server did not start.
    """
    for port in (server_port, dashboard_port):
        _assert_free(port)
    settings.root.mkdir(parents=True, exist_ok=True)
    passwords = kept_passwords(settings.root / "local.env")
    services = SideBySide()
    with services.listening():
        admin = os.environ.get("ADMIN_DATABASE_URL") or start_postgres(
            services, settings.root / "postgres", passwords["POSTGRES_PASSWORD"]
        )
        urls = database_urls(admin, passwords)
        databases = [str(PROJECT_ROOT / "deploy" / "databases")]
        _once(services, databases, {**urls, "ADMIN_DATABASE_URL": admin})
        api = f"http://127.0.0.1:{server_port}/api"
        login = f"admin:{passwords['PREFECT_PASSWORD']}"
        prefect = "PREFECT_SERVER_DATABASE_CONNECTION_URL"
        services.add(
            Service(
                "server",
                [*_ALJIBE, "server", "--port", str(server_port)],
                {prefect: urls[prefect], "PREFECT_SERVER_API_AUTH_STRING": login},
                layer=-1,
            )
        )
        _wait_until_healthy(services, f"{api}/health", settings.api_wait_seconds)
        if services.is_asked_to_stop:
            return services.wait()
        runs = {
            "PREFECT_API_URL": api,
            "PREFECT_API_AUTH_STRING": login,
            "ALJIBE_HOME": str(settings.root),
            "ALJIBE_AUDIT_URL": urls["ALJIBE_AUDIT_URL"],
            "ALJIBE_SERVING_URL": urls["ALJIBE_SERVING_URL"],
            "ALJIBE_UI_URL": f"http://127.0.0.1:{server_port}",
            "ALJIBE_REPORTS_URL": f"http://127.0.0.1:{dashboard_port}/reports",
        }
        if demo:
            runs |= _stand_ins(services, settings)
        _once(services, [str(PROJECT_ROOT / "deploy" / "bootstrap")], runs)
        if services.is_asked_to_stop:
            return services.wait()
        services.add(Service("worker", [*_ALJIBE, "worker"], runs))
        services.add(Service("watcher", [*_ALJIBE, "watch"], runs))
        reader = {
            "ALJIBE_HOME": str(settings.root),
            "ALJIBE_SERVING_URL": urls["ALJIBE_READER_URL"],
            "ALJIBE_DASHBOARD_PASSWORD": passwords["DASHBOARD_PASSWORD"],
        }
        dashboard = [*_ALJIBE, "dashboard", "--port", str(dashboard_port)]
        services.add(Service("dashboard", dashboard, reader))
        print(
            f"Prefect    http://127.0.0.1:{server_port}, user admin\n"
            f"Dashboard  http://127.0.0.1:{dashboard_port}\n"
            f"Passwords  {settings.root / 'local.env'}",
            flush=True,
        )
        return services.wait()


def kept_passwords(path: Path) -> dict[str, str]:
    """Read the passwords of this home, which are made at the first start."""
    known = {}
    if path.exists():
        known = dict(re.findall(r"^(\w+)=(\w+)$", path.read_text("ascii"), re.MULTILINE))
    missing = [name for name in _PASSWORDS if name not in known]
    if missing:
        known |= {name: secrets.token_hex(24) for name in missing}
        half = path.with_name(f"{path.name}.tmp")
        half.unlink(missing_ok=True)
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.writelines(f"{name}={value}\n" for name, value in known.items())
        half.replace(path)
    return known


def database_urls(admin: str, passwords: Mapping[str, str]) -> dict[str, str]:
    """URLs of the three databases and the reader, on the server of `admin`."""
    from sqlalchemy import make_url

    server = make_url(admin)
    named = {
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": ("postgresql+asyncpg", "prefect", "prefect"),
        "ALJIBE_AUDIT_URL": ("postgresql+psycopg", "audit", "audit"),
        "ALJIBE_SERVING_URL": ("postgresql+psycopg", "serving", "serving"),
        "ALJIBE_READER_URL": ("postgresql+psycopg", "reader", "serving"),
    }
    return {
        name: server.set(
            drivername=driver,
            username=user,
            password=passwords[f"{user.upper()}_DATABASE_PASSWORD"],
            database=database,
            query={},
        ).render_as_string(hide_password=False)
        for name, (driver, user, database) in named.items()
    }


def _stand_ins(services: SideBySide, settings: Settings) -> Mapping[str, str]:
    """Start them, and read where they are from the file that they write when they are ready."""
    told = settings.root / "demo" / "stand-ins.env"
    told.unlink(missing_ok=True)
    command = [sys.executable, "-m", "demo.stand_ins", str(told)]
    services.add(Service("stand-ins", command, ends_all=True))
    while not told.exists():
        if services.look() is not None:
            raise SettingsInvalid("The stand-ins of techstore ended; what they said is above.")
        if services.is_asked_to_stop:
            return {}
        time.sleep(0.2)
    return dict(re.findall(r"^(\w+)=(.*)$", told.read_text("utf-8"), re.MULTILINE))


def _assert_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise SettingsInvalid(f"Port {port} of 127.0.0.1 is taken: {error}.") from None


def _once(services: SideBySide, command: Sequence[str], environment: Mapping[str, str]) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    running = subprocess.Popen(command, env={**os.environ, **environment, "PATH": path})
    while running.poll() is None:
        services.look()
        if services.is_asked_to_stop:
            running.terminate()
            running.wait()
            return
        time.sleep(0.2)
    if running.returncode:
        raise SettingsInvalid(f"{Path(command[0]).name} failed; what it said is above.")


def _wait_until_healthy(services: SideBySide, url: str, longest_seconds: float) -> None:
    deadline = time.monotonic() + longest_seconds
    while not services.is_asked_to_stop:
        try:
            if httpx.get(url, timeout=2).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        services.look()
        if time.monotonic() >= deadline:
            raise PrefectUnavailable(f"The server at {url} did not start; its log is above.")
        time.sleep(0.5)


def main() -> int:
    """Read the arguments; returns the exit code."""
    parser = argparse.ArgumentParser(prog="deploy/local", description=__doc__)
    parser.add_argument("--demo", action="store_true", help="with stand-ins and sample data")
    parser.add_argument("--server-port", type=int, default=4200)
    parser.add_argument("--dashboard-port", type=int, default=8080)
    chosen = parser.parse_args()
    return local_services(
        load_settings(),
        demo=chosen.demo,
        server_port=chosen.server_port,
        dashboard_port=chosen.dashboard_port,
    )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except AljibeError as error:
        sys.exit(f"deploy/local: {error}")
