"""Every domain of the project on hosts that share a bucket, a PostgreSQL and a Prefect server."""

import os
import secrets
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import yaml
from servers.child_process import free_port, run_to_end, wait_until_ready
from servers.network_hosts import ADDRESS, NetworkHost, joined_hosts, reachable
from servers.postgres import PostgresServer, running_postgres
from servers.prefect_server import without_prefect
from servers.s3 import new_bucket, running_s3

from demo.domains import DOMAINS, techstore_folder
from demo.techstore_sources import running_sources
from lakehouse.settings import PROJECT_ROOT, Settings

BIN = Path(sys.executable).parent
FLOWS = ("elt", "dbt_build_part", "extract_part")
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
PREPARE = """
import sys
from blocks.landing_folder import LandingFolder
from blocks.work_pool import save_work_pool
from lakehouse.settings import load_settings
for domain in sys.argv[2:]:
    LandingFolder(path=f"{sys.argv[1]}/{domain}").save(
        f"landing-{domain.replace('_', '-')}", overwrite=True)
save_work_pool(load_settings())
"""


class SharedDomains:
    """The domains, their services, and hosts that run them.

    Attributes:
        hosts: by name.
        postgres: that the hosts share.
        bucket: URL of the bucket that they share.
        clean: environment without anybody's settings.
        environment: of all hosts.
    """

    def __init__(
        self,
        folder: Path,
        hosts: list[NetworkHost],
        postgres: PostgresServer,
        s3: Mapping[str, str],
        sources: Mapping[str, str],
    ) -> None:
        self.folder, self.postgres = folder, postgres
        self.hosts = {host.name: host for host in hosts}
        self.bucket = f"s3://{new_bucket(dict(s3))}"
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self.auth = f"aljibe:{secrets.token_urlsafe(12)}"
        self.port = free_port()
        self.api = f"http://{ADDRESS}:{self.port}/api"
        self.clean = {
            key: value
            for key, value in without_prefect(os.environ).items()
            if not key.startswith(("ALJIBE_", "PG", "DATABASE_", "AWS_", "TECHSTORE_"))
        } | {"PYTHONPATH": str(PROJECT_ROOT), "ALJIBE_DATA_CATALOG": "false"}
        self.environment = {
            **self.clean,
            **s3,
            **sources,
            "AWS_DEFAULT_REGION": s3["AWS_REGION"],
            "PREFECT_API_URL": self.api,
            "PREFECT_API_AUTH_STRING": self.auth,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "ALJIBE_PROJECT": str(PROJECT_ROOT),
            "ALJIBE_POOL_LIMIT": "8",
            "ALJIBE_RAW_URL": f"{self.bucket}/raw",
            "ALJIBE_REPORTS_TARGET": f"{self.bucket}/reports",
            "ALJIBE_TARGET": "lake",
            "ALJIBE_LAKE_DATA": f"{self.bucket}/lake",
            "ALJIBE_AUDIT_URL": self.database("audit"),
            "ALJIBE_LAKE_CATALOG_URL": self.database("lake"),
            "ALJIBE_SERVING_URL": self.database("serving"),
        }
        self.server: subprocess.Popen[bytes] | None = None

    @property
    def embedded(self) -> Path:
        """Home of the runs that all others are compared with; its landing folders are shared."""
        return self.folder / "embedded"

    def run_embedded(self, sources: Mapping[str, str]) -> None:
        """Every domain on this machine alone: a folder, a DuckDB file, a ledger of SQLite."""
        own = {
            **self.clean,
            **sources,
            "PREFECT_HOME": str(self.folder / "embedded-prefect"),
            "ALJIBE_HOME": str(self.embedded),
            "ALJIBE_SERVING_URL": self.database("wanted"),
        }
        for domain in DOMAINS:
            self.call([BIN / "aljibe", "run", domain], own)

    def open(self) -> None:
        """Start the Prefect server, and deploy the domains as the project does."""
        own = self.clean | {
            "ALJIBE_HOME": str(self.folder / "server"),
            "DATABASE_URL": self.database("prefect").replace("postgresql", "postgres", 1),
            "PREFECT_SERVER_API_AUTH_STRING": self.auth,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        }
        log = self.folder / "server.log"
        with log.open("ab") as out:
            self.server = subprocess.Popen(
                [BIN / "aljibe", "server", "--host", ADDRESS, "--port", str(self.port)],
                env=own, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self.folder,
            )  # fmt: skip
        wait_until_ready(self.server, self._answers, log, 180)
        own = self.environment | {
            "ALJIBE_HOME": str(self.folder / "deploying"),
            "PREFECT_HOME": str(self.folder / "deploying-prefect"),
        }
        landing = Settings(home=self.embedded).landing("any").parent
        domains = [name for name in DOMAINS if name != "techstore"]
        self.call([sys.executable, "-c", PREPARE, landing, *domains], own)
        declared = yaml.safe_load((PROJECT_ROOT / "prefect.yaml").read_text())
        wanted = [
            {key: value for key, value in one.items() if key not in ("schedules", "triggers")}
            for one in declared["deployments"]
            if one["entrypoint"].rpartition(":")[2] in FLOWS and one["name"] != "olist-weekly"
        ]
        path = self.folder / "prefect.yaml"
        kept = {key: declared[key] for key in ("name", "prefect-version", "pull")}
        path.write_text(yaml.safe_dump({**kept, "deployments": wanted}))
        deploy = [BIN / "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", path]
        self.call(deploy, own, PROJECT_ROOT)
        self.call([sys.executable, "-m", "blocks.automations"], own)

    def start_workers(self, each: int) -> None:
        """Workers of every host, each host with a home of its own."""
        for host in self.hosts.values():
            for number in range(1, each + 1):
                name = f"{host.name}-{number}"
                own = {
                    "ALJIBE_HOME": str(self.folder / host.name),
                    "PREFECT_HOME": str(self.folder / f"{host.name}-prefect"),
                    "ALJIBE_WORKER_NAME": name,
                }
                (self.folder / host.name).mkdir(exist_ok=True)
                self.workers[name] = host.start(
                    [BIN / "aljibe", "worker"], self.environment | own, self.folder / f"{name}.log"
                )
        until(lambda: set(self.workers) <= self._online(), 400, self.logs)

    @contextmanager
    def taken_by(self, name: str) -> Iterator[None]:
        """Let the workers of one host alone take what is asked for meanwhile."""
        others = [one for key, one in self.workers.items() if not key.startswith(f"{name}-")]
        for one in others:
            one.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for one in others:
                one.send_signal(signal.SIGCONT)

    def running_on(self, name: str) -> list[dict[str, Any]]:
        """Runs that are going on on a host."""
        return [
            run
            for run in self.runs()
            if run["state_type"] == "RUNNING"
            and run["labels"].get("prefect.worker.name", "").startswith(f"{name}-")
        ]

    def close(self) -> None:
        """End the server; the hosts end with their namespaces."""
        if self.server:
            self.server.terminate()
            try:
                self.server.wait(30)
            except subprocess.TimeoutExpired:
                self.server.kill()

    def request(self, domain: str) -> str:
        """Ask for a run of the domain; its id."""
        name = domain.replace("_", "-")
        deployment = self.ask("GET", f"deployments/name/elt/{name}")
        body = {"state": {"type": "SCHEDULED"}, "idempotency_key": uuid.uuid4().hex}
        return str(self.ask("POST", f"deployments/{deployment['id']}/create_flow_run", body)["id"])

    def runs(self) -> list[dict[str, Any]]:
        """Runs of the domains, oldest first, without those that are parts of others."""
        asked = {
            "flow_runs": {"parent_task_run_id": {"is_null_": True}},
            "sort": "EXPECTED_START_TIME_ASC",
        }
        return list(self.ask("POST", "flow_runs/filter", asked))

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the API with the server's credentials."""
        user, _, password = self.auth.partition(":")
        answer = httpx.request(
            method, f"{self.api}/{path}", json=body, auth=(user, password), timeout=60
        )
        answer.raise_for_status()
        return answer.json()

    def database(self, name: str) -> str:
        """URL of a database that is made if it is not there."""
        admin = self.postgres.url.set(drivername="postgresql")
        with psycopg.connect(
            admin.render_as_string(hide_password=False), autocommit=True
        ) as session:
            row = session.execute("select from pg_database where datname = %s", [name]).fetchone()
            if row is None:
                session.execute(f'create database "{name}"'.encode())
        return admin.set(database=name).render_as_string(hide_password=False)

    def call(
        self, command: list[Any], environment: Mapping[str, str], folder: Path | None = None
    ) -> str:
        """Run a command to its end."""
        return run_to_end(command, environment, folder or self.folder)

    def logs(self) -> str:
        """What workers and their runs said last."""
        return "\n".join(
            f"--- {path.name}\n{path.read_text()[-6000:]}" for path in self.folder.glob("*.log")
        )

    def _online(self) -> set[str]:
        known = self.ask("POST", "work_pools/aljibe/workers/filter", {})
        return {one["name"] for one in known if one["status"] == "ONLINE"}

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.api}/health", timeout=2).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


