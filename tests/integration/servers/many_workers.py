"""A domain `shop` that several workers share: its project on a lake, its files, its services."""

import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import psycopg
import yaml
from servers.child_process import dies_with_its_parent, run_to_end, stop
from servers.gated_project import Gate
from servers.postgres import PostgresServer
from servers.prefect_server import without_prefect
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed

from lakehouse.host_processes import processes_with
from lakehouse.settings import PROJECT_ROOT

BIN = Path(sys.executable).parent
RUN_VARIABLE = "PREFECT__FLOW_RUN_ID"
FLOWS = ("elt", "dbt_build", "ingest", "dbt_build_part", "extract_part")
PROJECT = """
name: aljibe
profile: aljibe
version: '1.0'
macro-paths: [macros]
models:
  aljibe:
    shop:
      +materialized: table
      marts:
        +meta: {publish: true}
data_tests:
  aljibe:
    +store_failures: true
    +schema: dq_audit
"""
MODELS = """
models:
  - name: stg_payments
    columns: [{name: id, data_tests: [unique, not_null]}]
  - name: left_payments
    columns:
      - name: id
        data_tests:
          - unique
          - relationships: {arguments: {to: "ref('right_payments')", field: id}}
  - name: right_payments
    columns: [{name: id, data_tests: [not_null]}]
"""
STAGING = "select id, amount, _source_file from {{ source('shop_files', 'table_01') }}"
LEFT = "select id, amount * 2 as doubled from {{ ref('stg_payments') }}"
GATED = """
select id, amount + 0 * (select sum(length(content)) from read_text('GATE')) as amount
from {{ ref('stg_payments') }}
"""


def write_shop(folder: Path, tables: int, models: Mapping[str, str], yaml_text: str) -> None:
    """A dbt project with the profile and macros of ours, and one domain.

    Args:
        folder: of the project.
        tables: declared source tables, `table_01` and so on, each of two integer columns.
        models: SQL by the path of its file below the domain.
        yaml_text: what is declared of the models.
    """
    domain = folder / "models" / "shop"
    domain.mkdir(parents=True)
    shutil.copytree(PROJECT_ROOT / "dbt" / "macros", folder / "macros")
    shutil.copy(PROJECT_ROOT / "dbt" / "profiles.yml", folder)
    (folder / "dbt_project.yml").write_text(PROJECT)
    columns = [{"name": name, "data_type": "integer"} for name in ("id", "amount")]
    declared = [
        {
            "name": f"table_{number:02}",
            "config": {"meta": {"pattern": f"table_{number:02}*.csv"}},
            "columns": columns,
        }
        for number in range(1, tables + 1)
    ]
    meta = {"connector": "files", "block": "shop-place", "load": "append"}
    source = {"name": "shop_files", "schema": "raw", "config": {"meta": meta}, "tables": declared}
    (domain / "_shop__sources.yml").write_text(yaml.safe_dump({"sources": [source]}))
    (domain / "_shop__models.yml").write_text(yaml_text)
    for name, sql in models.items():
        path = domain / f"{name}.sql"
        path.parent.mkdir(exist_ok=True)
        path.write_text(sql)


