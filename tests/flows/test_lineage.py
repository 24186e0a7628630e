"""A run of pharma_latam as OpenLineage hears it: by a file, a server, and one that is gone."""

import json
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import networkx as nx
import pytest
from jsonschema import Draft202012Validator, FormatChecker
from openlineage.client.serde import Serde

from demo.pharma_deliveries import seed_deliveries
from flows.elt import elt
from lakehouse.lineage_events.client_events import events_of
from lakehouse.lineage_events.dataset_names import DatasetName
from lakehouse.lineage_events.job_runs import Dataset, Field, JobRun, RunPlace
from tasks.emit_lineage import FLUSH_SECONDS

DOMAIN = "pharma_latam"
SCHEMA = json.loads((Path(__file__).parent / "openlineage_event.json").read_text("utf-8"))
FORMATS = FormatChecker(["date-time", "uuid"])
Event = dict[str, Any]


@FORMATS.checks("uri")
def is_uri(text: object) -> bool:
    return not isinstance(text, str) or bool(urlsplit(text).scheme and urlsplit(text).path)


def assert_valid(events: list[Event]) -> None:
    """Each event, with its facets, is as the specification of OpenLineage asks."""
    validator = Draft202012Validator(SCHEMA, format_checker=FORMATS)
    for event in events:
        wrong = [f"{one.json_path}: {one.message}" for one in validator.iter_errors(event)]
        assert wrong == [], event["job"]["name"]


def facets_of(events: list[Event]) -> set[str]:
    """Names of all facets that stand in some events."""
    holders = [holder for event in events for holder in (event["run"], event["job"])]
    holders += [one for event in events for one in (*event["inputs"], *event["outputs"])]
    kinds = ("facets", "inputFacets", "outputFacets")
    return {name for holder in holders for kind in kinds for name in holder.get(kind) or {}}


@pytest.fixture
def heard() -> Iterator[tuple[str, list[Event]]]:
    """URL of a server that takes events, and what it got."""
    got: list[Event] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Nothing to the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", got
    server.shutdown()
    server.server_close()


