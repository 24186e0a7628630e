"""`scripts/make_venv`, run against an interpreter that only writes down what it is asked."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Says yes to every question, makes a venv by putting itself into it, and logs what pip is told.
RECORDING_PYTHON = """#!/bin/bash
case "$1 $2" in
  "-m venv") mkdir -p "${!#}/bin" && cp "$0" "${!#}/bin/python" ;;
  "-m pip") [ "$3" = install ] || exit 0; echo "$*" >>pip.log; [ ! -e pip-fails ] ;;
  "-c import sys; print(sys.executable)") echo "$0" ;;
  *) [ -z "$OLD" ] ;;
esac
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with the script, two small lock files and a recording python3."""
    clone = tmp_path / "clone"
    (clone / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "make_venv", clone / "scripts")
    (clone / "pyproject.toml").write_text('[project]\nname = "x"\n')
    (clone / "requirements.lock").write_text("a==1\n")
    (clone / "requirements-dev.lock").write_text("a==1\nb==1\n")
    (clone / "requirements-spark.lock").write_text("a==1\nspark==1\n")
    python = clone / "python3"
    python.write_text(RECORDING_PYTHON)
    python.chmod(0o755)
    return clone


def make_venv(clone: Path, level: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [clone / "scripts" / "make_venv", level],
        env={"PATH": "/usr/bin:/bin", "PYTHON": str(clone / "python3"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def installed_locks(clone: Path) -> list[str]:
    """Lock files that pip was given, in order."""
    lines = (clone / "pip.log").read_text().splitlines()
    return [line.split()[-1] for line in lines if "--require-hashes" in line]


def test_first_call_installs_the_lock_with_hashes_and_the_project(clone: Path) -> None:
    assert make_venv(clone, "runtime").returncode == 0
    lock, project = (clone / "pip.log").read_text().splitlines()
    assert lock.endswith("--require-hashes -r requirements.lock")
    assert project.endswith("--no-deps -e .")


def test_second_call_does_nothing(clone: Path) -> None:
    make_venv(clone, "dev")
    second = make_venv(clone, "dev")
    assert (second.returncode, second.stderr) == (0, "")
    assert installed_locks(clone) == ["requirements-dev.lock"]


def test_development_venv_serves_the_runtime_too(clone: Path) -> None:
    make_venv(clone, "dev")
    make_venv(clone, "runtime")
    assert installed_locks(clone) == ["requirements-dev.lock"]


def test_spark_has_a_venv_of_its_own_beside_the_other(clone: Path) -> None:
    java = clone / "jdk" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text("#!/bin/sh\n")
    java.chmod(0o755)
    make_venv(clone, "dev")
    for _ in range(2):
        assert make_venv(clone, "spark", JAVA_HOME=str(clone / "jdk")).returncode == 0
    assert installed_locks(clone) == ["requirements-dev.lock", "requirements-spark.lock"]
    assert (clone / ".venv" / "installed").read_text().startswith("dev ")
    assert (clone / ".venv-spark" / "installed").read_text().startswith("spark ")


def test_runtime_venv_is_completed_for_development(clone: Path) -> None:
    make_venv(clone, "runtime")
    make_venv(clone, "dev")
    make_venv(clone, "dev")
    assert installed_locks(clone) == ["requirements.lock", "requirements-dev.lock"]


def test_changed_lock_is_installed_again_at_the_level_that_was_there(clone: Path) -> None:
    make_venv(clone, "dev")
    (clone / "requirements-dev.lock").write_text("a==2\nb==1\n")
    make_venv(clone, "runtime")
    assert installed_locks(clone) == ["requirements-dev.lock", "requirements-dev.lock"]


def test_interrupted_install_is_made_anew(clone: Path) -> None:
    (clone / "pip-fails").touch()
    assert make_venv(clone, "runtime").returncode != 0
    (clone / "pip-fails").unlink()
    second = make_venv(clone, "runtime")
    assert second.returncode == 0
    assert "making it anew" in second.stderr
    assert installed_locks(clone) == ["requirements.lock", "requirements.lock"]


def test_moved_clone_gets_a_new_venv(clone: Path, tmp_path: Path) -> None:
    make_venv(clone, "runtime")
    moved = clone.rename(tmp_path / "elsewhere")
    second = make_venv(moved, "runtime")
    assert second.returncode == 0
    assert "making it anew" in second.stderr


def test_without_a_new_enough_python_it_says_what_to_install(clone: Path) -> None:
    refused = make_venv(clone, "runtime", OLD="1")
    assert refused.returncode == 1
    assert "no Python 3.11 or newer found" in refused.stderr
    assert "apt-get install python3 python3-venv" in refused.stderr
    assert not (clone / ".venv").exists()


def test_folder_with_a_space_in_its_name_is_no_obstacle(clone: Path, tmp_path: Path) -> None:
    spaced = clone.rename(tmp_path / "my clone")
    make_venv(spaced, "runtime")
    second = make_venv(spaced, "runtime")
    assert (second.returncode, second.stderr) == (0, "")
    assert installed_locks(spaced) == ["requirements.lock"]
