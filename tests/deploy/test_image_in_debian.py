"""The image, built in an empty Debian and run as a hardened container would run it.

Builds it in ALJIBE_IMAGE_FOLDER, if that is set, and takes one that is there as it is.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import httpx
import paramiko
import pytest
import yaml
from containers.deployed_image import UID, Deployment, deployed, first_process
from try_image import Image, pip_of_this_machine

from demo.pharma_deliveries import seed_deliveries
from lakehouse.settings import PROJECT_ROOT

pytestmark = [pytest.mark.soak, pytest.mark.integration, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def image(tmp_path_factory) -> Image:
    if os.geteuid() or not shutil.which("debootstrap"):
        pytest.skip("needs root and debootstrap: apt-get install debootstrap")
    kept = os.environ.get("ALJIBE_IMAGE_FOLDER")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("image")
    image = Image(folder)
    if not (image.root("runtime") / "app" / "deploy" / "entrypoint").exists():
        image.build(*pip_of_this_machine(folder))
    return image


@pytest.fixture(scope="module")
def deployment(image: Image, tmp_path_factory) -> Iterator[Deployment]:
    """Databases, server, bootstrap and worker, as compose.yaml starts them."""
    with deployed(image, tmp_path_factory.mktemp("deployed")) as one:
        one.once("databases", "databases")
        one.start("server", "server")
        one.wait("server", f"http://127.0.0.1:{one.server_port}/api/health")
        one.once("bootstrap", "bootstrap")
        landing = one.data("worker") / "landing" / "pharma_latam"
        seed_deliveries(landing)
        for path in (landing.parent, landing, *landing.iterdir()):
            os.chown(path, UID, UID)
        one.start("worker", "worker", "--with-watch")
        one.wait("worker", f"http://127.0.0.1:{one.health_port}/health")
        yield one


def test_every_role_that_runs_says_that_it_is_well(deployment):
    for role in ("server", "worker"):
        deployment.once(role, "healthcheck", role)
    deadline = time.monotonic() + 120
    while "watcher of this machine" in deployment.once(
        "worker", "healthcheck", "watch", check=False
    ):
        assert time.monotonic() < deadline, deployment.log("worker")
        time.sleep(2)


def test_a_worker_takes_a_run_as_a_user_that_is_not_root(deployment):
    said = deployment.once(
        "bootstrap", "prefect", "deployment", "run", "elt/pharma-latam", "--watch"
    )
    assert "Completed" in said, said + deployment.log("worker")[-3000:]
    copy = deployment.lake / "serving" / "pharma_latam.duckdb"
    with duckdb.connect(str(copy), read_only=True) as connection:
        count = connection.execute("select count(*) from consume.fct_ventas_latam").fetchone()
    assert count == (5,)
    # Links to DuckDB's extensions lead into the image.
    owners = {path.lstat().st_uid for path in deployment.lake.rglob("*")}
    assert owners == {UID}


def test_schedules_make_their_runs(deployment):
    api = f"http://127.0.0.1:{deployment.server_port}/api/flow_runs/count"
    login = ("admin", deployment.secrets["login"])
    asked = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
    deadline = time.monotonic() + 120
    while not (count := httpx.post(api, json=asked, auth=login).json()):
        assert time.monotonic() < deadline, deployment.log("server")[-3000:]
        time.sleep(1)
    assert count > 3


def test_files_with_data_cannot_be_read_by_others(deployment):
    kept = [deployment.lake / name for name in ("raw", "warehouse", "serving", "reports")]
    paths = [path for folder in kept for path in (folder, *folder.rglob("*"))]
    assert len(paths) > 10
    assert [path for path in paths if path.stat().st_mode & 0o007] == []


def test_the_first_build_started_from_what_the_image_had_parsed(deployment):
    (baked,) = (deployment.image.root("runtime") / "app" / "parsed").glob("pharma_latam-*")
    used = deployment.lake / "target" / "pharma_latam" / "partial_parse.msgpack"
    assert used.read_bytes() == baked.read_bytes()


def test_the_server_refuses_who_has_no_password(deployment):
    api = f"http://127.0.0.1:{deployment.server_port}/api"
    assert httpx.get(f"{api}/health").status_code == httpx.codes.OK
    for path in ("flow_runs/filter", "block_documents/filter", "logs/filter"):
        assert httpx.post(f"{api}/{path}", json={}).status_code == httpx.codes.UNAUTHORIZED
        wrong = httpx.post(f"{api}/{path}", json={}, auth=("admin", "wrong"))
        assert wrong.status_code == httpx.codes.UNAUTHORIZED


def test_no_secret_is_in_a_layer_or_in_a_log(deployment):
    places = [deployment.image.root(stage.name) for stage in deployment.image.stages]
    logs = [*deployment.folder.glob("*.log")]
    assert len(logs) >= 3
    patterns = [argument for word in deployment.secrets.values() for argument in ("-e", word)]
    grep = ["grep", "--recursive", "--files-with-matches", "--fixed-strings", *patterns]
    found = subprocess.run([*grep, *places, *logs], capture_output=True, text=True, check=False)
    assert found.stdout == ""
    assert found.returncode == 1, found.stderr


WRITABLE = """
import os, sys
os.chroot(sys.argv[1]); os.chdir("/")
os.setgroups([]); os.setgid(10001); os.setuid(10001)
for folder, folders, files in os.walk("/"):
    for name in (*folders, *files):
        path = os.path.join(folder, name)
        if not os.path.islink(path) and not path.startswith("/dev/") and os.access(path, os.W_OK):
            print(path)
