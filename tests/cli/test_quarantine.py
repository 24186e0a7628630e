import os

import pytest
import yaml

from lakehouse.connectors.folder import find_files
from lakehouse.lake.load_file import load_file
from lakehouse.lake.raw_lake import RawLake
from lakehouse.settings import Settings
from lakehouse.source_catalog import load_catalog

CANARY = "canary@example.com"


@pytest.fixture
def project(tmp_path):
    """Declare the domain `shop` with one table; `project("integer")` says what its ids are."""

    def declare(kind: str) -> None:
        columns = [
            {"name": "id", "data_type": kind},
            {"name": "mail", "config": {"meta": {"pii": True}}},
        ]
        meta = {"connector": "files", "block": "landing", "load": "append", "pattern": "*.csv"}
        source = {
            "name": "shop",
            "schema": "raw",
            "config": {"meta": meta},
            "tables": [{"name": "sales", "columns": columns}],
        }
        folder = tmp_path / "dbt/models/shop"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "_shop__sources.yml").write_text(yaml.safe_dump({"sources": [source]}))

    declare("integer")
    return declare


@pytest.fixture
def quarantine(aljibe, tmp_path, project):
    """Run `aljibe quarantine ...` over the project."""
    return lambda *arguments: aljibe(
        "quarantine", *arguments, ALJIBE_PROJECT_DIR=str(tmp_path / "dbt")
    )


@pytest.fixture
def refused(tmp_path, project, monkeypatch):
    """Number of a delivery that was refused."""
    for name in [name for name in os.environ if name.startswith("ALJIBE_")]:
        monkeypatch.delenv(name)
    landing = tmp_path / "landing"
    landing.mkdir()
    lines = ["id,mail", f"1,{CANARY}", *[f"x,{CANARY}"] * 25, ""]
    (landing / "a.csv").write_text("\n".join(lines))
    lake = RawLake.of(Settings(home=tmp_path / "home"))
    table = load_catalog(tmp_path / "dbt", "shop").table("shop", "sales")
    (found,) = find_files(landing, table)
    delivery = load_file(landing, found, table, lake)
    assert delivery.status == "quarantined"
    lake.ledger.engine.dispose()
    return str(delivery.delivery_id)


def test_an_empty_quarantine_is_said(quarantine):
    ended = quarantine("list")
    assert (ended.returncode, ended.stdout) == (0, "Nothing is in quarantine.\n")


def test_a_refused_file_is_listed_shown_replayed_and_gone(quarantine, refused, project, tmp_path):
    listed = quarantine("list", "--domain", "shop")
    assert listed.returncode == 0
    for part in (refused, "shop.sales", "a.csv", "open", "26"):
        assert part in listed.stdout
    shown = quarantine("show", refused, "--rows", "3")
    assert shown.returncode == 0
    assert "First 3 of 25 refused rows" in shown.stdout
    assert "not an integer" in shown.stdout
    (original,) = (tmp_path / "home/quarantine").rglob("original")
    assert str(original) in shown.stdout
    assert CANARY not in listed.stdout + shown.stdout
    again = quarantine("replay", refused)
    assert again.returncode == 1
    assert "in quarantine" in again.stdout
    project("varchar")
    replayed = quarantine("replay", str(int(refused) + 1))
    assert replayed.returncode == 0, replayed.stderr
    assert "a.csv: 26 rows loaded" in replayed.stdout
    assert "aljibe run shop" in replayed.stdout
    assert quarantine("list").stdout == "Nothing is in quarantine.\n"


def test_a_discarded_file_is_gone_and_stays_decided(quarantine, refused):
    too_short = quarantine("discard", refused, "--reason", "no")
    assert too_short.returncode == 1
    assert "reason of at least 10 characters" in too_short.stderr
    done = quarantine("discard", refused, "--reason", "sent twice, agreed with the shop")
    assert done.returncode == 0
    assert f"Delivery {refused} was discarded on" in done.stdout
    assert "agreed with the shop" in done.stdout
    assert quarantine("list").stdout == "Nothing is in quarantine.\n"
    twice = quarantine("replay", refused)
    assert twice.returncode == 1
    assert "already discarded" in twice.stderr


@pytest.mark.parametrize("verb", [("show",), ("replay",), ("discard", "--reason", "long enough")])
def test_a_number_that_does_not_exist_ends_without_a_traceback(quarantine, verb):
    ended = quarantine(*verb, "77")
    assert ended.returncode == 1
    assert ended.stderr == (
        "aljibe: There is no delivery 77 in quarantine here. `aljibe quarantine list` shows those "
        "that are.\n"
    )


@pytest.mark.parametrize("number", ["0", "-1", "x", "99999999999999999999999"])
def test_what_is_no_number_of_a_delivery_is_refused(quarantine, number):
    ended = quarantine("show", "--", number)
    assert ended.returncode in (1, 2)
    assert "Traceback" not in ended.stderr
