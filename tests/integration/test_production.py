"""Server and worker in production: stopped, killed at any moment, asked without a password.

Nobody helps them: a supervisor's restart is all that happens after a kill.
"""

import os
import random
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest
from servers.lasting_postgres import LastingPostgres
from servers.postgres import PostgresMissingError
from servers.production_shop import BIN, FLOW, POSTGRES, SERVER, WORKER, ProductionShop, wait_for

pytestmark = [pytest.mark.integration, pytest.mark.long, pytest.mark.timeout(1200)]
# The last is a machine that loses its power: worker and run at once.
VICTIMS = [(WORKER,), (FLOW,), (SERVER,), (POSTGRES,), (WORKER, FLOW)]
LONGEST_SECONDS = 300
FEW, MANY = 1, 50


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProductionShop]:
    try:
        database = LastingPostgres()
    except PostgresMissingError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
    made = ProductionShop(tmp_path_factory.mktemp("production"), database)
    try:
        made.open()
        made.start(WORKER)
        yield made
    finally:
        made.close()


def play(shop: ProductionShop, seed: int, rounds: int) -> None:
    """So many rounds, each with a new file, a run for it, and a kill at some moment of it."""
    chance = random.Random(seed)
    print(f"seed {seed}")
    for number in range(1, rounds + 1):
        victims = chance.choice(VICTIMS)
        began = time.monotonic()
        files = next_delivery(shop)
        wound(shop, chance, victims)
        try:
            wait_for(lambda wanted=files: healed(shop, wanted), LONGEST_SECONDS)
        except AssertionError:
            raise AssertionError(f"round {number}, {victims}: {state_of(shop, files)}") from None
        print(
            f"round {number}: {'+'.join(victims)} killed, whole after "
            f"{time.monotonic() - began:.0f} s",
            flush=True,
        )


def wound(shop: ProductionShop, chance: random.Random, victims: tuple[str, ...]) -> None:
    """Start a run, kill at a random moment of it, and restart a little later."""
    if at_gate := chance.random() < 0.4:
        shop.gate.close()
    shop.request_run()
    if at_gate:
        wait_for(shop.is_held, LONGEST_SECONDS)
    else:
        time.sleep(chance.uniform(0.0, 15.0))
    for victim in victims:
        shop.kill(victim)
    time.sleep(chance.uniform(0.0, 4.0))
    for victim in victims:
        if victim != FLOW:
            shop.start(victim)
    shop.gate.open()


def healed(shop: ProductionShop, files: int) -> bool:
    """Whether everything that was asked for is done, and nothing says that it still runs."""
    shop.supervise()
    return (
        as_delivered(shop, files)
        and not shop.unfinished()
        and shop.used_slots() == 0
        and not shop.run_processes()
        and shop.runs()[-1]["state_type"] == "COMPLETED"
    )


def as_delivered(shop: ProductionShop, files: int) -> bool:
    """Whether RAW and the published table hold each delivered row exactly once."""
    expected = [(n, n * 10, f"payments_{n:04}.csv") for n in range(1, files + 1)]
    return shop.raw_rows() == expected and shop.published_rows() == expected


def next_delivery(shop: ProductionShop) -> int:
    """Deliver the next file; returns how many there are now."""
    number = len(list(shop.landing.glob("*.csv"))) + 1
    shop.deliver(number)
    return number


def state_of(shop: ProductionShop, files: int) -> str:
    """What is not as it should be."""
    rows = [len(shop.raw_rows()), len(shop.published_rows())]
    last = [(run["name"], run["state_name"], run["state"]["message"]) for run in shop.runs()[-3:]]
    return (
        f"{files} rows delivered, {rows} in RAW and published, {shop.unfinished()}, "
        f"{shop.used_slots()} slots, {shop.run_processes()}, {last}"
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "flow_runs/filter"),
        ("POST", "block_documents/filter"),
        ("GET", "admin/settings"),
        ("GET", "ui/flow_runs/count-task-runs"),
        ("POST", "ui/flow_runs/history"),
        ("GET", "admin/version"),
    ],
)
@pytest.mark.parametrize("auth", [None, ("aljibe", "wrong"), ("", "")])
def test_nobody_is_let_in_without_the_password(shop, method, path, auth):
    answer = httpx.request(method, f"{shop.api}/{path}", json={}, auth=auth, timeout=30)
    assert answer.status_code == httpx.codes.UNAUTHORIZED


