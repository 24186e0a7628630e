"""The receipt of a project of others, from its model to artifact, page and report."""

import json
from pathlib import Path

import pytest

from flows.dbt_build import dbt_build

pytestmark = pytest.mark.long
FILES = {
    "dbt_project.yml": (
        "{name: corner_shop, version: '1.0.0', config-version: 2, profile: corner_shop}\n"
    ),
    "profiles.yml": (
        "corner_shop:\n"
        "  target: dev\n"
        "  outputs: {dev: {type: duckdb, path: corner_shop.duckdb, threads: 1}}\n"
    ),
    "models/receipt.sql": (
        "select 'caixa' as step, 99441 as n_rows, 15843553.24 as amount, 'canary' as keeper\n"
        "union all select 'banco', 99440, null, 'canary'\n"
    ),
    "models/_models.yml": """
models:
  - name: receipt
    description: O que a caixa contou e o que chegou ao banco.
    config: {materialized: table, meta: {receipt: true}}
    columns:
      - {name: step, description: Onde se contou.}
      - {name: n_rows, description: Vendas.}
      - {name: keeper, config: {meta: {pii: true}}}
""",
}


@pytest.fixture
def corner_shop(settings, tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("ALJIBE_REPORTS_LANGUAGE", "pt")
    monkeypatch.setenv("ALJIBE_DATA_CATALOG", "false")
    for name, content in FILES.items():
        path = tmp_path / "corner_shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path / "corner_shop"


def test_a_receipt_is_an_artifact_a_section_of_the_page_and_part_of_the_report(
    corner_shop, settings, artifacts
):
    state = dbt_build("corner_shop", project_dir=str(corner_shop), return_state=True)
    assert state.name == "Completed"

    (table,) = artifacts("receipt-corner-shop")
    assert table.type == "table"
    assert table.description == "O que a caixa contou e o que chegou ao banco."
    masked = {"keeper": "••••••"}
    assert json.loads(table.data) == [
        {"Onde se contou": "caixa", "Vendas": "99.441", "amount": "15.843.553,24", **masked},
        {"Onde se contou": "banco", "Vendas": "99.440", "amount": "(vazio)", **masked},
    ]
    folder = settings.reports / "corner_shop"
    page = (folder / "index.html").read_text("utf-8")
    assert ">Conciliação</h2>" in page
    assert '<td class="n"><bdi>15.843.553,24</bdi></td>' in page
    (receipt,) = json.loads((folder / "report.json").read_text("utf-8"))["receipts"]
    assert receipt["rows"][0][:3] == ["caixa", "99441", "15843553.24"]
    (build,) = artifacts("dbt-corner-shop")
    for said in (table.data, page, json.dumps(receipt), build.data):
        assert "canary" not in said