"""


def test_the_user_of_the_image_can_write_to_its_volume_only(image):
    listed = subprocess.run(
        [sys.executable, "-c", WRITABLE, image.root("runtime")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(listed.stdout.split()) == {"/data", "/tmp", "/var/tmp", "/run/lock"}


@pytest.mark.parametrize("tool", ["git", "pip", "gcc", "curl", "wget", "ssh"])
def test_the_image_has_no_tool_that_it_does_not_need(image, tool):
    places = ("opt/venv/bin", "usr/bin", "bin", "usr/local/bin", "usr/sbin")
    assert not [p for p in places if (image.root("runtime") / p / tool).exists()]


def test_no_program_of_the_image_gives_rights(image):
    """Programs of Debian itself with a setuid bit gain nothing under no-new-privileges."""
    ours = [image.root("runtime") / "app", image.root("runtime") / "opt"]
    paths = [path for folder in ours for path in folder.rglob("*") if not path.is_symlink()]
    assert [path for path in paths if path.stat().st_mode & 0o6022] == []


def test_started_as_root_it_hands_the_volume_over_and_stops_being_root(image, tmp_path):
    data = tmp_path / "volume"
    (data / "landing").mkdir(parents=True)
    script = "id -u; grep -E 'CapEff|NoNewPrivs' /proc/self/status; touch /data/x; touch /app/x"
    command = image.command(
        {"/data": data},
        ["sh", "-c", script],
        {},
        user="0:0",
        capabilities=["chown", "dac_override", "fowner", "setgid", "setuid"],
    )
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["10001", "CapEff:", "0" * 16, "NoNewPrivs:", "1"], done.stderr
    assert (data / "landing").stat().st_uid == (data / "x").stat().st_uid == UID
    assert "Read-only" in done.stderr


def test_stopped_by_sigterm_worker_and_watcher_end_and_leave_nothing(deployment):
    service = deployment.started[-1]
    inside = first_process(service)
    everybody = [inside, *inside.children(recursive=True)]
    assert inside.name() == "tini"
    assert len(everybody) >= 4
    inside.send_signal(signal.SIGTERM)
    assert service.wait(120) == 0, deployment.log("worker")[-2000:]
    assert not [process for process in everybody if process.is_running()]


@pytest.fixture(scope="module")
def sftp_image(image, tmp_path_factory) -> Image:
    folder = image.folder / "demo-sftp"
    sftp = Image(folder, PROJECT_ROOT / "deploy" / "demo-sftp" / "Dockerfile")
    if not (sftp.root("sftp") / "usr" / "local" / "bin" / "start").exists():
        folder.mkdir(exist_ok=True)
        if not (folder / "debian").exists():
            (folder / "debian").symlink_to(image.folder / "debian")
        sftp.build({}, [])
    return sftp


def test_the_sftp_server_of_the_demo_lets_its_user_in_and_no_further(sftp_image, project, tmp_path):
    env = tmp_path / ".env"
    subprocess.run([sys.executable, project / "deploy" / "make-env", env], check=True)
    values = dict(line.split("=", 1) for line in env.read_text().splitlines() if "=" in line)
    given = {
        "SFTP_PASSWORD": values["TECHSTORE_SFTP_PASSWORD"],
        "SFTP_HOST_KEY": values["DEMO_SFTP_HOST_KEY"],
    }
    compose = yaml.safe_load((project / "deploy" / "compose.yaml").read_text("utf-8"))
    rights = [name.lower() for name in compose["services"]["sftp"]["cap_add"]]
    upload = tmp_path / "upload"
    upload.mkdir()
    command = sftp_image.command(
        {"/sftp/upload": upload}, [], given, capabilities=rights, read_only=False
    )
    log = tmp_path / "sshd.log"
    with log.open("wb") as out:
        server = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                transport = paramiko.Transport(("127.0.0.1", 2222))
                break
            except paramiko.SSHException:
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
        transport.connect(username="techstore", password=given["SFTP_PASSWORD"])
        session = paramiko.SFTPClient.from_transport(transport)
        with session.open("/upload/reclamos.txt", "w") as file:
            file.write("x")
        assert session.listdir("/") == ["upload"]
        with pytest.raises(OSError, match="denied"):
            session.open("/outside.txt", "w")
        with pytest.raises(paramiko.SSHException):
            transport.open_channel("direct-tcpip", ("127.0.0.1", 22), ("127.0.0.1", 1))
        key = transport.get_remote_server_key()
        shown = f"{key.get_name()} {key.get_base64()}"
        assert values["TECHSTORE_SFTP_HOST_KEY"].strip('"') == shown
        transport.close()
        assert (upload / "reclamos.txt").stat().st_uid == UID
        wrong = paramiko.Transport(("127.0.0.1", 2222))
        with pytest.raises(paramiko.AuthenticationException):
            wrong.connect(username="techstore", password="wrong")
        wrong.close()
        assert given["SFTP_PASSWORD"] not in log.read_text()
    finally:
        server.kill()
        server.wait()
