"""The demo's command: what it runs, shows and returns."""

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest

import cli.run_domain
from demo import __main__ as command
from demo.domains import DOMAINS, TECHSTORE, Mart
from lakehouse.errors import BlockInvalid

ROOT = Path(__file__).resolve().parents[2]
FIGURES = Mart("consume.figures", "day, amount", "day", "format('{} pesos', sum(amount))")


@pytest.fixture
def ran(monkeypatch, tmp_path):
    """Domains that `run_domain` was called for, while their systems ran; and their end."""
    monkeypatch.setenv("ALJIBE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    calls, up = [], []
    ends = {name: SimpleNamespace(name="Completed", message=f"{name} done") for name in DOMAINS}

    @contextmanager
    def running(settings):
        up.append(True)
        yield
        up.pop()

    def run_domain(name):
        assert up, "the systems must be up during the run"
        calls.append(name)
        serving = command.load_settings().serving(name)
        serving.parent.mkdir(exist_ok=True)
        with duckdb.connect(str(serving)) as connection:
            connection.execute("create schema consume")
            connection.execute(
                "create table consume.figures as "
                "select date '2026-01-01' + n::integer as day, n as amount from range(20) t(n)"
            )
        end = ends[name]
        end.is_completed = lambda: end.name != "Failed"
        return end

    monkeypatch.setattr(cli.run_domain, "run_domain", run_domain)
    for name, domain in list(DOMAINS.items()):
        tiny = replace(
            domain,
            write=lambda settings, scale: [settings.root / "file"] * scale,
            running=running,
            mart=FIGURES,
        )
        monkeypatch.setitem(DOMAINS, name, tiny)
    return SimpleNamespace(calls=calls, ends=ends)


def test_every_domain_runs_unless_some_are_named(ran, capsys):
    assert command.main([]) == 0
    assert ran.calls == ["pharma_latam", "techstore", "olist", "wells", "bioreactor"]
    ran.calls.clear()
    (command.load_settings().serving("techstore")).unlink()
    assert command.main(["--domain", "techstore", "--scale", "3"]) == 0
    assert ran.calls == ["techstore"]
    assert "(3 files in" in capsys.readouterr().out.replace("\n", " ")


def test_the_head_of_a_mart_and_where_to_look_are_shown(ran, capsys):
    command.main(["--domain", "techstore"])
    out = capsys.readouterr().out
    assert "consume.figures: 20 rows, 190 pesos" in out
    assert "2026-01-08" in out
    assert "2026-01-09" not in out
    assert "serving/techstore.duckdb" in out
    assert "make ui" in out


def test_a_run_that_failed_is_told_and_the_next_domain_runs_still(ran, capsys):
    ran.ends["pharma_latam"] = SimpleNamespace(name="Failed", message="a [test] failed")
    assert command.main([]) == 1
    assert ran.calls == ["pharma_latam", "techstore", "olist", "wells", "bioreactor"]
    assert "a [test] failed" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [["--domain", "nowhere"], ["--scale", "0"], ["--scale", "x"], ["--scale", "-1"]]
)
def test_arguments_that_mean_nothing_are_refused(ran, arguments, capsys):
    with pytest.raises(SystemExit) as refused:
        command.main(arguments)
    assert refused.value.code == 2
    assert arguments[0] in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_second_demo_says_that_nothing_is_new_and_changes_no_mart(tmp_path):
    def run():
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ALJIBE_", "PREFECT_", "TECHSTORE_", "PHARMA_", "OLIST_"))
        }
        done = subprocess.run(
            [sys.executable, "-m", "demo", "--domain", "pharma_latam"],
            cwd=ROOT,
            env={**environment, "ALJIBE_HOME": str(tmp_path / "home")},
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr[-3000:]
        serving = tmp_path / "home" / "serving" / "pharma_latam.duckdb"
        return " ".join(done.stdout.split()), serving.stat().st_mtime_ns

    first, published = run()
    assert "CompletedWithWarnings" in first
    pages = tmp_path / "home" / "reports" / "index.html"
    assert f"Reports as pages open {pages}" in first
    assert "pharma_latam" in pages.read_text("utf-8")
    again, still = run()
    assert "nothing new in" in again
    assert still == published


def test_the_demo_of_techstore_never_reads_systems_that_a_server_knows(monkeypatch, tmp_path):
    monkeypatch.setenv("ALJIBE_HOME", str(tmp_path))
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    with (
        pytest.raises(BlockInvalid, match="Unset PREFECT_API_URL"),
        TECHSTORE.running(command.load_settings()),
    ):
        pytest.fail("the stand-in systems are up beside a server's own blocks")
