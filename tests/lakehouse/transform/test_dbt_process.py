import fcntl
import json
import os
import time
from pathlib import Path

import psutil
import pytest

from lakehouse.errors import DbtCouldNotRun, DbtKilled, DbtTimedOut, PermanentError, TransientError
from lakehouse.transform import dbt_process
from lakehouse.transform.dbt_process import DbtLine, run_dbt


def event(name: str, level: str = "info", message: str = "text", **data) -> str:
    return json.dumps({"info": {"name": name, "level": level, "msg": message}, "data": data})


def run(on_line=lambda _line: None, *, timeout: float = 20, **options) -> int:
    given = {"working_dir": Path.cwd(), **options}
    return run_dbt(["build"], {}, timeout=timeout, on_line=on_line, **given)


def is_alive(pid_file: Path) -> bool:
    pid = int(pid_file.read_text())
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until_dead(pid_file: Path) -> None:
    deadline = time.monotonic() + 5
    while is_alive(pid_file):
        assert time.monotonic() < deadline, "a child of dbt is still alive"
        time.sleep(0.02)


@pytest.mark.parametrize("code", [0, 1])
def test_the_exit_code_of_a_build_is_given_back(fake_dbt, code):
    fake_dbt(f"exit {code}")
    assert run() == code


def test_lines_come_in_order_while_dbt_still_runs(fake_dbt, tmp_path):
    go_on = tmp_path / "go-on"
    fake_dbt(
        f"""
        echo '{event("LogTestResult", message="PASS a", index=1, num_models=2)}'
        while [ ! -e {go_on} ]; do sleep 0.01; done
        echo '{event("LogModelResult", "error", "ERROR b", index=2, total=2)}'
        exit 1
        """
    )
    seen: list[DbtLine] = []

    def listen(line: DbtLine) -> None:
        seen.append(line)
        go_on.touch()

    assert run(listen) == 1
    assert seen == [DbtLine("info", "PASS a", 1, 2), DbtLine("error", "ERROR b", 2, 2)]


def test_only_lines_worth_showing_are_shown(fake_dbt, tmp_path):
    lines = [
        event("MainReportVersion"),
        event("Anything", "warn", "look here"),
        event("Anything", "error", "broken"),
        event("Anything", "warn", "  "),
        event("FoundCount", message="Found 3 models"),
        "",
        "Traceback (most recent call last):",
        "{torn json",
        '{"info": 3}',
        '{"info": {"name": "LogTestResult", "level": "info", "msg": "odd"}, "data": [1]}',
    ]
    (tmp_path / "lines").write_text("\n".join(lines))
    fake_dbt(f"cat {tmp_path}/lines")
    seen: list[DbtLine] = []
    run(seen.append)
    assert [(line.level, line.text) for line in seen] == [
        ("warn", "look here"),
        ("error", "broken"),
        ("info", "Found 3 models"),
        ("error", "Traceback (most recent call last):"),
        ("info", "{torn json"),
        ("info", '{"info": 3}'),
        ("info", "odd"),
    ]


def test_bytes_that_are_no_text_and_lines_of_any_length_do_no_harm(fake_dbt):
    fake_dbt("head -c 300000 /dev/zero | tr '\\0' 'x'; printf '\\nfin\\xff\\nlast without end'")
    seen: list[DbtLine] = []
    run(seen.append)
    assert [len(seen[0].text), seen[1].text, seen[2].text] == [
        300_000,
        "fin\ufffd",
        "last without end",
    ]


def test_a_dbt_that_cannot_run_fails_for_good_with_its_last_messages(fake_dbt):
    fake_dbt(f"echo '{event('X', 'error', 'Parsing Error in model a')}'; echo Oops; exit 2")
    with pytest.raises(DbtCouldNotRun, match="Parsing Error in model a\nOops") as caught:
        run()
    assert isinstance(caught.value, PermanentError)


@pytest.mark.parametrize("code", [3, 120, 126, 127])
def test_unknown_exit_codes_are_no_results(fake_dbt, code):
    fake_dbt(f"exit {code}")
    with pytest.raises(DbtCouldNotRun, match=f"exit code {code}"):
        run()


@pytest.mark.parametrize("script", ["kill -9 $$", "exit 137"])
def test_a_dbt_that_is_killed_from_outside_may_be_tried_again(fake_dbt, script):
    fake_dbt(script)
    with pytest.raises(DbtKilled, match="signal 9") as caught:
        run()
    assert isinstance(caught.value, TransientError)


