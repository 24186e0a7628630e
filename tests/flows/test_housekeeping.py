"""The board of expected files, from a real ledger to artifacts, events and a page."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.housekeeping import housekeeping
from lakehouse.lake.ledger import Delivery, Ledger
from lakehouse.lake.raw_lake import RawLake
from lakehouse.quality.arrival_board import read_board
from lakehouse.reports.arrival_events import arrival_events
from lakehouse.settings import Settings, load_settings
from lakehouse.source_catalog import load_catalog
from tasks import judge_arrivals as task_module

# Nossa Senhora Aparecida, 12 October 2026, is a Monday.
NOW = datetime(2026, 10, 13, 20, tzinfo=UTC)
SOURCES = """
sources:
  - name: lojas
    schema: raw
    config:
      meta:
        connector: files
        block: landing
        load: append
        owner: vendas
        expected:
          every: business_day
          by: "09:30"
          timezone: America/Sao_Paulo
          country: BR
          min_rows: 10
          since: 2026-10-06
    tables:
      - name: vendas
        config: {meta: {pattern: "vendas*.csv"}}
        columns: [{name: email, config: {meta: {pii: true}}}]
      - name: avisos
        config: {meta: {pattern: "avisos*.csv", expected: null}}
        columns: [{name: id}]
"""
GROUPS = """
groups:
  - {name: vendas, owner: {name: V, email: v@example.com}, config: {meta: {language: pt}}}
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A project of one domain and its home, with a week of deliveries."""
    folder = tmp_path / "project" / "models" / "tienda"
    folder.mkdir(parents=True)
    (folder / "_tienda__sources.yml").write_text(SOURCES, encoding="utf-8")
    (folder / "_tienda__groups.yml").write_text(GROUPS, encoding="utf-8")
    monkeypatch.setenv("ALJIBE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ALJIBE_PROJECT_DIR", str(tmp_path / "project"))
    monkeypatch.setattr(task_module, "_now", lambda: NOW)
    settings = load_settings()
    ledger = RawLake.of(settings).ledger
    _deliver(ledger, 6, hour=12, name="vendas_1.csv", content="a")
    _deliver(ledger, 7, hour=15, name="vendas_2.csv", content="b")
    _deliver(ledger, 8, hour=12, name="vendas_3.csv", content="c", rows=2)
    _deliver(ledger, 9, hour=12, name="vendas_4.csv", content="a")
    return settings


def _deliver(
    ledger: Ledger, day: int, *, hour: int, name: str, content: str, rows: int = 50
) -> None:
    ledger.record(
        Delivery(
            source_name="lojas",
            table_name="vendas",
            file_name=name,
            size=rows * 20,
            mtime_ns=day,
            sha256=content * 64,
            reading_hash="r",
            status="quarantined" if content == "b" else "known",
            batch_id=None,
            rows_delivered=rows,
            rows_loaded=rows,
            rows_rejected=0,
            started_at=datetime(2026, 10, day, hour, tzinfo=UTC),
            seconds=0.1,
            reason="maria@example.com is no number" if content == "b" else None,
        )
    )


def test_every_verdict_stands_on_the_board(shop, artifacts, monkeypatch):
    told: list[str] = []
    texts: list[str] = []

    def _hear(events):  # type: ignore[no-untyped-def]
        told.extend(event.id for event in events)
        texts.extend(json.dumps([event.resource, event.payload]) for event in events)
        return len(events)

    monkeypatch.setattr(task_module, "emit_events", _hear)
    state = housekeeping(return_state=True)

    assert state.is_completed()
    assert state.name == "CompletedWithWarnings"
    assert "lojas.vendas of 2026-10-13 is missing" in state.message
    assert "lojas.vendas of 2026-10-07 is late" in state.message
    for key in ("arrivals-board", "arrivals-tienda"):
        rows = json.loads(artifacts(key)[0].data)
        assert [(row["Período"], row["Resultado"]) for row in rows] == [
            ("2026-10-13", "faltando"),
            ("2026-10-12", "feriado"),
            ("2026-10-09", "duplicado"),
            ("2026-10-08", "pequeno demais"),
            ("2026-10-07", "atrasado"),
            ("2026-10-06", "no prazo"),
        ]
    catalog = load_catalog(shop.project_dir, "tienda")
    board = read_board([catalog], RawLake.of(shop).ledger, NOW)
    events = arrival_events(board)
    assert [event.id for event in events] == told
    assert [event.name.rpartition(".")[2] for event in events] == [
        "missing",
        "duplicated",
        "too_small",
        "late",
    ]
    page = (shop.reports / "arrivals.html").read_text(encoding="utf-8")
    assert "Falta 1 arquivo." in page
    assert "maria@example.com" not in page + "".join(texts) + artifacts("arrivals-board")[0].data

    assert housekeeping("tienda", return_state=True).name == "CompletedWithWarnings"
    assert len(told) == 4, "what was told is not told again"
    (shop.reports / "arrivals-told.json").unlink()
    housekeeping("tienda", return_state=True)
    assert told[:4] == told[4:], "and has the same ids if it is"


def test_an_unknown_domain_is_named(shop):
    state = housekeeping("tiendas", return_state=True)
    assert state.is_failed()
    assert "There is no domain 'tiendas'" in state.message