@pytest.fixture
def gone() -> Iterator[str]:
    """URL at which nobody listens: the port is taken and not opened."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def events(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, heard: tuple[str, list[Event]], gone: str
) -> Callable[[], list[Event]]:
    """Events of the runs so far, from the file."""
    file = tmp_path / "events.jsonl"
    transports = {
        "gone": {"type": "http", "url": gone},
        "heard": {"type": "http", "url": heard[0]},
        "file": {"type": "file", "log_file_path": str(file), "append": True},
    }
    monkeypatch.setenv(
        "OPENLINEAGE__TRANSPORT", json.dumps({"type": "composite", "transports": transports})
    )
    return lambda: [json.loads(line) for line in file.read_text().splitlines()]


def ends(events: list[Event]) -> dict[str, str]:
    """How the run of each job ended; every one has one start and one end."""
    types: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for event in events:
        types[event["job"]["name"], event["run"]["runId"]].append(event["eventType"])
    assert len({job for job, _ in types}) == len(types)
    assert all(len(found) == 2 and found[0] == "START" for found in types.values()), types
    return {job.removeprefix(f"{DOMAIN}."): found[1] for (job, _), found in types.items()}


def way_of_the_data(events: list[Event]) -> nx.DiGraph:
    """Datasets by namespace and name, joined where a run that completed reads one for another."""
    graph: nx.DiGraph = nx.DiGraph()
    for event in events:
        if event["eventType"] == "COMPLETE":
            for read in event["inputs"]:
                for written in event["outputs"]:
                    graph.add_edge(
                        (read["namespace"], read["name"]), (written["namespace"], written["name"])
                    )
    return graph


def test_every_delivered_file_leads_to_a_published_table(
    landing, settings, events, heard, caplog, run
):
    seed_deliveries(landing)
    state = run()
    returned = datetime.now(UTC)
    assert state.name == "Completed"
    told = events()
    assert_valid(told)
    assert facets_of(told) == {
        *("parent", "jobType", "schema", "documentation", "outputStatistics"),
        # The last is the client's own.
        *("dataQualityAssertions", "tags"),
    }
    assert heard[1] == told
    assert set(ends(told).values()) == {"COMPLETE"}
    graph = way_of_the_data(told)
    assert nx.is_directed_acyclic_graph(graph)
    fact = (f"duckdb://{settings.serving(DOMAIN)}", "pharma_latam.consume.fct_ventas_latam")
    files = {("file", str(path)) for path in landing.iterdir()}
    assert len(files) == 3
    assert files <= nx.ancestors(graph, fact)
    # Nothing lies beside the way: what no run reads is a published table.
    last = {node for node in graph if not graph.out_degree(node)}
    assert {name for name, _ in last} == {fact[0]}
    first = {node for node in graph if not graph.in_degree(node)}
    assert {name for name, _ in first} == {"file"}
    jobs = {event["job"]["name"]: event["run"]["runId"] for event in told}
    parents = {
        event["job"]["name"]: event["run"]["facets"]["parent"]["run"]["runId"]
        for event in told
        if "parent" in event["run"]["facets"]
    }
    assert jobs[f"{DOMAIN}.elt"] == str(state.state_details.flow_run_id)
    assert parents[f"{DOMAIN}.ingest"] == jobs[f"{DOMAIN}.elt"]
    assert parents[f"{DOMAIN}.ingest.pharma_files.productos"] == jobs[f"{DOMAIN}.ingest"]
    text = json.dumps(told)
    for value in ("ARG-001", "BRA-001", "850.5", "AMOX500", "Amoxicilina"):
        assert value not in text
    assert "gone (http): " in caplog.text
    end = datetime.fromisoformat(told[-1]["eventTime"])
    assert (returned - end).total_seconds() < FLUSH_SECONDS + 5


@pytest.mark.long
def test_a_delivery_that_stops_the_publication_ends_its_runs_as_failed(
    landing, events, deliver, run, repeated_in_argentina
):
    seed_deliveries(landing)
    deliver("ventas_arg.csv", repeated_in_argentina)
    assert run().name == "Failed"
    told = events()
    assert_valid(told)
    assert "errorMessage" in facets_of(told)
    ended = ends(told)
    assert ended["elt"] == ended["dbt_build"] == "FAIL"
    assert ended["dbt_build.model.aljibe.stg_ventas_arg.test"] == "FAIL"
    assert ended["ingest"] == ended["dbt_build.model.aljibe.stg_ventas_arg"] == "COMPLETE"
    assert not {job for job in ended if job.startswith("publish")}
    assert "ARG-001" not in json.dumps(told)


def test_a_run_whose_source_is_gone_ends_as_failed_and_names_its_tables(
    landing, events, run, monkeypatch
):
    monkeypatch.setattr("tasks.emit_lineage.FLUSH_SECONDS", 1)
    landing.rmdir()
    started = time.monotonic()
    assert run().name == "Failed"
    assert time.monotonic() - started < 20
    assert_valid(events())
    assert "errorMessage" in facets_of(events())
    ended = ends(events())
    assert ended["elt"] == ended["ingest"] == ended["ingest.pharma_files.productos"] == "FAIL"


def test_a_run_that_is_told_to_stop_is_aborted(settings, events, monkeypatch):
    monkeypatch.setattr("tasks.emit_lineage.FLUSH_SECONDS", 1)

    def stopped(*_args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("flows.elt.load_catalog", stopped)
    with pytest.raises(KeyboardInterrupt):
        elt(DOMAIN)
    assert_valid(events())
    assert ends(events()) == {"elt": "ABORT"}


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("eventTime",), "2024-03-01 10:00"),
        (("producer",), "no address"),
        (("run", "runId"), "7"),
        (("run", "facets", "parent", "job", "name"), None),
        (("outputs", 0, "facets", "schema", "fields", 0, "ordinal_position"), "1"),
        (("outputs", 0, "outputFacets", "outputStatistics", "_schemaURL"), "https://example.com"),
    ],
)
def test_an_event_that_is_not_as_specified_is_found(place, value):
    parent = RunPlace("shop.elt", "11111111-1111-4111-8111-111111111111")
    written = Dataset(DatasetName("file", "/raw/t"), fields=(Field("id", "INTEGER"),), rows=3)
    at = datetime(2024, 3, 1, tzinfo=UTC)
    run = JobRun(
        parent.child("shop.ingest"), "EXTRACT", at, at, outcome="COMPLETE", outputs=(written,)
    )
    event = json.loads(Serde.to_json(list(events_of(run))[-1]))
    assert_valid([event])
    holder = event
    for key in place[:-1]:
        holder = holder[key]
    assert place[-1] in holder
    holder[place[-1]] = value
    with pytest.raises(AssertionError):
        assert_valid([event])


def test_without_configuration_nothing_is_told(settings, monkeypatch):
    def told(*_args: object) -> None:
        raise AssertionError("a sender was made")

    monkeypatch.setattr("tasks.emit_lineage.Sender", told)
    assert elt("no_such_domain", return_state=True).name == "Failed"