def test_a_worker_with_a_wrong_password_says_so_and_ends(shop):
    variables = {"PREFECT_API_AUTH_STRING": "aljibe:wrong", "ALJIBE_WORKER_NAME": "stranger"}
    done = subprocess.run(
        [BIN / "aljibe", "worker"],
        env={**shop.environment, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "refuses these credentials (401)" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_that_ends_in_time_is_waited_for_when_the_worker_is_stopped(shop):
    number = next_delivery(shop)
    shop.gate.close()
    run = shop.request_run()
    wait_for(shop.is_held, LONGEST_SECONDS)
    assert shop.call([BIN / "aljibe", "health"]).endswith("/health answers 200\n")
    worker = shop.processes.pop(WORKER)
    worker.terminate()
    later = shop.request_run()
    time.sleep(2)
    assert worker.poll() is None
    shop.gate.open()
    assert worker.wait(LONGEST_SECONDS) == 0
    assert shop.run(run)["state_type"] == "COMPLETED"
    assert shop.run(later)["state_type"] == "SCHEDULED"
    assert as_delivered(shop, number)
    shop.start(WORKER)
    wait_for(lambda: healed(shop, number), LONGEST_SECONDS)
    assert shop.run(later)["state_type"] == "COMPLETED"


def test_a_run_that_does_not_is_ended_whole_and_run_again(shop):
    number = next_delivery(shop)
    shop.stop(WORKER, LONGEST_SECONDS)
    shop.start(WORKER, ALJIBE_DRAIN_SECONDS="1")
    shop.gate.close()
    run = shop.request_run()
    wait_for(shop.is_held, LONGEST_SECONDS)
    assert shop.stop(WORKER, LONGEST_SECONDS) == 0
    assert not shop.run_processes()
    ended = shop.run(run)
    assert ended["state_type"] == "CRASHED"
    assert (
        "The worker shop-worker was stopped, and this run did not end"
        in (ended["state"]["message"])
    )
    (again,) = [one for one in shop.runs() if one["state_type"] == "SCHEDULED"]
    assert again["labels"]["aljibe.resume.origin"] == str(run)
    assert "resumed" in again["tags"]
    assert again["parameters"] == ended["parameters"]
    assert shop.unfinished() == [f"{again['name']}: Scheduled"]
    assert shop.used_slots() == 0
    shop.gate.open()
    shop.start(WORKER)
    wait_for(lambda: healed(shop, number), LONGEST_SECONDS)
    assert shop.run(again["id"])["state_type"] == "COMPLETED"


def test_a_kill_of_any_part_heals_by_itself(shop):
    play(shop, random.randrange(10**6), FEW)


@pytest.mark.soak
@pytest.mark.timeout(4 * 3600)
def test_fifty_kills_heal_by_themselves(shop):
    rounds = int(os.environ.get("ALJIBE_TEST_ROUNDS", MANY))
    play(shop, int(os.environ.get("ALJIBE_TEST_SEED", "20261130")), rounds)


@pytest.mark.soak
def test_another_worker_takes_over_what_a_worker_left_that_never_comes_back(shop, tmp_path):
    number = next_delivery(shop)
    shop.gate.close()
    run = shop.request_run()
    wait_for(shop.is_held, LONGEST_SECONDS)
    for victim in (WORKER, FLOW):
        shop.kill(victim)
    for left in shop.run_processes():
        os.kill(left.pid, signal.SIGKILL)
    wait_for(lambda: shop.run(run)["state_type"] == "CRASHED", LONGEST_SECONDS)
    assert shop.run(run)["state"]["message"] == "no heartbeat for 90 s"
    shop.gate.open()
    other = {"ALJIBE_HOME": str(tmp_path / "other"), "ALJIBE_WORKER_NAME": "other-worker"}
    shop.start(WORKER, **other)
    (again,) = wait_for(
        lambda: [
            one
            for one in shop.runs()
            if one["labels"].get("aljibe.resume.origin") == str(run)
            and one["state_type"] == "COMPLETED"
        ],
        2 * LONGEST_SECONDS,
    )
    assert again["labels"]["prefect.worker.name"] == "other-worker"
    assert not shop.unfinished()
    shop.stop(WORKER, LONGEST_SECONDS)
    shop.start(WORKER)
    shop.request_run()
    wait_for(lambda: healed(shop, number), LONGEST_SECONDS)


def test_doctor_sees_the_worker_and_the_automation(shop):
    said = shop.call([BIN / "aljibe", "doctor"])
    assert "shop-worker, heard of" in said
    assert "ended when they send no heartbeat" in said


def test_no_log_holds_a_secret_after_all_that(shop):
    secrets = {shop.auth, shop.auth.partition(":")[2], str(shop.postgres.url.password)}
    secrets |= {quote(secret, safe="") for secret in secrets}
    for name in (SERVER, WORKER):
        log = shop.log_file(name).read_text()
        assert log
        assert not [secret for secret in secrets if secret in log], f"{name}.log holds a secret"
    assert not [path for path in shop.home.rglob("*") if path.stat().st_mode & stat.S_IROTH]
