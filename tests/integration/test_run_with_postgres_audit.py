"""A whole run whose ledger and history lie in PostgreSQL."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from demo.pharma_deliveries import seed_deliveries

pytestmark = [pytest.mark.integration, pytest.mark.long]


def test_two_runs_keep_their_books_in_postgresql(prefect_api, postgres_database, tmp_path):
    home = tmp_path / "home"
    seed_deliveries(home / "landing" / "pharma_latam")
    url = postgres_database.render_as_string(hide_password=False)
    environment = {
        **os.environ,
        **prefect_api,
        "ALJIBE_HOME": str(home),
        "ALJIBE_AUDIT_URL": url,
    }
    command = [Path(sys.executable).parent / "aljibe", "run", "pharma_latam"]
    for _ in range(2):
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=240, check=False
        )
        assert done.returncode == 0, done.stderr
        assert postgres_database.password not in done.stdout + done.stderr
    assert "nothing new" in done.stdout
    assert not (home / "audit.db").exists()
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as books:
        assert books.execute("select count(*), sum(rows_loaded) from deliveries").fetchone() == (
            3,
            7,
        )
        assert books.execute("select status from builds").fetchall() == [("passed",)]
        assert books.execute("select count(*) from publications").fetchone() == (1,)
