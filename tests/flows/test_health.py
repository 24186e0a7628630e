"""The flow `health` on a real home: table, events and one message for each change."""

import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from demo.pharma_deliveries import seed_deliveries
from flows.health import health
from lakehouse.lake.audit_database import release_audit_engine
from lakehouse.settings import Settings
from tasks import look_at_health as task_module


@pytest.fixture
def operators(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What operators are sent; a 500 is answered while `operators` holds "refuse" last."""
    got: list[str] = []

    class Sink(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            refuses = got[-1:] == ["refuse"]
            if not refuses:
                got.append(body)
            self.send_response(500 if refuses else 200)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Nothing to the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("ALJIBE_NOTIFY_OPERATORS_URL", f"json://127.0.0.1:{server.server_port}/")
    yield got
    server.shutdown()
    server.server_close()


def test_trouble_is_told_once_and_its_end_once(
    settings, artifacts, operators, deliver, monkeypatch
):
    events: list[str] = []
    monkeypatch.setattr(task_module, "emit_events", lambda new: events.extend(e.name for e in new))
    state = health(return_state=True)
    rows = {row["what"]: row for row in json.loads(artifacts("health")[0].data)}
    assert state.is_completed()
    assert rows["audit database: answer"]["verdict"] == "ok"
    assert rows["disk: home"]["verdict"] in ("ok", "look")
    assert rows["quarantine: pharma_latam"]["found"] == "0 files wait"
    told = len(operators)

    usage = shutil.disk_usage(settings.root)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=2**28))
    state = health(return_state=True)
    assert state.name == "CompletedWithWarnings"
    assert "disk: home: 0.2 GiB free" in state.message
    assert len(operators) == told + 1
    assert "disk: home: 0.2 GiB free" in operators[-1]
    assert health(return_state=True).name == "CompletedWithWarnings"
    assert len(operators) == told + 1, "what did not change is not told again"

    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=2**40))
    operators.append("refuse")
    state = health(return_state=True)
    assert "operators could not be told" in state.message
    operators.append("accept")
    health(return_state=True)
    assert "In order again" in operators[-1]
    assert events[-1] == "lakehouse.health.recovered"


def test_without_an_audit_database_the_rest_is_still_looked_at(
    settings, artifacts, operators, monkeypatch
):
    monkeypatch.setenv("ALJIBE_AUDIT_URL", "postgresql://nobody@127.0.0.1:9/none")
    state = health(return_state=True)
    assert state.name == "CompletedWithWarnings"
    rows = {row["what"]: row for row in json.loads(artifacts("health")[0].data)}
    assert rows["audit database: answer"]["verdict"] == "broken"
    assert "disk: home" in rows
    assert "cannot be used" in operators[-1]
    release_audit_engine(Settings())


@pytest.mark.long
def test_a_failed_build_is_trouble_until_one_passes(
    settings, operators, deliver, run, landing, repeated_in_argentina
):
    seed_deliveries(landing)
    deliver("ventas_arg.csv", repeated_in_argentina)
    assert run().is_failed()
    state = health(return_state=True)
    assert "build: pharma_latam: last build failed" in state.message
    assert "nothing was ever published" in state.message
    seed_deliveries(landing)
    assert run().is_completed()
    assert "build: pharma_latam" not in health(return_state=True).message
    assert "In order again" in operators[-1]


def test_the_pages_show_the_look_and_a_folder_that_cannot_be_written_warns(
    settings, artifacts, operators
):
    assert health(return_state=True).is_completed()
    said = json.loads((settings.reports / "health.json").read_text("utf-8"))
    posted = json.loads(artifacts("health")[0].data)
    assert [one["verdict"] for one in said["checks"]] == [row["verdict"] for row in posted]
    assert (settings.reports / "health.html").is_file()
    shutil.rmtree(settings.reports)
    settings.reports.write_text("no folder", encoding="utf-8")
    state = health(return_state=True)
    assert state.name == "CompletedWithWarnings"
    assert "the pages of the reports do not show this look" in state.message
