"""Events as they are sent, and what takes them being slow, broken or gone."""

import json
import logging
import re
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from openlineage.client.serde import Serde

from lakehouse.lineage_events.client_events import events_of
from lakehouse.lineage_events.dataset_names import DatasetName
from lakehouse.lineage_events.job_runs import Assertion, Dataset, Field, JobRun, RunPlace
from lakehouse.lineage_events.sender import Sender, configured_clients, is_configured

NOW = datetime(2024, 2, 1, 6, tzinfo=UTC)
PASSWORD = "s3cret"
FLOW = RunPlace("shop.ingest", "22222222-2222-4222-8222-222222222222")


def make_run(**overrides):
    values = {
        "place": FLOW.child("shop.ingest.files.orders"),
        "kind": "EXTRACT",
        "started_at": NOW,
        "ended_at": NOW + timedelta(seconds=2),
        "outcome": "COMPLETE",
        "inputs": (
            Dataset(
                DatasetName("file", "/in/a.csv"),
                assertions=(Assertion("u", "unique", False, "order_id", "warn", "", 2),),
            ),
        ),
        "outputs": (
            Dataset(DatasetName("file", "/raw"), (Field("order_id", "INTEGER", "Key."),), rows=3),
        ),
    }
    return JobRun(**{**values, **overrides})


def as_json(run):
    return [json.loads(Serde.to_json(event)) for event in events_of(run)]


def facets(node):
    """Every facet of an event, wherever it stands."""
    for key, value in node.items():
        if key in ("facets", "inputFacets", "outputFacets"):
            yield from value.values()
        inner = value if isinstance(value, list) else [value]
        for one in inner:
            if isinstance(one, dict):
                yield from facets(one)


def is_uri(text):
    return bool(urlsplit(text).scheme)


def assert_required_fields(event):
    """What https://openlineage.io/spec/2-0-2/OpenLineage.json demands of a RunEvent."""
    assert {"eventTime", "producer", "schemaURL", "run", "job"} <= set(event)
    assert event["eventType"] in ("START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)", event["eventTime"])
    assert is_uri(event["producer"])
    assert event["schemaURL"].startswith("https://openlineage.io/spec/2-0-2/OpenLineage.json#")
    assert str(uuid.UUID(event["run"]["runId"])) == event["run"]["runId"]
    for named in (event["job"], *event["inputs"], *event["outputs"]):
        assert named["namespace"]
        assert named["name"]
    for facet in facets(event):
        assert is_uri(facet["_producer"])
        assert is_uri(facet["_schemaURL"])


def test_a_run_is_told_by_its_start_and_its_end_with_one_id():
    start, end = as_json(make_run())
    assert [start["eventType"], end["eventType"]] == ["START", "COMPLETE"]
    assert start["run"]["runId"] == end["run"]["runId"]
    assert (start["eventTime"], end["eventTime"]) == (
        "2024-02-01T06:00:00+00:00",
        "2024-02-01T06:00:02+00:00",
    )
    for event in (start, end):
        assert_required_fields(event)
        assert event["run"]["facets"]["parent"]["run"]["runId"] == FLOW.run_id
        assert event["run"]["facets"]["parent"]["root"]["job"]["name"] == "shop.ingest"


def test_the_end_says_columns_rows_and_tests():
    _, end = as_json(make_run())
    (output,), (read,) = end["outputs"], end["inputs"]
    assert output["facets"]["schema"]["fields"] == [
        {
            "name": "order_id",
            "type": "INTEGER",
            "description": "Key.",
            "ordinal_position": 1,
            "fields": [],
        }
    ]
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 3
    (assertion,) = read["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert (assertion["assertion"], assertion["success"], assertion["severity"]) == (
        "unique",
        False,
        "warn",
    )
    assert assertion["actual"] == "2"


def test_a_failed_run_says_our_message_and_counts_no_rows():
    _, end = as_json(make_run(outcome="FAIL", error="orders could not be read."))
    assert end["eventType"] == "FAIL"
    assert end["run"]["facets"]["errorMessage"]["message"] == "orders could not be read."
    assert "outputStatistics" not in end["outputs"][0]["outputFacets"]


