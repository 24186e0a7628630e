"""Automations of a real Prefect server: it tells operators of runs, and anybody of our events."""

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from pydantic import SecretStr
from servers.message_sinks import WebhookSink, running_webhook
from servers.prefect_server import running_prefect_server

from blocks.automations import AUTOMATION, save_automations
from blocks.bootstrap import save_blocks
from blocks.notification import AppriseNotification
from blocks.zombie_automation import AUTOMATION as ZOMBIES
from flows.alert import alert
from lakehouse.errors import BlockInvalid
from lakehouse.settings import PROJECT_ROOT, load_settings

pytestmark = [pytest.mark.integration, pytest.mark.long]
UI = "https://prefect.example.com"
EMITS = """
import json, sys
from prefect import flow
from lakehouse.reports.run_events import RunEvent
from tasks.emit_events import emit_events

@flow(name="emits")
def emits(events):
    return emit_events([RunEvent(**event) for event in events])

for _ in range(2):
    assert emits(json.loads(sys.argv[1])) == 2
"""


@pytest.fixture(scope="module")
def webhook() -> Iterator[WebhookSink]:
    with running_webhook() as sink:
        yield sink


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Variables of a server of its own: other tests' runs must not be told to anybody."""
    with (
        running_prefect_server(tmp_path_factory.mktemp("automations")) as variables,
        temporary_settings({PREFECT_API_URL: variables["PREFECT_API_URL"]}),
    ):
        yield variables


