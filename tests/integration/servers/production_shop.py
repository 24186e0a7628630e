"""A shop in production: Prefect on PostgreSQL with a password, a worker, a domain with a gate."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import httpx
import yaml
from servers.child_process import dies_with_its_parent, free_port, run_to_end, wait_until_ready
from servers.gated_project import write_gated_project
from servers.lasting_postgres import LastingPostgres
from servers.prefect_server import without_prefect

from lakehouse.host_processes import HostProcess, processes_with
from lakehouse.settings import PROJECT_ROOT

BIN = Path(sys.executable).parent
PREPARE = """
import sys
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from blocks.landing_folder import LandingFolder
LandingFolder(path=sys.argv[1]).save("shop-place", overwrite=True)
with get_client(sync_client=True) as client:
    client.create_work_pool(WorkPoolCreate(name="aljibe", type="process"))
"""
SERVER, WORKER, POSTGRES, FLOW = "server", "worker", "postgres", "flow"
RUN_VARIABLE = "PREFECT__FLOW_RUN_ID"


class ProductionShop:
    """Each part can be killed and started again.

    Attributes:
        home: `$ALJIBE_HOME` of the worker.
        landing: folder of its files.
        gate: holds its runs inside dbt, or lets them through.
        auth: `user:password` of the server.
        postgres: of the server.
    """

    def __init__(self, folder: Path, database: LastingPostgres, drain_seconds: float = 300) -> None:
        self.folder, self.home = folder, folder / "home"
        self.landing = folder / "landing"
        self.auth = f"aljibe:{secrets.token_urlsafe(12)}"
        self.postgres = database
        self.port, self.health_port = free_port(), free_port()
        self.api = f"http://127.0.0.1:{self.port}/api"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.landing.mkdir()
        self.gate = write_gated_project(folder / "dbt", folder / "gate")
        database = self.postgres.url.set(drivername="postgres")
        clean = {
            key: value
            for key, value in without_prefect(os.environ).items()
            if not key.startswith(("ALJIBE_", "PG", "DATABASE_"))
        }
        self.server_environment = clean | {
            "ALJIBE_HOME": str(folder / "server-home"),
            "DATABASE_URL": database.render_as_string(hide_password=False),
            "PREFECT_SERVER_API_AUTH_STRING": self.auth,
            "PORT": str(self.port),
            "PYTHONPATH": str(PROJECT_ROOT),
        }
        self.environment = clean | {
            "PREFECT_API_URL": self.api,
            "PREFECT_API_AUTH_STRING": self.auth,
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "ALJIBE_HOME": str(self.home),
            "ALJIBE_PROJECT": str(PROJECT_ROOT),
            "ALJIBE_PROJECT_DIR": str(folder / "dbt"),
            "ALJIBE_DATA_CATALOG": "false",
            "ALJIBE_DRAIN_SECONDS": str(drain_seconds),
            "ALJIBE_WORKER_NAME": "shop-worker",
            "ALJIBE_HEALTH_PORT": str(self.health_port),
            "PYTHONPATH": str(PROJECT_ROOT),
        }

    def open(self) -> None:
        """Start PostgreSQL and the server, and deploy."""
        self.postgres.start()
        self.start(SERVER)
        self._deploy()

    def close(self) -> None:
        """End whatever still runs."""
        for process in self.processes.values():
            process.kill()
            process.wait(20)
        for left in self.run_processes():
            os.kill(left.pid, signal.SIGKILL)
        self.postgres.remove()

    def start(self, name: str, **variables: str) -> None:
        """Start the server, and wait for it, or the worker, or PostgreSQL."""
        if name == POSTGRES:
            self.postgres.start()
            return
        environment = self.server_environment if name == SERVER else self.environment
        log = self.log_file(name)
        with log.open("ab") as out:
            self.processes[name] = subprocess.Popen(
                [*dies_with_its_parent(signal.SIGKILL), BIN / "aljibe", name],
                env=environment | variables,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=self.folder,
                start_new_session=True,
            )
        if name == SERVER:
            wait_until_ready(self.processes[name], self.answers, log, 120)

    def kill(self, name: str) -> None:
        """Kill -9: the server, the worker alone, PostgreSQL, or the process of a flow run."""
        if name == POSTGRES:
            self.postgres.kill()
        elif name == FLOW:
            for process in self.run_processes():
                if b"dbt_child" not in Path(f"/proc/{process.pid}/cmdline").read_bytes():
                    os.kill(process.pid, signal.SIGKILL)
        else:
            process = self.processes.pop(name)
            process.kill()
            process.wait(20)

    def supervise(self) -> None:
        """Start again what ended by itself, as a supervisor does."""
        for name, process in list(self.processes.items()):
            if process.poll() is not None:
                print(f"{name} had ended with {process.returncode}", flush=True)
                self.start(name)

    def stop(self, name: str, seconds: float) -> int:
        """SIGTERM, as a redeploy does; the exit code."""
        process = self.processes.pop(name)
        process.terminate()
        return process.wait(seconds)

    def log_file(self, name: str) -> Path:
        """What a part has said."""
        return self.folder / f"{name}.log"

    def run_processes(self) -> list[HostProcess]:
        """Processes of flow runs of this shop, dbt's too."""
        found = processes_with("ALJIBE_HOME", str(self.home), also=[RUN_VARIABLE])
        return [one for one in found if RUN_VARIABLE in one.environment]

    def is_held(self) -> bool:
        """Whether a run waits at the gate."""
        if not self.gate.is_closed:
            return False
        return any(
            b"dbt_child" in _command(process.pid) and _waits_for_pipe(process.pid)
            for process in self.run_processes()
        )

    def deliver(self, number: int) -> None:
        """Put a file with a row of its own."""
        path = self.landing / f"payments_{number:04}.csv"
        temporary = path.with_suffix(".tmp")
        temporary.write_text(f"id,amount\n{number},{number * 10}\n")
        temporary.rename(path)

    def request_run(self) -> UUID:
        """Start a run of the deployment, as the UI's button does."""
        deployment = self.ask("GET", "deployments/name/elt/shop")
        body = {"state": {"type": "SCHEDULED"}}
        made = self.ask("POST", f"deployments/{deployment['id']}/create_flow_run", body)
        return UUID(made["id"])

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the API with the server's credentials."""
        user, _, password = self.auth.partition(":")
        answer = httpx.request(
            method, f"{self.api}/{path}", json=body, auth=(user, password), timeout=30
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def run(self, run_id: UUID | str) -> dict[str, Any]:
        """A flow run."""
        found: dict[str, Any] = self.ask("GET", f"flow_runs/{run_id}")
        return found

    def runs(self) -> list[dict[str, Any]]:
        """Runs of the deployment, oldest first."""
        asked = {
            "flow_runs": {"parent_task_run_id": {"is_null_": True}},
            "sort": "EXPECTED_START_TIME_ASC",
        }
        return list(self.ask("POST", "flow_runs/filter", asked))

    def unfinished(self) -> list[str]:
        """Flow runs, subflow runs and task runs that say they are not over."""
        states = ["RUNNING", "PENDING", "CANCELLING", "SCHEDULED"]
        flows = {"flow_runs": {"state": {"type": {"any_": states}}}}
        tasks = {"task_runs": {"state": {"type": {"any_": states}}}}
        found = [*self.ask("POST", "flow_runs/filter", flows)]
        found += self.ask("POST", "task_runs/filter", tasks)
        return [f"{one['name']}: {one['state_name']}" for one in found]

    def used_slots(self) -> int:
        """Places under the deployment's limit that are taken."""
        (limit,) = self.ask("POST", "v2/concurrency_limits/filter", {})
        return int(limit["active_slots"])

    def raw_rows(self) -> list[tuple[Any, ...]]:
        """What RAW holds: id, amount, file."""
        files = list(self.home.glob("raw/shop_files/payments/**/*.parquet"))
        if not files:
            return []
        return duckdb.sql(
            f"select id, amount, _source_file from read_parquet({[str(f) for f in files]}) "
            "order by all"
        ).fetchall()

    def published_rows(self) -> list[tuple[Any, ...]]:
        """What readers see of the same."""
        path = self.home / "serving" / "shop.duckdb"
        if not path.exists():
            return []
        with duckdb.connect(str(path), read_only=True) as copy:
            return copy.execute(
                "select id, amount, _source_file from marts.payments_all order by all"
            ).fetchall()

    def answers(self) -> bool:
        """Whether the server is healthy."""
        try:
            return httpx.get(f"{self.api}/health", timeout=2).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def _deploy(self) -> None:
        """Save the block, deploy as the project deploys its own domains, save the automations."""
        self.call([sys.executable, "-c", PREPARE, str(self.landing)])
        declared = yaml.safe_load((PROJECT_ROOT / "prefect.yaml").read_text())
        (elt,) = [
            one
            for one in declared["deployments"]
            if (one["name"], one["entrypoint"]) == ("pharma-latam", "flows/elt.py:elt")
        ]
        text = json.dumps(elt).replace("pharma_latam", "shop").replace("pharma-latam", "shop")
        own = {
            **{key: declared[key] for key in ("name", "prefect-version", "pull")},
            "deployments": [{**json.loads(text), "schedules": []}],
        }
        path = self.folder / "prefect.yaml"
        path.write_text(yaml.safe_dump(own))
        deploy = [BIN / "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", path]
        self.call(deploy, PROJECT_ROOT)
        self.call([sys.executable, "-m", "blocks.automations"])

    def call(self, command: list[Any], folder: Path | None = None) -> str:
        """Run a command to its end with the worker's environment."""
        return run_to_end(command, self.environment, folder or self.folder)


def wait_for(what: Callable[[], Any], seconds: float = 90) -> Any:
    """Ask until there is an answer; what is away meanwhile is asked again."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = what()
        except (httpx.HTTPError, duckdb.Error):
            found = None
        if found:
            return found
        assert time.monotonic() < deadline, f"it did not happen in {seconds} s"
        time.sleep(0.3)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _waits_for_pipe(pid: int) -> bool:
    """Whether a thread of the process sleeps in opening a named pipe."""
    for task in Path(f"/proc/{pid}/task").glob("*/wchan"):
        try:
            if "wait_for_partner" in task.read_text() or "fifo_open" in task.read_text():
                return True
        except OSError:
            continue
    return False
