"""Files put by a real client start runs: each is loaded exactly once, and none is forgotten."""

import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import paramiko
import pytest
from servers.sshd import SshServer
from servers.watched_shop import WatchedShop

pytestmark = [pytest.mark.integration, pytest.mark.long, pytest.mark.timeout(400)]
SOON = 15
HEADER = "id,amount\n"
"""Every file has rows of its own: the same content under another name would be the same batch."""


@pytest.fixture(scope="module")
def shop(ssh_server: SshServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedShop]:
    upload = ssh_server.uploads / uuid.uuid4().hex
    upload.mkdir()
    made = WatchedShop(tmp_path_factory.mktemp("shop"), ssh_server, upload)
    try:
        made.start("server")
        made.deploy()
        made.start("worker")
        made.start("watcher")
        made.wait_until_watched()
        yield made
    finally:
        made.stop_all()


@pytest.fixture
def client(ssh_server: SshServer) -> Iterator[paramiko.SFTPClient]:
    key = paramiko.Ed25519Key.from_private_key_file(str(ssh_server.folder / "user_key"))
    transport = paramiko.Transport(("127.0.0.1", ssh_server.port))
    transport.connect(username=ssh_server.username, pkey=key)
    yield paramiko.SFTPClient.from_transport(transport)
    transport.close()


def put(shop: WatchedShop, client: paramiko.SFTPClient, name: str, text: str) -> float:
    """Upload a file; returns when it was complete."""
    with client.open(f"{shop.upload}/{name}", "w") as file:
        file.write(text)
    return time.time()


def wait_for(what: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.3)


def of_file(shop: WatchedShop, name: str) -> list[tuple[int, int]]:
    return [(row, amount) for row, amount, file in shop.loaded() if file == name]


def at_rest(shop: WatchedShop) -> None:
    """No run is going or waits: the next test starts from quiet."""

    def quiet() -> bool:
        return all(run["state_type"] in ("COMPLETED", "FAILED", "CRASHED") for run in shop.runs())

    wait_for(quiet)
    failed = [run["state"]["message"] for run in shop.runs() if run["state_type"] != "COMPLETED"]
    assert not failed


def started_at(run: dict) -> float:
    return datetime.fromisoformat(run["start_time"].replace("Z", "+00:00")).timestamp()


def upload_by_sftp(shop: WatchedShop, folder: Path, name: str, text: str) -> float:
    """Put a file with OpenSSH's own client; returns when it was complete."""
    local, batch = folder / name, folder / "batch"
    local.write_text(text)
    batch.write_text(f"put {local} {shop.upload}/{name}\n")
    sftp = ["sftp", "-q", "-b", str(batch), "-P", str(shop.ssh.port)]
    options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"]
    options.append(f"IdentityFile={shop.ssh.folder}/user_key")
    said = [part for option in options for part in ("-o", option)]
    subprocess.run(
        [*sftp, *said, f"{shop.ssh.username}@127.0.0.1"], check=True, capture_output=True
    )
    return time.time()


def test_a_file_put_by_a_client_starts_the_run_of_its_domain_soon(shop, client, tmp_path):
    waits = []
    # Other tests run beside this one: the quickest of three is what Aljibe takes.
    for number in (1, 2, 3):
        name = f"payments_{number}.csv"
        complete = upload_by_sftp(shop, tmp_path, name, f"{HEADER}{number},10\n")
        wait_for(lambda name=name, row=number: of_file(shop, name) == [(row, 10)])
        run = next(one for one in shop.runs() if one["start_time"] and started_at(one) > complete)
        assert run["parameters"]["domain"] == "shop"
        assert run["parameters"]["arrived"] == 1
        at_rest(shop)
        waits.append(started_at(run) - complete)
        if waits[-1] < SOON:
            break
    assert min(waits) < SOON


def test_a_file_half_uploaded_waits_until_it_is_whole(shop, client):
    before = len(shop.runs())
    with client.open(f"{shop.upload}/payments_slow.csv", "w") as file:
        file.write(HEADER)
        for number in range(8):
            file.write(f"{number},1\n")
            file.flush()
            time.sleep(0.7)
        assert len(shop.runs()) == before
    wait_for(lambda: len(of_file(shop, "payments_slow.csv")) == 8)
    at_rest(shop)
    assert len(of_file(shop, "payments_slow.csv")) == 8