@pytest.fixture(scope="module")
def ask(server: dict[str, str]) -> Callable[..., Any]:
    """Asks the server's API."""

    def ask(method: str, path: str, **body: Any) -> Any:
        url = f"{server['PREFECT_API_URL']}/{path}"
        answer = httpx.request(method, url, json=body or None, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    return ask


@pytest.fixture
def save(
    server: dict[str, str], webhook: WebhookSink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[str]]:
    """Saves blocks and automations as `deploy/bootstrap` does, with these variables."""
    for name in [name for name in os.environ if name.startswith(("ALJIBE_", "TECHSTORE_"))]:
        monkeypatch.delenv(name)
    operators = f"json://{webhook.address}/operators"

    def save(**variables: str) -> list[str]:
        given = {"HOME": str(tmp_path), "NOTIFY_OPERATORS_URL": operators, "UI_URL": UI}
        for name, value in {**given, **variables}.items():
            monkeypatch.setenv(f"ALJIBE_{name}", value)
        return [*save_blocks(), *save_automations(load_settings())]

    return save


def wait_for(look: Callable[[], Any], seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def named_automations(ask: Callable[..., Any], name: str = AUTOMATION) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask("POST", "automations/filter", limit=50)
    return [one for one in found if one["name"] == name]


def operators_block(ask: Callable[..., Any]) -> str:
    (found,) = [
        block["id"]
        for block in ask("POST", "block_documents/filter", limit=50)
        if block["name"] == "notify-operators"
    ]
    return str(found)


def end_a_run(ask: Callable[..., Any], pool: str, state: str, message: str) -> str:
    """Start a run of a deployment in a work pool and let it end so; returns its id."""
    flow = ask("POST", "flows/", name="elt")["id"]
    if pool not in [one["name"] for one in ask("POST", "work_pools/filter", limit=50)]:
        ask("POST", "work_pools/", name=pool, type="process")
    deployment = ask("POST", "deployments/", name=pool, flow_id=flow, work_pool_name=pool)["id"]
    run = ask("POST", f"deployments/{deployment}/create_flow_run", name=f"elt-{pool}")["id"]
    ended = {"type": state.upper(), "name": state, "message": message}
    ask("POST", f"flow_runs/{run}/set_state", state=ended, force=True)
    return str(run)


def test_a_run_of_ours_that_fails_is_told_to_operators(save, ask, webhook):
    assert f"saved {AUTOMATION}, by slack-webhook/notify-operators" in save()
    end_a_run(ask, "elsewhere", "Failed", "not ours")
    end_a_run(ask, "aljibe", "Completed", "all is well")
    run = end_a_run(ask, "aljibe", "Failed", "Nothing was published: 1 of 29 tests fails")
    assert wait_for(lambda: webhook.posts)
    time.sleep(1)
    ((path, body),) = webhook.posts
    assert path == "/operators"
    assert body["title"] == "elt/aljibe: Failed"
    assert body["message"].splitlines() == [
        "elt/aljibe, run elt-aljibe: Failed",
        "Nothing was published: 1 of 29 tests fails",
        f"{UI}/runs/flow-run/{run}",
    ]


def run_in_no_pool(ask: Callable[..., Any]) -> str:
    """Such as `aljibe run` starts one; its id."""
    flow = ask("POST", "flows/", name="elt")["id"]
    return str(ask("POST", "flow_runs/", flow_id=flow)["id"])


def subflow_of(ask: Callable[..., Any], run: str) -> str:
    """A flow run that another one has called; its id."""
    called = ask("POST", "task_runs/", flow_run_id=run, task_key="dbt-build", dynamic_key="0")
    flow = ask("POST", "flows/", name="dbt-build")["id"]
    return str(ask("POST", "flow_runs/", flow_id=flow, parent_task_run_id=called["id"])["id"])


def test_a_failed_test_is_told_once_by_its_run_or_by_the_alert(save, ask, webhook):
    def alerted(run_id: str) -> str:
        state = alert("pharma_latam", "lakehouse.test.failed", "a test", run_id, return_state=True)
        assert state.name == "Completed"
        return str(state.message)

    save()
    told = len(webhook.posts)
    failed = end_a_run(ask, "aljibe", "Failed", "1 of 29 tests fails")
    assert wait_for(lambda: len(webhook.posts) == told + 1)
    silent = "operators are told by the run that failed"
    assert alerted(failed).endswith(silent)
    assert alerted(subflow_of(ask, failed)).endswith(silent)
    assert len(webhook.posts) == told + 1

    unheard = [run_in_no_pool(ask), str(uuid.uuid4()), "", "no id"]
    for count, run in enumerate([*unheard, subflow_of(ask, unheard[0])], start=2):
        assert alerted(run).endswith("operators were told")
        assert len(webhook.posts) == told + count

    (automation,) = named_automations(ask)
    ask("PATCH", f"automations/{automation['id']}", enabled=False)
    told = len(webhook.posts)
    assert alerted(failed).endswith("operators were told")
    assert len(webhook.posts) == told + 1
    ask("PATCH", f"automations/{automation['id']}", enabled=True)


def test_saving_again_changes_one_automation_and_leaves_its_switch_alone(save, ask):
    save()
    (first,) = named_automations(ask)
    assert "prefect.flow-run.Completed" not in first["trigger"]["expect"]
    ask("PATCH", f"automations/{first['id']}", enabled=False)
    save(NOTIFY_COMPLETED="true")
    (again,) = named_automations(ask)
    assert (again["id"], again["enabled"]) == (first["id"], False)
    assert "prefect.flow-run.CompletedWithWarnings" in again["trigger"]["expect"]


def test_events_arrive_once_and_start_an_automation(save, server, ask, webhook):
    save()
    ask(
        "POST",
        "automations/",
        name="failed-tests",
        enabled=True,
        trigger={
            "type": "event",
            "posture": "Reactive",
            "threshold": 1,
            "within": 0,
            "expect": ["lakehouse.test.failed"],
            "match": {"lakehouse.domain": "pharma_latam"},
            "match_related": {
                "prefect.resource.role": "owner",
                "prefect.resource.id": "lakehouse.owner.pharma_latam.ventas",
            },
        },
        actions=[
            {
                "type": "send-notification",
                "block_document_id": operators_block(ask),
                "subject": "{{ event.payload.test }}",
                "body": "{{ event.payload.failing }} of {{ event.payload.model }}",
            }
        ],
    )
    before = len(webhook.posts)
    events = [make_event("lakehouse.test.failed"), make_event("lakehouse.build.failed")]
    done = subprocess.run(
        [sys.executable, "-c", EMITS, json.dumps(events)],
        env={**os.environ, **server},
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT_ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert wait_for(lambda: webhook.posts[before:])
    stored = wait_for(lambda: lakehouse_events(ask))
    assert sorted(one["event"] for one in stored) == [
        "lakehouse.build.failed",
        "lakehouse.test.failed",
    ]
    roles = {one["prefect.resource.role"] for one in stored[0]["related"]}
    assert {"owner", "flow-run"} <= roles
    time.sleep(2)
    assert [body["title"] for body in webhook.bodies[before:]] == ["unique_id"]


def make_event(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "id": f"0b9b7e6e-0000-4000-8000-{len(name):012}",
        "resource": {"prefect.resource.id": name, "lakehouse.domain": "pharma_latam"},
        "related": [
            {
                "prefect.resource.id": "lakehouse.owner.pharma_latam.ventas",
                "prefect.resource.role": "owner",
            }
        ],
        "payload": {"test": "unique_id", "failing": 2, "model": "ventas"},
    }


def lakehouse_events(ask: Callable[..., Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(
        "POST", "events/filter", filter={"event": {"prefix": ["lakehouse."]}}, limit=50
    )["events"]
    return found if len(found) > 1 else []


def test_runs_without_a_heartbeat_are_ended_if_they_are_of_our_deployments(save, ask):
    end_a_run(ask, "elsewhere", "Completed", "")
    end_a_run(ask, "aljibe", "Completed", "")
    for _ in range(2):
        assert f"saved {ZOMBIES}, over 1 deployments" in save()
    (saved,) = named_automations(ask, ZOMBIES)
    ours = ask("GET", "deployments/name/elt/aljibe")["id"]
    assert saved["trigger"]["match_related"]["prefect.resource.id"] == [
        f"prefect.deployment.{ours}"
    ]
    assert saved["trigger"]["within"] == 90
    assert [action["state"] for action in saved["actions"]] == ["CRASHED"]
    ask("PATCH", f"automations/{saved['id']}", enabled=False)
    save()
    (again,) = named_automations(ask, ZOMBIES)
    assert (again["id"], again["enabled"]) == (saved["id"], False)


def test_without_a_block_for_operators_the_automation_goes(save, ask):
    save()
    ask("DELETE", f"block_documents/{operators_block(ask)}")
    assert save(NOTIFY_OPERATORS_URL="")[-1].startswith(f"left out {AUTOMATION}: no block")
    assert named_automations(ask) == []


def test_a_block_that_the_server_cannot_send_by_is_refused(save, ask):
    kept = AppriseNotification(url=SecretStr("json://127.0.0.1")).save("notify-operators")
    try:
        with pytest.raises(BlockInvalid, match=r"does not have\. Save it as slack-webhook"):
            save(NOTIFY_OPERATORS_URL="")
    finally:
        ask("DELETE", f"block_documents/{kept}")
