"""dbt as a child process: live log lines, a time-out that kills, the lock inherited.

A process of its own gives DuckDB's lock and its memory back whatever happens, and can be killed.
dbt's log lines are shown, never interpreted: results are read from its files.
"""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakehouse.errors import DbtCouldNotRun, DbtKilled, DbtTimedOut
from lakehouse.transform import dbt_child

_LOG_OPTIONS = ("--log-level", "none", "--log-level-file", "none", "--no-use-colors")
# What a database says of a node may quote values of its rows; the results tell it masked.
_QUOTES = {
    "RunResultError",
    "CatchableExceptionOnRun",
    "InternalErrorOnRun",
    "GenericExceptionOnRun",
    "SQLQuery",
}
_GRACE_SECONDS = 10.0
_LOOK_EVERY_SECONDS = 0.2
_COULD_NOT_RUN, _KILLED_BY_SHELL = 2, 128


@dataclass(frozen=True)
class DbtLine:
    """A log line worth showing.

    Attributes:
        level: info, warn or error; `listed` where it is what `dbt ls` was asked for.
        text: the message.
        done: nodes finished, or None where the line is not the end of a node.
        total: nodes of the build, or None.
    """

    level: str
    text: str
    done: int | None = None
    total: int | None = None


def run_dbt(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    timeout: float,
    on_line: Callable[[DbtLine], None],
    working_dir: Path,
    keep_open: Sequence[int] = (),
    child: Path = Path(dbt_child.__file__),
) -> int:
    """Run dbt to its end.

    Args:
        arguments: everything behind `dbt`.
        environment: variables added to this process's own.
        timeout: seconds after which dbt and its children are killed.
        on_line: gets warnings, failures and the ends of nodes, as they happen.
        keep_open: file descriptors that dbt inherits; a lock held by one is held until dbt ends.
        working_dir: folder from which relative paths of a profile count.
        child: script that runs dbt.

    Returns:
        dbt's exit code: 0, or 1 when tests or models failed.

    Raises:
        DbtTimedOut: killed by the time-out.
        DbtKilled: killed by somebody else.
        DbtCouldNotRun: dbt could not start, parse or compile; with its last messages.
    """
    deadline = time.monotonic() + timeout
    command = [*_child_command(child), *_LOG_OPTIONS, *arguments]
    process = _start(command, {**os.environ, **environment}, keep_open, working_dir)
    last: deque[str] = deque(maxlen=20)
    try:
        for raw in _lines(process, deadline):
            line = _read_line(raw)
            if line is None:
                continue
            if line.level == "error":
                last.append(line.text)
            on_line(line)
        code = process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise DbtTimedOut(
            f"dbt ran longer than {timeout:.0f} s and was killed. Raise "
            "ALJIBE_DBT_TIMEOUT_SECONDS, or look for the slow model in the log above."
        ) from None
    finally:
        _end_group(process)
    if code < 0 or code > _KILLED_BY_SHELL:
        number = -code if code < 0 else code - _KILLED_BY_SHELL
        raise DbtKilled(
            f"dbt was killed from outside (signal {number}). Its half-done work is in the "
            "warehouse only; run again. If it happens again, look at the machine's memory."
        )
    if code >= _COULD_NOT_RUN:
        raise DbtCouldNotRun(
            "dbt could not run: " + ("\n".join(last) or f"exit code {code}, without a message")
        )
    return code


def _child_command(child: Path) -> list[str]:
    # -P: nothing in the folder that dbt works in passes for a module.
    return [sys.executable, "-P", str(child)]


def _start(
    command: Sequence[str],
    environment: Mapping[str, str],
    keep_open: Sequence[int],
    working_dir: Path,
) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Its other end closes with this process, however it ends; see `dbt_child`.
            stdin=subprocess.PIPE,
            env=environment,
            pass_fds=tuple(keep_open),
            cwd=working_dir,
            start_new_session=True,
        )
    except OSError as error:
        raise DbtCouldNotRun(f"dbt could not be started: {error}.") from error


def _lines(process: "subprocess.Popen[bytes]", deadline: float) -> Iterator[str]:
    """Give the lines as they come, until dbt's end even if a child of it keeps the pipe open.

    Raises:
        subprocess.TimeoutExpired: at the deadline.
    """
    if process.stdout is None:
        return
    pipe, rest = process.stdout, b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            if time.monotonic() >= deadline:
                raise subprocess.TimeoutExpired(process.args, 0)
            ended = process.poll() is not None
            if not selector.select(0 if ended else _LOOK_EVERY_SECONDS):
                if ended:
                    break
                continue
            chunk = os.read(pipe.fileno(), 65_536)
            if not chunk:
                break
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                yield line.decode(errors="replace")
    if rest:
        yield rest.decode(errors="replace")


def _read_line(raw: str) -> DbtLine | None:
    text = raw.rstrip()
    if not text.startswith("{"):
        return DbtLine("error", text) if text else None
    try:
        event: dict[str, Any] = json.loads(text)
        info, data = event["info"], event.get("data") or {}
        level, message, name = str(info["level"]), str(info["msg"]).strip(), str(info["name"])
        data = {} if not isinstance(data, dict) else data
    except (ValueError, KeyError, TypeError):
        return DbtLine("info", text)
    if name in dbt_child.ENDS:
        return DbtLine(level, message, data.get("index"), data.get("num_models", data.get("total")))
    if name == dbt_child.LISTED:
        return DbtLine("listed", message)
    told = level in dbt_child.TROUBLES or name in dbt_child.SUMS
    return DbtLine(level, message) if told and message and name not in _QUOTES else None


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    """End dbt, politely at first, and whatever children of it are left."""
    try:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_SECONDS)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()
