"""A domain `shop` whose file comes by SFTP: its dbt project, its deployment, and what it loaded."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import httpx
import yaml
from servers.child_process import free_port, wait_until_ready
from servers.prefect_server import without_prefect
from servers.sshd import SshServer

from cli.prefect_environment import SERVER_ON_SQLITE
from lakehouse.settings import PROJECT_ROOT

BIN = Path(sys.executable).parent
SOURCES = """
sources:
  - name: shop_sftp
    schema: raw
    config: {meta: {connector: sftp, block: shop-place, load: append}}
    tables:
      - name: payments
        config: {meta: {pattern: "payments*.csv"}}
        columns: [{name: id, data_type: integer}, {name: amount, data_type: integer}]
"""
PROFILES = """
shop:
  target: dev
  outputs: {dev: {type: duckdb, path: "{{ env_var('ALJIBE_WAREHOUSE') }}"}}
"""
MODEL = "select id, amount, _source_file from {{ source('shop_sftp', 'payments') }}"
SAVE_BLOCK = """
import sys
from blocks.sftp_server import SftpServer
host_key, port, user, key, path = sys.argv[1:]
SftpServer(host="127.0.0.1", port=int(port), username=user, private_key=open(key).read(),
           host_key=host_key, path=path).save("shop-place", overwrite=True)
"""


class WatchedShop:
    """Server, worker and watcher of a shop, each of which can be killed and started again.

    Attributes:
        home: `$ALJIBE_HOME` of worker and watcher.
        upload: the folder of the SFTP server.
    """

    def __init__(self, folder: Path, ssh: SshServer, upload: Path) -> None:
        self.folder, self.ssh, self.upload = folder, ssh, upload
        self.home = folder / "home"
        self.port = free_port()
        self.api = f"http://127.0.0.1:{self.port}/api"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        project = folder / "dbt"
        models = project / "models" / "shop"
        models.mkdir(parents=True)
        (project / "dbt_project.yml").write_text("name: shop\nprofile: shop\nversion: '1.0'\n")
        (project / "profiles.yml").write_text(PROFILES)
        (models / "_shop__sources.yml").write_text(SOURCES)
        (models / "payments_all.sql").write_text(MODEL)
        self.environment = without_prefect(os.environ) | {
            "PREFECT_API_URL": self.api,
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_SERVER_UI_API_URL": "/api",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_MEMO_STORE_PATH": str(folder / "memo_store.toml"),
            **SERVER_ON_SQLITE,
            "ALJIBE_HOME": str(self.home),
            "ALJIBE_PROJECT": str(PROJECT_ROOT),
            "ALJIBE_PROJECT_DIR": str(project),
            "ALJIBE_DATA_CATALOG": "false",
            "PYTHONPATH": str(PROJECT_ROOT),
        }

    def start(self, name: str) -> None:
        """Start `server`, `worker` or `watcher`."""
        commands: dict[str, list[str]] = {
            "server": [
                *(sys.executable, "-m", "prefect", "server", "start"),
                *(f"--port={self.port}", "--host=127.0.0.1"),
            ],
            "worker": [str(BIN / "aljibe"), "worker"],
            "watcher": [str(BIN / "aljibe"), "watch", "shop", "--again", "15"],
        }
        log = self.folder / f"{name}.log"
        with log.open("ab") as out:
            self.processes[name] = subprocess.Popen(
                commands[name],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=self.folder,
                start_new_session=True,
            )
        if name == "server":
            wait_until_ready(self.processes[name], self._healthy, log, 120)

    def wait_until_watched(self) -> None:
        """Wait until worker and watcher look for work: from then on a run starts soon."""
        watcher, log = self.processes["watcher"], self.folder / "watcher.log"
        wait_until_ready(watcher, lambda: "watching shop" in log.read_text(), log, 120)
        worker, log = self.processes["worker"], self.folder / "worker.log"
        wait_until_ready(worker, self._pool_is_polled, log, 120)

    def kill(self, name: str) -> None:
        """Kill -9, as a bad day would."""
        process = self.processes.pop(name)
        process.kill()
        process.wait(20)

    def stop_all(self) -> None:
        """End what still runs."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(20)

    def deploy(self) -> None:
        """Save the block, and deploy `elt/shop` as the project deploys its own domains."""
        key = self.ssh.folder / "user_key"
        place = [self.ssh.host_key, str(self.ssh.port), self.ssh.username, str(key)]
        self._run([sys.executable, "-c", SAVE_BLOCK, *place, str(self.upload)])
        self._run([str(BIN / "prefect"), "work-pool", "create", "aljibe", "--type", "process"])
        declared = yaml.safe_load((PROJECT_ROOT / "prefect.yaml").read_text())
        (elt,) = [
            one
            for one in declared["deployments"]
            if (one["name"], one["entrypoint"]) == ("pharma-latam", "flows/elt.py:elt")
        ]
        as_text = (
            yaml.safe_dump(elt).replace("pharma_latam", "shop").replace("pharma-latam", "shop")
        )
        own = {
            **{key: declared[key] for key in ("name", "prefect-version", "pull")},
            "deployments": [{**yaml.safe_load(as_text), "schedules": []}],
        }
        path = self.folder / "prefect.yaml"
        path.write_text(yaml.safe_dump(own))
        self._run(
            [str(BIN / "prefect"), "--no-prompt", "deploy", "--all", "--prefect-file", str(path)],
            PROJECT_ROOT,
        )

    def runs(self) -> list[dict[str, Any]]:
        """Flow runs of `elt`, the newest last."""
        asked = {"flows": {"name": {"any_": ["elt"]}}, "sort": "EXPECTED_START_TIME_ASC"}
        answer = httpx.post(f"{self.api}/flow_runs/filter", json=asked, timeout=30)
        return list(answer.raise_for_status().json())

    def loaded(self) -> list[tuple[Any, ...]]:
        """Rows in RAW: id, amount and file."""
        pattern = self.home / "raw" / "shop_sftp" / "payments" / "**" / "*.parquet"
        if not list(self.home.glob("raw/shop_sftp/payments/**/*.parquet")):
            return []
        return duckdb.sql(
            f"select id, amount, _source_file from read_parquet('{pattern}') order by all"
        ).fetchall()

    def _healthy(self) -> bool:
        try:
            return httpx.get(f"{self.api}/health", timeout=2).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def _pool_is_polled(self) -> bool:
        answer = httpx.get(f"{self.api}/work_pools/aljibe", timeout=30)
        return bool(answer.raise_for_status().json()["status"] == "READY")

    def _run(self, command: list[str], folder: Path | None = None) -> None:
        done = subprocess.run(
            command,
            env=self.environment,
            cwd=folder or self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
