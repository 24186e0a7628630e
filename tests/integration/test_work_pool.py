"""The work pool as bootstrap makes it, on a real Prefect server."""

import os
import subprocess
import sys
import time

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.settings import PREFECT_API_URL, temporary_settings
from servers.child_process import free_port
from servers.prefect_server import running_prefect_server

from blocks.automations import WORK_POOL
from blocks.work_pool import save_work_pool
from lakehouse.errors import BlockInvalid, PrefectUnavailable
from lakehouse.settings import PROJECT_ROOT, Settings

pytestmark = [pytest.mark.integration, pytest.mark.long]


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    with running_prefect_server(tmp_path_factory.mktemp("pool")) as variables:
        yield variables["PREFECT_API_URL"]


@pytest.fixture
def client(api):
    with temporary_settings({PREFECT_API_URL: api}), get_client(sync_client=True) as client:
        for pool in client.read_work_pools():
            client.delete_work_pool(pool.name)
        yield client


def test_a_pool_is_made_with_a_limit_and_then_left_as_operators_want_it(client, monkeypatch):
    monkeypatch.delenv("ALJIBE_POOL_LIMIT", raising=False)
    assert save_work_pool(Settings()) == f"made {WORK_POOL}, at most 4 runs at once"
    pool = client.read_work_pool(WORK_POOL)
    assert (pool.type, pool.concurrency_limit) == ("process", 4)
    assert "working_dir" in pool.base_job_template["variables"]["properties"]
    client.update_work_pool(WORK_POOL, WorkPoolUpdate(concurrency_limit=9))
    assert "at most 9" in save_work_pool(Settings())
    assert client.read_work_pool(WORK_POOL).concurrency_limit == 9
    assert client.read_work_pool(WORK_POOL).id == pool.id


def test_a_limit_that_is_set_counts(client):
    save_work_pool(Settings())
    assert "at most 2" in save_work_pool(Settings(pool_limit=2))
    assert client.read_work_pool(WORK_POOL).concurrency_limit == 2


def test_a_pool_of_another_type_is_named(client):
    client.create_work_pool(WorkPoolCreate(name=WORK_POOL, type="docker"))
    with pytest.raises(BlockInvalid, match=r"of type docker.* Rename or delete it"):
        save_work_pool(Settings())


def test_an_api_that_is_away_is_waited_for():
    port = free_port()
    began = time.monotonic()
    with (
        temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{port}/api"}),
        pytest.raises(PrefectUnavailable, match=f"127.0.0.1:{port}.* does not answer"),
    ):
        save_work_pool(Settings(api_wait_seconds=2))
    assert time.monotonic() - began >= 2


def test_bootstrap_says_which_step_failed_and_stops_there():
    port = free_port()
    environment = {
        **os.environ,
        "ALJIBE_BIN": os.path.dirname(sys.executable),  # noqa: PTH120
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "ALJIBE_API_WAIT_SECONDS": "1",
        "PREFECT_API_KEY": "",
    }
    done = subprocess.run(
        [PROJECT_ROOT / "deploy" / "bootstrap"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout.split() == ["Work", "pool"]
    assert "that failed (" in done.stderr
    assert "blocks.work_pool" in done.stderr
