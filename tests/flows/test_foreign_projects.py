"""Projects of others, in the shapes that public ones have, reported as well as our own.

`bakery` has seeds, snapshots, an incremental model, exposures, and neither groups nor meta.
`telemetry` has packages, versions, custom schemas, quoted columns and sources with freshness.
"""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from lxml import html
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import State

from flows.dbt_build import dbt_build
from lakehouse.settings import load_settings

pytestmark = pytest.mark.long
PROJECTS = Path(__file__).parent / "foreign_projects"
LONG_NAME = (
    "every_duration_that_an_application_has_measured_on_a_device_of_a_customer_is_not_negative_"
    "because_the_clock_of_a_device_may_have_been_set_back_while_it_measured_and_such_a_duration_"
    "says_nothing"
)
RAW_TABLES = """
    create schema raw;
    create table raw.events as
    select id, server_id, name, duration_ms, now()::timestamp as received_at
    from (values
        (1, 's1', 'Login', 5), (1, 's1', 'login', 5), (2, 's2', 'crash', -7),
        (3, 's2', null, null), (4, 's2', 'reboot', 9)
    ) as v (id, server_id, name, duration_ms);
    create table raw.servers as
    select server_id, version, now()::timestamp - interval 20 hour as received_at
    from (values ('s1', '10'), ('s9', '10.1-beta')) as v (server_id, version);
    create table raw.licenses as select now()::timestamp - interval 5 day as received_at;
    create table raw.empty_table (received_at timestamp);
    create table raw.without_a_time (id integer);
    create table raw.never_judged (id integer);
"""


@dataclass(frozen=True)
class Reported:
    """What one run left: its state, its artifacts by key, and the texts of its pages by name."""

    state: State[Any]
    artifacts: dict[str, Any]
    pages: dict[str, str]

    @property
    def tests(self) -> dict[str, dict[str, Any]]:
        """Rows of the table of tests, by `model` and test."""
        (table,) = [data for key, data in self.artifacts.items() if key.startswith("dbt-tests-")]
        return {f"{row['model']} {row['test']}": row for row in json.loads(table)}

    @property
    def markdown(self) -> dict[str, str]:
        """The artifacts that people read."""
        return {key: data for key, data in self.artifacts.items() if not data.startswith("[")}


def build(name: str, home: Path, monkeypatch: pytest.MonkeyPatch, raw: str = "") -> Reported:
    """Build a copy of a project in a home of its own."""
    monkeypatch.setenv("ALJIBE_HOME", str(home / "home"))
    monkeypatch.setenv("ALJIBE_DATA_CATALOG", "true")
    project = home / name
    shutil.copytree(PROJECTS / name, project)
    if raw:
        with duckdb.connect(project / f"{name}.duckdb") as connection:
            connection.execute(raw)
    state = dbt_build(name, project_dir=str(project), return_state=True)
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(
            artifact_filter=ArtifactFilter(
                flow_run_id=ArtifactFilterFlowRunId(any_=[state.state_details.flow_run_id])
            )
        )
    folder = load_settings().reports / name
    return Reported(
        state,
        {str(artifact.key): artifact.data for artifact in found if artifact.key},
        {path.name: path.read_text("utf-8") for path in sorted(folder.rglob("*.html"))},
    )


@pytest.fixture(scope="module")
def bakery(prefect, tmp_path_factory) -> Reported:
    with pytest.MonkeyPatch.context() as monkeypatch:
        return build("bakery", tmp_path_factory.mktemp("bakery"), monkeypatch)


@pytest.fixture(scope="module")
def telemetry(prefect, tmp_path_factory) -> Reported:
    with pytest.MonkeyPatch.context() as monkeypatch:
        return build("telemetry", tmp_path_factory.mktemp("telemetry"), monkeypatch, RAW_TABLES)


def words(markdown: str) -> str:
    """What is said in an artifact, without its pictures and code."""
    said = re.sub(r"^(`{3,}).*?^\1$", "", markdown, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"\(data:[^)]*\)", "", said)


def shown(page: str) -> str:
    """What a reader sees of a page, without its pictures and code."""
    tree = html.fromstring(page)
    for hidden in tree.xpath("//style | //script | //pre | //*[local-name() = 'svg']"):
        hidden.drop_tree()
    return str(tree.text_content())


@pytest.mark.parametrize("project", ["bakery", "telemetry"])
def test_nothing_unsaid_or_unfilled_is_shown(project, request):
    reported: Reported = request.getfixturevalue(project)
    said = {key: words(data) for key, data in reported.markdown.items()}
    said |= {name: shown(page) for name, page in reported.pages.items() if name != "catalog.html"}
    assert len(said) > 20
    odd = re.compile(r"\bNone\b|\bnan\b|\bundefined\b|[{}]")
    assert not [(name, found[0]) for name, text in said.items() if (found := odd.search(text))]
    assert not [name for name, text in said.items() if len(text.split()) < 10]