@pytest.mark.parametrize("ignore", ["", "trap '' TERM"], ids=["polite", "stubborn"])
def test_a_time_out_kills_dbt_with_children_that_ignore_it(fake_dbt, tmp_path, monkeypatch, ignore):
    monkeypatch.setattr(dbt_process, "_GRACE_SECONDS", 0.3)
    fake_dbt(
        f"""
        {ignore}
        (trap '' TERM; sleep 60) & echo $! > {tmp_path}/child
        echo $$ > {tmp_path}/leader
        while true; do sleep 0.05; done
        """
    )
    start = time.monotonic()
    with pytest.raises(DbtTimedOut, match="ALJIBE_DBT_TIMEOUT_SECONDS") as caught:
        run(timeout=0.6)
    assert time.monotonic() - start < 10
    assert isinstance(caught.value, PermanentError)
    wait_until_dead(tmp_path / "leader")
    wait_until_dead(tmp_path / "child")


def test_a_flood_of_lines_does_not_put_the_time_out_off(fake_dbt):
    fake_dbt("while true; do echo '{}'; done")
    with pytest.raises(DbtTimedOut):
        run(timeout=0.6)


def test_a_child_that_outlives_dbt_and_keeps_its_output_open_is_ended(fake_dbt, tmp_path):
    fake_dbt(f"(trap '' TERM; sleep 60) & echo $! > {tmp_path}/child; echo done; exit 1")
    start = time.monotonic()
    seen: list[DbtLine] = []
    assert run(seen.append) == 1
    assert time.monotonic() - start < 10
    assert [line.text for line in seen] == ["done"]
    wait_until_dead(tmp_path / "child")


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_an_exception_in_the_run_leaves_no_child_behind(fake_dbt, tmp_path, error):
    fake_dbt(
        f"sleep 60 & echo $! > {tmp_path}/child; echo $$ > {tmp_path}/leader; echo hello; wait"
    )

    def broken(_line: DbtLine) -> None:
        raise error

    with pytest.raises(error):
        run(broken)
    wait_until_dead(tmp_path / "leader")
    wait_until_dead(tmp_path / "child")


def test_dbt_inherits_the_lock_and_nothing_else(fake_dbt, tmp_path):
    fake_dbt("ls -l /proc/$$/fd; exit 0")
    lock = os.open(tmp_path / "a.lock", os.O_RDWR | os.O_CREAT)
    other = os.open(tmp_path / "b.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    seen: list[DbtLine] = []
    try:
        run(seen.append, keep_open=[lock])
    finally:
        os.close(lock)
        os.close(other)
    text = "\n".join(line.text for line in seen)
    assert "a.lock" in text
    assert "b.lock" not in text


def test_arguments_environment_and_folder_reach_dbt(fake_dbt, tmp_path):
    fake_dbt('printf "%s\\n" "$@" "$EXTRA" "$HOME" "$PWD"')
    seen: list[DbtLine] = []
    run_dbt(
        ["build", "--vars", '{"a": "x y"}'],
        {"EXTRA": "e"},
        timeout=20,
        on_line=seen.append,
        working_dir=tmp_path,
    )
    texts = [line.text for line in seen]
    assert texts[-6:] == ["build", "--vars", '{"a": "x y"}', "e", os.environ["HOME"], str(tmp_path)]
    assert texts[:2] == ["--log-level", "none"]


def test_a_dbt_that_cannot_be_started_is_a_clear_error(fake_dbt, tmp_path):
    fake_dbt("exit 0").chmod(0o644)
    with pytest.raises(DbtCouldNotRun, match="could not be started"):
        run()
    fake_dbt("exit 0")
    with pytest.raises(DbtCouldNotRun, match="nowhere"):
        run(working_dir=tmp_path / "nowhere")


def test_no_open_file_is_left(fake_dbt):
    fake_dbt("echo hello")
    run()
    before = psutil.Process().num_fds()
    for _ in range(3):
        run()
    assert psutil.Process().num_fds() == before


def test_a_signal_to_the_group_of_the_run_does_not_reach_dbt(fake_dbt):
    fake_dbt("echo $(ps -o pgid= -p $$)")
    seen: list[DbtLine] = []
    run(seen.append)
    assert int(seen[0].text) != os.getpgid(0)
