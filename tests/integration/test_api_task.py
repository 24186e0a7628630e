"""The task around an HTTP API: optional and required sources, retries, runs that go on."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import flow
from servers.http_api import HttpApiServer, Reply, answer

from blocks.http_api import HttpApi
from lakehouse.errors import ApiRefused, ApiUnavailable, BlockInvalid
from lakehouse.settings import load_settings
from lakehouse.table_load import TableLoad
from tasks import extract_api as module
from tasks.extract_api import extract_api

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("prefect_database")]

TOKEN = "t0p-s3cr3t"


@pytest.fixture
def shop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, http_api: HttpApiServer
) -> Callable[..., None]:
    """`shop(optional=True)`: a domain with one table of the API, and a block with a token."""
    real = module.load_api_table
    monkeypatch.setattr(
        module, "load_api_table", lambda *a, **k: real(*a, **k, sleep=lambda _: None)
    )
    monkeypatch.setenv("ALJIBE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ALJIBE_PROJECT_DIR", str(tmp_path))

    def declare(*, optional: bool, block: str = "shop-api") -> None:
        meta = {"connector": "api", "block": block, "load": "snapshot", "format": "csv"}
        table = {
            "name": "sales",
            "config": {"meta": {"path": "/v1/x", "optional": optional}},
            "columns": [{"name": "id", "data_type": "integer"}],
        }
        source = {"name": "shop", "schema": "raw", "config": {"meta": meta}, "tables": [table]}
        (tmp_path / "models/shop").mkdir(parents=True)
        (tmp_path / "models/shop/_shop__sources.yml").write_text(
            yaml.safe_dump({"sources": [source]})
        )
        HttpApi(base_url=http_api.url, token=TOKEN).save("shop-api", overwrite=True)

    return declare


@flow
def one_table() -> dict[str, Any]:
    return extract_api.with_options(retry_delay_seconds=0)("shop", "shop", "sales")


def test_a_table_is_loaded_and_told_without_the_token(shop, http_api, caplog):
    caplog.set_level(logging.DEBUG)
    shop(optional=False)
    http_api.on("/v1/x", answer("id\n1\n"))
    load = TableLoad.from_dict(one_table())
    assert (load.rows_loaded, load.deliveries[0].file_name) == (1, "/v1/x")
    assert http_api.asked[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert "1 rows, 5 bytes" in caplog.text
    assert TOKEN not in caplog.text


@pytest.mark.parametrize("reply", [Reply(503), Reply(401), Reply(200, b"id\n1\n", cut=2)])
def test_an_optional_source_that_is_down_is_a_note(shop, http_api, caplog, reply):
    shop(optional=True)
    http_api.on("/v1/x", reply)
    load = TableLoad.from_dict(one_table())
    assert load.deliveries == ()
    (finding,) = load.findings
    assert finding.startswith("shop.sales: the optional source could not be read")
    assert "its last load stands" in finding
    assert TOKEN not in finding + caplog.text


def test_a_required_source_that_is_down_fails_after_all_retries(shop, http_api):
    shop(optional=False)
    http_api.on("/v1/x", Reply(503))
    with pytest.raises(ApiUnavailable, match="answers 503"):
        one_table()
    assert len(http_api.asked) == 4 * 5


def test_a_required_source_that_refuses_fails_at_once(shop, http_api):
    shop(optional=False)
    http_api.on("/v1/x", Reply(403))
    with pytest.raises(ApiRefused, match="shop-api"):
        one_table()
    assert len(http_api.asked) == 1


def test_a_block_that_is_missing_is_no_failure_of_an_optional_source(shop):
    shop(optional=True, block="nobody-made-this")
    with pytest.raises(BlockInvalid, match="nobody-made-this"):
        one_table()


def test_a_run_that_is_retried_does_not_ask_again_and_another_does(shop, http_api):
    shop(optional=False)
    http_api.on("/v1/x", answer("id\n1\n"))
    attempts: list[dict[str, Any]] = []

    @flow(retries=1)
    def interrupted() -> None:
        attempts.append(extract_api("shop", "shop", "sales"))
        if len(attempts) == 1:
            raise RuntimeError("something else of the run failed")

    interrupted()
    assert attempts[0] == attempts[1]
    assert len(http_api.asked) == 1
    assert TableLoad.from_dict(one_table()).deliveries[0].status == "known"
    assert len(http_api.asked) == 2
    assert load_settings().raw.is_dir()