def test_a_flow_is_told_when_it_begins_and_when_it_ends_once_each():
    begun = make_run(place=FLOW, kind="FLOW", ended_at=None, outcome=None)
    ended = make_run(place=FLOW, kind="FLOW", outcome="ABORT")
    assert [event["eventType"] for run in (begun, ended) for event in as_json(run)] == [
        "START",
        "ABORT",
    ]


def test_the_client_is_not_imported_before_events_are_sent():
    modules = ("build_runs", "load_runs", "publication_runs", "sender")
    imports = "; ".join(f"import lakehouse.lineage_events.{name}" for name in modules)
    code = f"import sys; {imports}; print([m for m in sys.modules if 'openlineage' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("environment", "is_on"),
    [
        ({}, False),
        ({"OPENLINEAGE_NAMESPACE": "x"}, False),
        ({"OPENLINEAGE_URL": "http://127.0.0.1:5000"}, True),
        ({"OPENLINEAGE_CONFIG": "/etc/openlineage.yml"}, True),
        ({"OPENLINEAGE__TRANSPORT__TYPE": "file"}, True),
        ({"OPENLINEAGE__TRANSPORT": "{}"}, True),
        ({"OPENLINEAGE_URL": "http://127.0.0.1:5000", "OPENLINEAGE_DISABLED": "True"}, False),
    ],
)
def test_only_the_standard_variables_switch_it_on(environment, is_on):
    assert is_configured(environment) is is_on


class Taking:
    """A client that takes everything, or fails at one event."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.got: list[str] = []
        self.fails_at = fails_at

    def emit(self, event):
        if len(self.got) == self.fails_at:
            raise ConnectionError(f"http://ana:{PASSWORD}@host refused")
        self.got.append(event.eventType.value)

    def close(self, timeout):
        return timeout >= 0


def test_a_client_that_fails_keeps_nothing_from_another_and_shows_no_password():
    good, bad = Taking(), Taking(fails_at=1)
    sender = Sender(lambda: {"good": good, "bad": bad})
    sender.send([make_run(), make_run()])
    assert sender.finish(5) == ["bad: ConnectionError; nothing was sent after 1 events"]
    assert good.got == ["START", "COMPLETE", "START", "COMPLETE"]
    assert bad.got == ["START"]


def test_a_client_that_cannot_be_set_up_is_a_fault_without_its_configuration():
    def broken():
        raise ValueError(PASSWORD)

    assert Sender(broken).finish(5) == ["the client cannot be set up (ValueError)"]


def test_a_configuration_that_names_no_transport_does_not_print_events(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("OPENLINEAGE_CONFIG", str(tmp_path / "missing.yml"))
    with pytest.raises(ValueError, match="names no transport"):
        configured_clients()


@pytest.fixture
def hanging() -> Iterator[int]:
    """Port of a server that takes connections and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        taken: list[socket.socket] = []

        def _accept() -> None:
            while True:
                try:
                    taken.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=_accept, daemon=True).start()
        yield server.getsockname()[1]
        for one in taken:
            one.close()


def test_a_server_that_never_answers_holds_up_neither_the_run_nor_the_file(
    monkeypatch, tmp_path, hanging, caplog
):
    caplog.set_level(logging.CRITICAL)
    transports = {
        "first": {"type": "http", "url": f"http://127.0.0.1:{hanging}"},
        "second": {"type": "file", "log_file_path": str(tmp_path / "events"), "append": True},
    }
    monkeypatch.setenv(
        "OPENLINEAGE__TRANSPORT", json.dumps({"type": "composite", "transports": transports})
    )
    sender = Sender()
    started = time.monotonic()
    sender.send([make_run()])
    assert time.monotonic() - started < 0.5
    assert sender.finish(1.5) == ["first (http): did not answer in 1.5 s"]
    assert time.monotonic() - started < 3
    lines = (tmp_path / "events").read_text().splitlines()
    assert [json.loads(line)["eventType"] for line in lines] == ["START", "COMPLETE"]
