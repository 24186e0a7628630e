"""Checks of `aljibe doctor` about Prefect: its API, this machine's credentials, and workers."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx

from cli.doctor_check import Check
from cli.prefect_environment import api_is_configured
from lakehouse.settings import Settings

POOL = "aljibe"
_TIMEOUT_SECONDS = 5
_WORKER_IS_LATE_SECONDS = 120


def examine_prefect(_settings: Settings) -> Iterator[Check]:
    """Look at the API that the environment names; nothing to look at where Prefect is embedded."""
    url = os.environ.get("PREFECT_API_URL", "").rstrip("/")
    if not url:
        text = "from the active profile" if api_is_configured() else "embedded, no server needed"
        yield Check("Prefect", "ok", text)
        return
    try:
        with _client(url) as client:
            yield from _examine(client, url)
    except httpx.HTTPError as error:
        yield Check("Prefect", "broken", f"{url} does not answer: {error or type(error).__name__}")


def _client(url: str) -> httpx.Client:
    headers, auth = {}, None
    if key := os.environ.get("PREFECT_API_KEY"):
        headers["Authorization"] = f"Bearer {key}"
    elif given := os.environ.get("PREFECT_API_AUTH_STRING"):
        user, _, password = given.partition(":")
        auth = httpx.BasicAuth(user, password)
    return httpx.Client(base_url=url, headers=headers, auth=auth, timeout=_TIMEOUT_SECONDS)


def _examine(client: httpx.Client, url: str) -> Iterator[Check]:
    code = client.get("/health").status_code
    if code != httpx.codes.OK:
        yield Check("Prefect", "broken", f"{url} answers {code}")
        return
    pool = client.get(f"/work_pools/{POOL}")
    if pool.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        text = "refuses these credentials; set PREFECT_API_AUTH_STRING or PREFECT_API_KEY"
        yield Check("Prefect", "broken", f"{url} {text}")
        return
    yield Check("Prefect", "ok", f"{url} answers {code}")
    if pool.status_code == httpx.codes.NOT_FOUND:
        yield Check("work pool", "look", f"no pool {POOL}: run deploy/bootstrap")
        return
    yield from _workers(client)
    yield from _automation(client)


def _workers(client: httpx.Client) -> Iterator[Check]:
    found = client.post(f"/work_pools/{POOL}/workers/filter", json={}).raise_for_status().json()
    heard = {
        one["name"]: _seconds_since(one["last_heartbeat_time"])
        for one in found
        if one.get("last_heartbeat_time")
    }
    awake = {name: ago for name, ago in heard.items() if ago < _WORKER_IS_LATE_SECONDS}
    if not awake:
        yield Check("worker", "look", f"nobody pulls from {POOL}: start `aljibe worker`")
    for name, ago in sorted(awake.items()):
        yield Check("worker", "ok", f"{name}, heard of {ago:.0f} s ago")


def _automation(client: httpx.Client) -> Iterator[Check]:
    from blocks.zombie_automation import AUTOMATION

    named = client.post(
        "/automations/filter", json={"automations": {"name": {"any_": [AUTOMATION]}}}
    )
    saved = named.json() if named.is_success else []
    if not saved:
        yield Check("zombie runs", "look", "no automation ends them: run deploy/bootstrap")
    elif not saved[0]["enabled"]:
        yield Check("zombie runs", "look", f"the automation {AUTOMATION} is switched off")
    else:
        yield Check("zombie runs", "ok", "ended when they send no heartbeat")


def _seconds_since(moment: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