@pytest.mark.parametrize("project", ["bakery", "telemetry"])
def test_every_open_test_and_every_owner_has_a_report_of_its_own(project, request):
    reported: Reported = request.getfixturevalue(project)
    unowned = f"owner-{project}-unowned"
    summaries = {f"dbt-{project}", f"dbt-tests-{project}", f"lineage-{project}", unowned}
    assert summaries <= set(reported.artifacts)
    open_tests = [
        row for row in reported.tests.values() if row["status"] not in ("pass", "skipped")
    ]
    pages = [key for key in reported.artifacts if key.startswith(f"dbt-test-{project}-")]
    assert len(pages) == len(open_tests)
    assert {"index.html", "catalog.html"} <= set(reported.pages)


def test_a_project_without_groups_and_meta_is_reported(bakery):
    assert bakery.state.name == "CompletedWithWarnings"
    warned = {name: row for name, row in bakery.tests.items() if row["status"] == "warn"}
    assert {name.partition(" ")[0] for name in warned} == {
        "stg_orders",
        "stg_payments",
        "customers",
    }
    assert len(warned) == 4
    others = {row["status"] for name, row in bakery.tests.items() if name not in warned}
    assert others == {"pass"}
    assert "stg_payments cents_become_dollars" in bakery.tests
    models = {row["model"]: row for row in json.loads(bakery.artifacts["models-bakery"])}
    assert {"raw_orders", "orders", "orders_by_status", "orders_by_date"} <= set(models)
    assert not {"int_payments_by_order", "orders_last_year"} & set(models)
    assert models["orders"]["rows"] == 4


def test_a_test_that_keeps_no_rows_still_has_its_report(bakery):
    (page,) = [
        data for key, data in bakery.artifacts.items() if "-relationships-stg-orders-" in key
    ]
    assert "stg_orders" in page
    assert "store" in page


def test_every_kind_of_trouble_of_a_large_project_has_its_status(telemetry):
    assert telemetry.state.name == "Failed"
    assert "server_versions" in telemetry.state.message
    status = {name: row["status"] for name, row in telemetry.tests.items()}
    assert set(status.values()) == {"pass", "warn", "fail", "error", "skipped"}
    assert status["server_versions not_null_server_versions_major_version"] == "skipped"
    # Severity error, but only from more than ten on.
    assert status["stg_events unique_stg_events_event_id"] == "warn"
    assert f"stg_events {LONG_NAME}" in status
    assert not [name for name in status if "not_null_stg_events_event_id" in name]


def test_nodes_of_one_name_are_told_apart(telemetry):
    assert {
        "event_names event_catalog.assert_ids_are_positive",
        "stg_events assert_ids_are_positive",
        "fct_events.v1 names_are_kept",
        "fct_events.v2 names_are_kept",
        "fct_events.v1 unique_fct_events_v1_event_id",
        "fct_events.v2 unique_fct_events_v2_event_id",
    } <= set(telemetry.tests)
    assert "dbt-test-telemetry-event-catalog-assert-ids-are-positive" in telemetry.artifacts
    assert "assert-ids-are-positive.html" in telemetry.pages


def test_the_age_of_sources_is_found_out_by_dbt(telemetry):
    found = {
        row["model"]: row["status"]
        for name, row in telemetry.tests.items()
        if "freshness of" in name
    }
    assert found == {
        "app.events": "pass",
        "app.servers": "warn",
        "app.licenses": "fail",
        "app.empty_table": "fail",
        "app.without_a_time": "error",
    }
    page = telemetry.artifacts["dbt-test-telemetry-freshness-of-app-without-a-time"]
    assert "--select source:app.without_a_time" in page


@pytest.mark.parametrize(
    ("test", "cells"),
    [
        ("accepted-values-stg-events-eventname-login-logout", ["EventName", "s2"]),
        ("not-null-stg-events-eventname", ["EventName", "3"]),
        (
            "dbt-utils-unique-combination-of-columns-stg-events-event-id-server-id",
            ["event_id", "login"],
        ),
        (
            "dbt-expectations-expect-column-values-to-be-between-stg-events-duration-ms-1000-0",
            ["duration_ms", "-7", "crash"],
        ),
        ("source-unique-app-events-id", ["received_at", "Login"]),
        ("unique-fct-events-v2-event-id", ["event_name", "login"]),
        (
            "dbt-expectations-expect-table-row-count-to-be-between-daily-events-20-10",
            ["row_count", "4"],
        ),
    ],
)
def test_whole_rows_are_shown_whatever_the_test_stored(telemetry, test, cells):
    page = telemetry.artifacts[f"dbt-test-telemetry-{test}"]
    grid = "\n".join(line for line in page.splitlines() if line.startswith("|"))
    plain = grid.replace("*", "").replace("\\", "")
    assert [cell for cell in cells if f"| {cell} |" not in plain] == []


def test_a_name_of_any_length_has_a_key_and_its_rows(telemetry):
    (key,) = [key for key in telemetry.artifacts if "every-duration-that-an" in key]
    assert len(key) < 220
    assert "crash" in telemetry.artifacts[key]