class ManyWorkers:
    """The services of the domain, whose workers and runs can be killed.

    Attributes:
        home: `$ALJIBE_HOME` of all of them.
        landing: folder of its files.
        gate: holds whoever builds `right_payments`.
    """

    def __init__(
        self, folder: Path, prefect: Mapping[str, str], postgres: PostgresServer, name: str
    ) -> None:
        self.folder, self.home, self.landing = folder, folder / "home", folder / "landing"
        self.api = prefect["PREFECT_API_URL"]
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self._delivered = 0
        self.landing.mkdir(parents=True)
        self.gate = Gate(folder / "gate")
        self.gate.open()
        self.audit = self._database(postgres, f"{name}_audit")
        clean = {
            key: value
            for key, value in without_prefect(os.environ).items()
            if not key.startswith(("ALJIBE_", "PG", "DATABASE_"))
        }
        self.environment = {
            **clean,
            **prefect,
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "ALJIBE_HOME": str(self.home),
            "ALJIBE_AUDIT_URL": self.audit,
            "ALJIBE_TARGET": "lake",
            "ALJIBE_LAKE_CATALOG_URL": self._database(postgres, f"{name}_lake"),
            "ALJIBE_PROJECT": str(PROJECT_ROOT),
            "ALJIBE_PROJECT_DIR": str(folder / "dbt"),
            "ALJIBE_DATA_CATALOG": "false",
            "ALJIBE_PART_START_SECONDS": "0",
            "ALJIBE_PART_WAIT_SECONDS": "600",
            "ALJIBE_DRAIN_SECONDS": "5",
            "PYTHONPATH": str(PROJECT_ROOT),
        }

    def write_payments(self) -> None:
        """The project with a trunk, two branches and a test over both."""
        gated = GATED.replace("GATE", str(self.gate.path))
        models = {
            "staging/stg_payments": STAGING,
            "marts/left_payments": LEFT,
            "marts/right_payments": gated,
        }
        write_shop(self.folder / "dbt", 4, models, MODELS)

    def deliver(self, tables: int, rows: int) -> None:
        """A file for each table with further rows: `id` goes on where the last file ended."""
        first, self._delivered = self._delivered, self._delivered + rows
        for number in range(1, tables + 1):
            lines = "\n".join(f"{at},{at * number}" for at in range(first, first + rows))
            path = self.landing / f"table_{number:02}_{first:09}.csv"
            temporary = path.with_suffix(".tmp")
            temporary.write_text(f"id,amount\n{lines}\n")
            temporary.rename(path)

    def deploy(self) -> None:
        """Save block and pool, and deploy the flows as the project deploys its own."""
        program = (
            "import sys\n"
            "from blocks.landing_folder import LandingFolder\n"
            "from blocks.work_pool import save_work_pool\n"
            "from lakehouse.settings import load_settings\n"
            "LandingFolder(path=sys.argv[1]).save('shop-place', overwrite=True)\n"
            "save_work_pool(load_settings())\n"
        )
        self.call([sys.executable, "-c", program, self.landing])
        declared = yaml.safe_load((PROJECT_ROOT / "prefect.yaml").read_text())
        wanted = [
            one
            for one in declared["deployments"]
            if one["entrypoint"].rpartition(":")[2] in FLOWS
            and one["name"] in ("pharma-latam", "all-domains")
        ]
        text = yaml.safe_dump(wanted)
        deployments = yaml.safe_load(
            text.replace("pharma_latam", "shop").replace("pharma-latam", "shop")
        )
        for one in deployments:
            for key in ("schedules", "triggers"):
                one.pop(key, None)
        own = {key: declared[key] for key in ("name", "prefect-version", "pull")}
        path = self.folder / "prefect.yaml"
        path.write_text(yaml.safe_dump({**own, "deployments": deployments}))
        deploy = [BIN / "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", path]
        self.call(deploy, PROJECT_ROOT)

    def start_worker(self, name: str, **variables: str) -> None:
        """A worker of this name on the home."""
        with (self.folder / f"{name}.log").open("ab") as out:
            self.workers[name] = subprocess.Popen(
                [*dies_with_its_parent(signal.SIGKILL), BIN / "aljibe", "worker"],
                env={**self.environment, "ALJIBE_WORKER_NAME": name, **variables},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=self.folder,
                start_new_session=True,
            )

    def wait_for_workers(self, seconds: float = 400) -> None:
        """Wait until every worker that was started pulls."""
        deadline = time.monotonic() + seconds
        while True:
            known = self.ask("work_pools/aljibe/workers/filter")
            online = {one["name"] for one in known if one["status"] == "ONLINE"}
            if set(self.workers) <= online:
                return
            assert time.monotonic() < deadline, (online, self.logs())
            time.sleep(0.3)

    def stop(self) -> None:
        """End workers and what they left."""
        for process in self.workers.values():
            stop(process, signal.SIGTERM)
        for left in processes_with("ALJIBE_HOME", str(self.home)):
            os.kill(left.pid, signal.SIGKILL)

    def request(self, flow: str, **parameters: Any) -> str:
        """Start a run of `flow/shop`; its id."""
        deployment = self.ask(f"deployments/name/{flow}/shop", method="GET")
        body = {
            "state": {"type": "SCHEDULED"},
            "parameters": {"domain": "shop", **parameters},
            "idempotency_key": uuid.uuid4().hex,
        }
        return str(self.ask(f"deployments/{deployment['id']}/create_flow_run", body)["id"])

    def wait(self, run_id: str, seconds: float = 900) -> dict[str, Any]:
        """The run when it has ended."""
        deadline = time.monotonic() + seconds
        while True:
            run: dict[str, Any] = self.ask(f"flow_runs/{run_id}", method="GET")
            if run["state_type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"):
                return run
            assert time.monotonic() < deadline, (run["state"], self.logs())
            time.sleep(0.5)

    def runs_of(self, flow: str) -> list[dict[str, Any]]:
        """Runs of a flow, oldest first."""
        asked = {"flows": {"name": {"any_": [flow]}}, "sort": "EXPECTED_START_TIME_ASC"}
        return list(self.ask("flow_runs/filter", asked))

    def parts(self, kind: str) -> list[dict[str, Any]]:
        """Rows of the parts, in the order in which they were planned."""
        asked = "select * from run_parts where kind = %s order by planned_at, number"
        with psycopg.connect(self.audit, row_factory=psycopg.rows.dict_row) as session:
            try:
                return session.execute(asked, [kind]).fetchall()
            except psycopg.errors.UndefinedTable:
                # No run has used the audit database yet.
                return []

    def kill_run(self, run_id: str) -> None:
        """Kill -9: every process of a flow run, dbt's too."""
        for process in processes_with(RUN_VARIABLE, run_id):
            os.kill(process.pid, signal.SIGKILL)

    def ask(self, path: str, body: Any = None, method: str = "POST") -> Any:
        """Ask the API, again where its SQLite is busy."""
        sent = (body or {}) if method == "POST" else None
        for attempt in Retrying(
            retry=retry_if_exception_type(httpx.HTTPError),
            stop=stop_after_attempt(6),
            wait=wait_fixed(2),
            reraise=True,
        ):
            with attempt:
                answer = httpx.request(method, f"{self.api}/{path}", json=sent, timeout=60)
                answer.raise_for_status()
        return answer.json()

    def call(self, command: list[Any], folder: Path | None = None) -> str:
        """Run a command to its end with the workers' environment."""
        return run_to_end(command, self.environment, folder or self.folder)

    def logs(self) -> str:
        """What the workers said last."""
        return "\n".join(path.read_text()[-4000:] for path in self.folder.glob("*.log"))

    def _database(self, postgres: PostgresServer, name: str) -> str:
        admin = postgres.url.set(drivername="postgresql")
        with psycopg.connect(
            admin.render_as_string(hide_password=False), autocommit=True
        ) as session:
            session.execute(f'create database "{name}"')
        return admin.set(database=name).render_as_string(hide_password=False)
