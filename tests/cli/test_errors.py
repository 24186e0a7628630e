import os

import pytest
import yaml

from lakehouse.connectors.folder import find_files
from lakehouse.lake.load_file import load_file
from lakehouse.lake.raw_lake import RawLake
from lakehouse.settings import Settings
from lakehouse.source_catalog import load_catalog

REASON = "sent twice, agreed with the shop"
NOTHING = "No error is open.\n"


@pytest.fixture
def errors(aljibe, tmp_path):
    """Run `aljibe errors ...` over a project with the domain `shop`."""
    meta = {"connector": "files", "block": "landing", "load": "append", "pattern": "*.csv"}
    table = {"name": "sales", "columns": [{"name": "id"}, {"name": "city"}]}
    source = {"name": "shop", "schema": "raw", "config": {"meta": meta}, "tables": [table]}
    folder = tmp_path / "dbt/models/shop"
    folder.mkdir(parents=True)
    (folder / "_shop__sources.yml").write_text(yaml.safe_dump({"sources": [source]}))
    return lambda *arguments: aljibe(*arguments, ALJIBE_PROJECT_DIR=str(tmp_path / "dbt"))


@pytest.fixture
def refused(errors, tmp_path, monkeypatch):
    """A file that was refused, and about which no run told yet."""
    for name in [name for name in os.environ if name.startswith("ALJIBE_")]:
        monkeypatch.delenv(name)
    landing = tmp_path / "landing"
    landing.mkdir()
    (landing / "a.csv").write_text("id,town\n1,Salta\n")
    lake = RawLake.of(Settings(home=tmp_path / "home"))
    table = load_catalog(tmp_path / "dbt", "shop").table("shop", "sales")
    (found,) = find_files(landing, table)
    assert load_file(landing, found, table, lake).status == "quarantined"
    lake.ledger.engine.dispose()


def test_no_open_error_is_said(errors):
    ended = errors("errors")
    assert (ended.returncode, ended.stdout) == (0, NOTHING)


def test_an_open_error_is_listed_ignored_and_gone(errors, refused):
    listed = errors("errors", "--domain", "shop")
    assert listed.returncode == 0, listed.stderr
    for part in ("shop.sales", "schema_mismatch", "load", "missing columns: city"):
        assert part in listed.stdout
    short = errors("errors", "ignore", "1", "--reason", "no")
    assert short.returncode == 1
    assert "at least 10 characters" in short.stderr
    done = errors("errors", "ignore", "1", "--reason", REASON)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Error 1 (schema_mismatch of shop.sales) is ignored" in done.stdout
    assert errors("errors").stdout == NOTHING
    twice = errors("errors", "ignore", "1", "--reason", REASON)
    assert twice.returncode == 1
    assert "IGNORED already" in twice.stderr


def test_a_decision_about_quarantine_settles_the_error(errors, refused):
    assert "schema_mismatch" in errors("errors").stdout
    assert errors("quarantine", "discard", "1", "--reason", REASON).returncode == 0
    assert errors("errors").stdout == NOTHING


def test_a_number_that_does_not_exist_ends_without_a_traceback(errors):
    ended = errors("errors", "ignore", "77", "--reason", REASON)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        "aljibe: Error 77 does not exist. `aljibe errors` shows those that are open.\n"
    )


def test_an_unknown_domain_names_the_known_ones(errors):
    ended = errors("errors", "--domain", "nowhere")
    assert ended.returncode == 1
    assert "Known: shop." in ended.stderr
