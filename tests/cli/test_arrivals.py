"""`aljibe arrivals`: the board on a terminal, and its exit code."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from lakehouse.lake.ledger import Delivery
from lakehouse.lake.raw_lake import RawLake
from lakehouse.settings import load_settings

SOURCES = """
sources:
  - name: lojas
    schema: raw
    config: {{meta: {{connector: files, block: landing, load: append}}}}
    tables:
      - name: vendas
        config:
          meta: {{pattern: "v*.csv", expected: {{every: day, by: "00:00", since: {since}}}}}
        columns: [{{name: id}}]
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> date:
    """A domain whose daily file is expected since three days ago; returns that day."""
    since = datetime.now(UTC).date() - timedelta(days=3)
    folder = tmp_path / "project" / "models" / "tienda"
    folder.mkdir(parents=True)
    text = SOURCES.format(since=since)
    (folder / "_tienda__sources.yml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("ALJIBE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ALJIBE_PROJECT_DIR", str(tmp_path / "project"))
    return since


def test_a_missing_file_fails_only_if_asked(shop: date) -> None:
    shown = CliRunner().invoke(app, ["arrivals", "tienda"])
    assert shown.exit_code == 0, shown.output
    assert shop.isoformat() in shown.output
    assert "missing" in shown.output
    assert CliRunner().invoke(app, ["arrivals", "--strict"]).exit_code == 1


def test_late_files_are_not_missing(shop: date) -> None:
    ledger = RawLake.of(load_settings()).ledger
    for number in range(4):
        came = datetime(shop.year, shop.month, shop.day, 0, 0, 1, tzinfo=UTC)
        ledger.record(
            Delivery(
                source_name="lojas",
                table_name="vendas",
                file_name=f"v{number}.csv",
                size=1,
                mtime_ns=number,
                sha256=str(number) * 64,
                reading_hash="r",
                status="known",
                batch_id=None,
                rows_delivered=1,
                rows_loaded=1,
                rows_rejected=0,
                started_at=came + timedelta(days=number),
                seconds=0.1,
            )
        )
    shown = CliRunner().invoke(app, ["arrivals", "--strict"])
    assert shown.exit_code == 0, shown.output
    assert "late: 4" in shown.output
