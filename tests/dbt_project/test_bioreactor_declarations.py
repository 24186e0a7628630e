"""What bioreactor declares: its deployments, its schedule in local time, its layers by tag."""

import asyncio
from datetime import UTC, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from prefect.client.schemas.schedules import CronSchedule
from prefect.server.schemas.schedules import CronSchedule as ServerSchedule

from lakehouse.errors import BackfillRangeInvalid
from lakehouse.source_catalog import load_catalog
from lakehouse.transform.backfill_range import backfill_variables

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "dbt"
LONDON = ZoneInfo("Europe/London")


@pytest.fixture(scope="module")
def deployments():
    content = yaml.safe_load((ROOT / "prefect.yaml").read_text("utf-8"))
    return {one["entrypoint"]: one for one in content["deployments"] if one["name"] == "bioreactor"}


def test_every_flow_of_the_domain_has_a_deployment(deployments):
    assert set(deployments) == {
        "flows/elt.py:elt",
        "flows/ingest.py:ingest",
        "flows/dbt_build.py:dbt_build",
        "flows/publish.py:publish",
        "flows/backfill.py:backfill",
    }
    assert {one["parameters"]["domain"] for one in deployments.values()} == {"bioreactor"}


@pytest.mark.parametrize(
    ("from_moment", "utc"),
    [
        # Clocks go forward on 2026-03-29 at 01:00, and back on 2026-10-25 at 02:00, local time.
        (datetime(2026, 3, 27, 12, tzinfo=UTC), [(28, 2), (29, 1), (30, 1)]),
        (datetime(2026, 10, 23, 12, tzinfo=UTC), [(24, 1), (25, 2), (26, 2)]),
    ],
)
def test_the_daily_run_is_at_two_in_london_when_the_clocks_change(deployments, from_moment, utc):
    (declared,) = deployments["flows/elt.py:elt"]["schedules"]
    timing = {"cron": declared["cron"], "timezone": declared["timezone"]}
    assert CronSchedule(**timing).timezone == "Europe/London"
    schedule = ServerSchedule(**timing)
    moments = asyncio.run(schedule.get_dates(n=3, start=from_moment))
    assert [moment.astimezone(LONDON).time() for moment in moments] == [time(2)] * 3
    assert [(m.astimezone(UTC).day, m.astimezone(UTC).hour) for m in moments] == utc


def test_each_layer_has_its_tag_and_what_readers_get_is_marked():
    models = yaml.safe_load((PROJECT / "dbt_project.yml").read_text("utf-8"))["models"]
    layers = models["aljibe"]["bioreactor"]
    tags = {layer: layers[layer]["+tags"] for layer in layers if not layer.startswith("+")}
    assert tags == {
        "staging": ["stg"],
        "intermediate": ["int"],
        "core": ["curated"],
        "marts": ["mart"],
    }
    published = [layer for layer in tags if layers[layer].get("+meta") == {"publish": True}]
    assert published == ["core", "marts"]


def test_the_source_is_parquet_whose_newest_file_of_a_name_counts():
    (table,) = load_catalog(PROJECT, "bioreactor").tables
    assert (table.full_name, table.meta.load) == ("bioreactor_files.telemetry", "append")
    assert (table.block, table.meta.pattern) == ("landing-bioreactor", "bioreactor_*.parquet")
    assert {column.name: column.data_type for column in table.columns} == {
        "batch_id": "varchar",
        "site": "varchar",
        "equipment_id": "varchar",
        "ts": "timestamp",
        "tag": "varchar",
        "value": "double",
    }


def test_the_domain_can_be_built_by_days_and_a_range_the_wrong_way_round_is_refused():
    first, last = datetime(2025, 3, 1).date(), datetime(2025, 3, 30).date()
    assert backfill_variables(PROJECT, "bioreactor", first, last) == {
        "backfill_from": "2025-03-01",
        "backfill_to": "2025-03-30",
    }
    with pytest.raises(BackfillRangeInvalid, match="is empty"):
        backfill_variables(PROJECT, "bioreactor", last, first)