def test_a_file_renamed_after_its_upload_is_taken_under_its_name(shop, client):
    before = len(shop.runs())
    put(shop, client, "payments_renamed.csv.part", f"{HEADER}1,1\n")
    time.sleep(4)
    assert len(shop.runs()) == before
    client.rename(f"{shop.upload}/payments_renamed.csv.part", f"{shop.upload}/payments_renamed.csv")
    wait_for(lambda: of_file(shop, "payments_renamed.csv") == [(1, 1)])
    at_rest(shop)


def test_the_same_again_adds_nothing_and_a_correction_is_loaded(shop, client):
    before, runs = shop.loaded(), len(shop.runs())
    put(shop, client, "payments_1.csv", f"{HEADER}1,10\n")
    wait_for(lambda: len(shop.runs()) > runs)
    at_rest(shop)
    assert shop.loaded() == before
    put(shop, client, "payments_1.csv", f"{HEADER}1,11\n")
    wait_for(lambda: (1, 11) in of_file(shop, "payments_1.csv"))
    at_rest(shop)
    assert of_file(shop, "payments_1.csv") == [(1, 10), (1, 11)]


def test_a_hundred_files_at_once_make_one_run_or_two(shop, client):
    before = len(shop.runs())
    for number in range(100):
        put(shop, client, f"payments_many_{number:03}.csv", f"{HEADER}{number},{1000 + number}\n")
    names = {f"payments_many_{number:03}.csv" for number in range(100)}
    wait_for(lambda: names <= {file for _, _, file in shop.loaded()})
    at_rest(shop)
    many = [row for row in shop.loaded() if row[2] in names]
    assert sorted(row for row, _, _ in many) == list(range(100))
    assert len(shop.runs()) - before <= 2


def test_files_put_while_a_run_is_going_are_taken_by_the_next(shop, client):
    before = len(shop.runs())
    put(shop, client, "payments_first.csv", f"{HEADER}1,2001\n")
    wait_for(lambda: any(r["state_type"] == "RUNNING" for r in shop.runs()[before:]))
    wait_for(lambda: bool(of_file(shop, "payments_first.csv")))
    put(shop, client, "payments_during.csv", f"{HEADER}2,2002\n")
    wait_for(lambda: of_file(shop, "payments_during.csv") == [(2, 2002)])
    at_rest(shop)
    assert of_file(shop, "payments_first.csv") == [(1, 2001)]


def test_a_watcher_that_was_killed_finds_what_came_meanwhile(shop, client):
    shop.kill("watcher")
    put(shop, client, "payments_unseen.csv", f"{HEADER}1,3001\n")
    shop.start("watcher")
    wait_for(lambda: of_file(shop, "payments_unseen.csv") == [(1, 3001)])
    at_rest(shop)


def test_a_server_that_was_killed_is_told_when_it_is_back(shop, client):
    shop.kill("server")
    put(shop, client, "payments_untold.csv", f"{HEADER}1,4001\n")
    time.sleep(6)
    assert "did not take" in (shop.folder / "watcher.log").read_text()
    shop.start("server")
    wait_for(lambda: of_file(shop, "payments_untold.csv") == [(1, 4001)], 120)
    at_rest(shop)
    assert "the Prefect API takes events again" in (shop.folder / "watcher.log").read_text()


def test_a_second_watcher_of_a_home_is_refused(shop):
    second = subprocess.run(
        [Path(shop.processes["watcher"].args[0]), "watch", "shop"],
        env=shop.environment,
        cwd=shop.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 1
    assert "Another watcher runs on this home" in second.stderr


def test_a_watcher_ends_when_it_is_told_to(shop):
    process = shop.processes["watcher"]
    stopping = threading.Timer(0.1, process.terminate)
    stopping.start()
    assert process.wait(15) == 0
    assert "stopped" in (shop.folder / "watcher.log").read_text()
    shop.start("watcher")
