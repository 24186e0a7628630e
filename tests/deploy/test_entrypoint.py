"""The entry point and the health check of the image, run by themselves."""

import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lakehouse.lake.audit_database import audit_engine
from lakehouse.settings import Settings
from lakehouse.watch.watcher_log import WatcherSeen, record_look

STUB = """#!/bin/sh
printf '%s|' "$(basename "$0")" "$@" >"$LOG"
umask >>"$LOG"
"""


@pytest.fixture
def app(project):
    """A folder like /app in which every command only writes down how it was called."""
    # pytest's own folder is closed to other users.
    folder = Path(tempfile.mkdtemp(prefix="aljibe-entrypoint-"))
    folder.chmod(0o755)
    app = folder / "app"
    (app / "blocks").mkdir(parents=True)
    shutil.copy(project / "blocks" / "blocks.yaml", app / "blocks")
    stubs = ["bin/aljibe", "bin/python3", "bin/sh-stub", "deploy/bootstrap", "deploy/databases"]
    for name in stubs:
        (app / name).parent.mkdir(exist_ok=True)
        (app / name).write_text(STUB)
        (app / name).chmod(0o755)
    shutil.copy(project / "deploy" / "entrypoint", app / "deploy")
    (folder / "home").mkdir(mode=0o750)
    yield app
    shutil.rmtree(folder)


def enter(app, *arguments):
    """Enter as another user than root, whose part the entry point plays only in a container."""
    home = app.parent / "home"
    log = home / "log"
    as_other = []
    if os.geteuid() == 0:
        os.chown(home, 10001, 10001)
        as_other = ["setpriv", "--reuid=10001", "--regid=10001", "--clear-groups"]
    done = subprocess.run(
        [*as_other, app / "deploy" / "entrypoint", *arguments],
        env={
            "PATH": f"{app / 'bin'}:/usr/bin:/bin",
            "LOG": str(log),
            "ALJIBE_HOME": str(home),
            "TMPDIR": str(home),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return log.read_text()


@pytest.mark.parametrize(
    ("arguments", "called"),
    [
        ([], "aljibe|worker|"),
        (["worker", "--with-watch"], "aljibe|worker|--with-watch|"),
        (["server", "--host", "0.0.0.0"], "aljibe|server|--host|0.0.0.0|"),
        (["run", "two words"], "aljibe|run|two words|"),
        (["bootstrap"], "bootstrap|"),
        (["databases"], "databases|"),
        (["demo-fill", "--landing"], "python3|-m|demo.fill|--landing|"),
        (["python3", "-V"], "python3|-V|"),
    ],
)
def test_the_first_word_is_the_role(app, arguments, called):
    assert enter(app, *arguments) == f"{called}0027\n"
    role = (app.parent / "home" / "aljibe-role").read_text().strip()
    assert role == (arguments[0] if arguments else "worker")


def test_a_worker_finds_a_folder_for_each_domain_of_files(app):
    enter(app, "worker")
    found = {path.name for path in (app.parent / "home" / "landing").iterdir()}
    assert found == {"pharma_latam", "olist", "wells", "bioreactor"}


@pytest.fixture
def answering():
    """Port of a server whose health is what the test says."""
    codes = {"/api/health": 200, "/health": 200, "/v1/dolares": 200}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(codes[self.path])
            self.end_headers()
            self.wfile.write(json.dumps({}).encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1], codes
    server.shutdown()
    server.server_close()
    thread.join()


def check(project, *arguments, **environment):
    return subprocess.run(
        [sys.executable, project / "deploy" / "healthcheck", *arguments],
        env={**os.environ, "PYTHONPATH": str(project), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("role", ["server", "dashboard", "worker", "demo-api"])
def test_a_role_that_serves_is_asked(project, answering, role):
    port, codes = answering
    assert check(project, role, PORT=str(port)).returncode == 0
    for path in codes:
        codes[path] = 503
    sick = check(project, role, PORT=str(port))
    assert sick.returncode == 1
    assert f"healthcheck: {role}: http://127.0.0.1:{port}" in sick.stderr


def test_a_role_that_is_not_there_is_sick(project):
    gone = check(project, "server", PORT="1")
    assert gone.returncode == 1
    assert "does not answer" in gone.stderr


def test_the_role_is_the_one_that_the_entry_point_wrote_down(project, tmp_path):
    (tmp_path / "aljibe-role").write_text("bootstrap\n")
    assert check(project, TMPDIR=str(tmp_path)).returncode == 0
    (tmp_path / "aljibe-role").write_text("server\n")
    assert check(project, TMPDIR=str(tmp_path), PORT="1").returncode == 1


@pytest.mark.parametrize(("age", "code"), [(5, 0), (600, 1)])
def test_a_watcher_is_judged_by_its_last_look(project, tmp_path, age, code):
    settings = Settings(home=tmp_path)
    seen = datetime.now(UTC) - timedelta(seconds=age)
    look = WatcherSeen(socket.gethostname(), 1, ("olist",), 0, None, seen, seen)
    record_look(audit_engine(settings), look)
    checked = check(project, "watch", ALJIBE_HOME=str(tmp_path))
    assert checked.returncode == code, checked.stderr
    if code:
        assert "the watcher last looked" in checked.stderr