@contextmanager
def shared_domains(folder: Path, names: list[str]) -> Iterator[SharedDomains]:
    """Hosts and services that run, sample data that lie ready, and results to compare with."""
    embedded = Settings(home=folder / "embedded")
    for domain in DOMAINS.values():
        domain.write(embedded, 1)
    with ExitStack() as stack:
        hosts = stack.enter_context(joined_hosts(names))
        postgres = stack.enter_context(
            running_postgres(host=ADDRESS, clients=f"{ADDRESS.rpartition('.')[0]}.0/24")
        )
        s3 = stack.enter_context(running_s3(ADDRESS))
        here = stack.enter_context(running_sources(techstore_folder(embedded)))
        there = dict(here)
        ports = {here["TECHSTORE_SFTP_PORT"], here["TECHSTORE_DOLAR_URL"].rpartition(":")[2]}
        for port in ports:
            stack.enter_context(reachable(int(port.strip("/"))))
        for name, value in here.items():
            if name != "TECHSTORE_DATABASE_URL":
                there[name] = value.replace("127.0.0.1", ADDRESS)
        shared = SharedDomains(folder, hosts, postgres, s3, there)
        stack.callback(shared.close)
        shared.run_embedded(here)
        shared.open()
        yield shared


def until(what: Callable[[], Any], seconds: float, why: Callable[[], str]) -> Any:
    """Ask until there is an answer; what is away meanwhile is asked again."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = what()
        except httpx.HTTPError:
            found = None
        if found:
            return found
        assert time.monotonic() < deadline, why()
        time.sleep(0.5)
