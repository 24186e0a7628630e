"""A real Prefect server, a work pool, a worker, and runs started from outside."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from servers.child_process import dies_with_its_parent, stop
from servers.prefect_server import running_prefect_server

from demo.pharma_deliveries import seed_deliveries
from lakehouse.settings import PROJECT_ROOT

pytestmark = [pytest.mark.integration, pytest.mark.long]
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    seed_deliveries(folder / "landing" / "pharma_latam")
    return folder


@pytest.fixture(scope="module")
def own_prefect_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A server of its own: saved blocks would win over the declared ones of other tests' runs."""
    with running_prefect_server(tmp_path_factory.mktemp("bootstrapped")) as variables:
        yield variables


@pytest.fixture(scope="module")
def environment(own_prefect_api: dict[str, str], home: Path) -> dict[str, str]:
    return {
        **os.environ,
        **own_prefect_api,
        "ALJIBE_HOME": str(home),
        "ALJIBE_BIN": str(BIN),
        "PREFECT_WORKER_QUERY_SECONDS": "1",
    }


@pytest.fixture(scope="module")
def bootstrapped(environment: dict[str, str]) -> dict[str, str]:
    """The server after two bootstraps: the second must change nothing."""
    for _ in range(2):
        done = subprocess.run(
            [PROJECT_ROOT / "deploy" / "bootstrap"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return environment


@pytest.fixture(scope="module")
def worker(bootstrapped: dict[str, str], home: Path) -> Iterator[None]:
    log = home / "worker.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*dies_with_its_parent(signal.SIGKILL), BIN / "aljibe", "worker"],
            env=bootstrapped,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=home,
        )
        yield
        stop(process, signal.SIGTERM)


def ask(api: str, path: str, body: dict | None = None):
    request = urllib.request.Request(
        f"{api}/{path}",
        data=json.dumps(body if body is not None else {}).encode(),
        headers={"content-type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_bootstrap_makes_blocks_pool_and_deployments_once(bootstrapped):
    api = bootstrapped["PREFECT_API_URL"]
    deployments = ask(api, "deployments/filter")
    flows = {flow["id"]: flow["name"] for flow in ask(api, "flows/filter")}
    assert sorted(f"{flows[d['flow_id']]}/{d['name']}" for d in deployments) == [
        "alert/all-domains",
        "backfill/bioreactor",
        "backfill/olist",
        "backup/backup-daily",
        "dbt-build-part/all-domains",
        "dbt-build/bioreactor",
        "dbt-build/olist",
        "dbt-build/pharma-latam",
        "dbt-build/techstore",
        "dbt-build/wells",
        "elt/bioreactor",
        "elt/olist",
        "elt/olist-weekly",
        "elt/pharma-latam",
        "elt/techstore",
        "elt/wells",
        "extract-part/all-domains",
        "health/every-quarter-hour",
        "housekeeping/arrivals-hourly",
        "ingest/bioreactor",
        "ingest/olist",
        "ingest/pharma-latam",
        "ingest/techstore",
        "ingest/wells",
        "publish-back/all-domains",
        "publish/bioreactor",
        "publish/olist",
        "publish/pharma-latam",
        "publish/techstore",
        "publish/wells",
        "quarantine/all-domains",
        "retention/retention-daily",
    ]
    assert {d["work_pool_name"] for d in deployments} == {"aljibe"}
    schedules = {
        d["name"]: [(s["schedule"]["cron"], s["schedule"]["timezone"]) for s in d["schedules"]]
        for d in deployments
        if d["schedules"]
    }
    assert schedules == {
        "pharma-latam": [("0 6 * * *", "UTC")],
        "techstore": [("30 5 * * *", "America/Argentina/Buenos_Aires")],
        "olist": [("0 2 * * *", "America/Sao_Paulo")],
        "backup-daily": [("10 3 * * *", "UTC")],
        "every-quarter-hour": [("*/15 * * * *", "UTC")],
        "retention-daily": [("40 3 * * *", "UTC")],
        "arrivals-hourly": [("5 * * * *", "UTC")],
        "bioreactor": [("0 2 * * *", "Europe/London")],
        "olist-weekly": [("0 4 * * 0", "America/Sao_Paulo")],
        "wells": [("0 6 * * *", "America/Mexico_City")],
    }
    pools = ask(api, "work_pools/filter")
    assert [(p["name"], p["type"]) for p in pools if p["name"] == "aljibe"] == [
        ("aljibe", "process")
    ]
    blocks = ask(api, "block_documents/filter")
    assert [b["name"] for b in blocks if b["name"] == "landing-pharma-latam"] == [
        "landing-pharma-latam"
    ]


@pytest.mark.usefixtures("worker")
def test_a_deployment_run_completes_and_leaves_its_artifacts(bootstrapped, home):
    done = subprocess.run(
        [BIN / "prefect", "deployment", "run", "elt/pharma-latam", "--watch"],
        env=bootstrapped,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    log = (home / "worker.log").read_text()
    assert done.returncode == 0, done.stdout + done.stderr + log[-3000:]
    assert "Completed" in done.stdout
    keys = {a["key"] for a in ask(bootstrapped["PREFECT_API_URL"], "artifacts/filter")}
    assert {"dbt-pharma-latam", "dbt-tests-pharma-latam", "publish-pharma-latam"} <= keys
    with duckdb.connect(str(home / "serving" / "pharma_latam.duckdb"), read_only=True) as copy:
        assert copy.execute("select count(*) from consume.fct_ventas_latam").fetchone() == (5,)


@pytest.mark.usefixtures("worker")
def test_each_step_runs_alone_as_a_deployment(bootstrapped):
    for name in ("ingest", "dbt-build", "publish"):
        done = subprocess.run(
            [BIN / "prefect", "deployment", "run", f"{name}/pharma-latam", "--watch"],
            env=bootstrapped,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


SEND = """
import sys, uuid
from lakehouse.reports.run_events import RunEvent
from tasks.send_events import send_events
name, resource = sys.argv[1:]
labels = {"prefect.resource.id": resource, "lakehouse.domain": "pharma_latam"}
payload = {"domain": "pharma_latam", "test": "every sale has a price", "run_id": str(uuid.uuid4())}
send_events([RunEvent(name, str(uuid.uuid4()), labels, (), payload) for _ in range(3)])
"""


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    ("event", "resource", "runs"),
    [
        ("lakehouse.test.failed", "lakehouse.test.pharma_latam.a", 1),
        ("lakehouse.publish.blocked", "lakehouse.publish.pharma_latam", 3),
    ],
)
def test_what_stops_a_domain_starts_a_run_that_tells_operators(bootstrapped, event, resource, runs):
    api = bootstrapped["PREFECT_API_URL"]
    asked = {"flows": {"name": {"any_": ["alert"]}}}
    before = len(ask(api, "flow_runs/filter", asked))
    command = [sys.executable, "-c", SEND, event, resource]
    subprocess.run(command, env=bootstrapped, cwd=PROJECT_ROOT, check=True, timeout=60)
    deadline = time.monotonic() + 60
    while True:
        found = ask(api, "flow_runs/filter", asked)
        if len(found) - before >= runs and all(r["state_type"] == "COMPLETED" for r in found):
            break
        assert time.monotonic() < deadline, [run["state"] for run in found]
        time.sleep(0.5)
    assert len(found) - before == runs
    artifacts = ask(api, "artifacts/filter")
    told = [a for a in artifacts if a["key"] == "alert-pharma-latam"]
    assert told
    assert all("pharma_latam" in a["data"] for a in told)


def test_two_runs_of_a_domain_at_once_wait_for_each_other_with_a_message(
    prefect_api, tmp_path_factory
):
    home = tmp_path_factory.mktemp("both")
    seed_deliveries(home / "landing" / "pharma_latam")
    environment = {**os.environ, **prefect_api, "ALJIBE_HOME": str(home)}
    command = [BIN / "aljibe", "run", "pharma_latam"]
    runs = []
    for _ in range(2):
        runs.append(
            subprocess.Popen(
                command,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        time.sleep(1)
    ended = [run.communicate(timeout=240) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], ended
    assert all(out.splitlines()[-1].startswith("Completed: ") for out, _ in ended)
    waited = [err for _, err in ended if "Waiting for pharma_latam" in err]
    assert len(waited) == 1
    assert "pid " in waited[0]
    with duckdb.connect(str(home / "warehouse" / "pharma_latam.duckdb"), read_only=True) as it:
        assert it.execute("select count(*) from raw.ventas_arg").fetchone() == (3,)
