"""The Dockerfile: pinned, not root, and with nothing in it but what runs."""

import os
import shutil
import subprocess
from pathlib import PurePosixPath

import pytest
from dockerfile_steps import Step, is_left_out, read_stages, taken_files

DECOYS = [
    ".env",
    "deploy/.env",
    "deploy/.env.local",
    "dbt/.env",
    ".git/config",
    ".venv/bin/python",
    "data/audit.db",
    "dbt/target/manifest.json",
    "dbt/logs/dbt.log",
    "lakehouse/__pycache__/errors.cpython-311.pyc",
    "tests/conftest.py",
    "docs/operate.md",
    "key.pem",
]


@pytest.fixture(scope="module")
def stages(project):
    return {stage.name: stage for stage in read_stages(project / "Dockerfile")}


@pytest.fixture(scope="module")
def runtime(stages):
    return list(stages.values())[-1]


def words(step: Step) -> str:
    return " ".join(step.text.split())


@pytest.mark.parametrize("name", ["Dockerfile", "deploy/demo-sftp/Dockerfile"])
def test_every_base_image_is_pinned_by_tag_and_comes_from_no_named_registry(project, name):
    stages = read_stages(project / name)
    known = {stage.name for stage in stages}
    for origin in (stage.origin for stage in stages if stage.origin not in known):
        image, _, tag = origin.partition(":")
        assert tag not in ("", "latest"), origin
        assert "." not in image.partition("/")[0], f"{origin} names a registry"


def test_packages_come_as_wheels_with_hashes_only(stages):
    installs = [s for stage in stages.values() for s in stage.steps if "pip install" in s.text]
    assert len(installs) == 1
    for option in ("--require-hashes", "--only-binary :all:", "requirements.lock"):
        assert option in words(installs[0])


def test_the_image_runs_as_a_numbered_user_that_is_not_root(runtime):
    uid, gid = runtime.last("USER").text.split(":")
    assert int(uid) > 1000
    assert int(gid) > 1000
    made = " ".join(words(step) for step in runtime.steps if step.word == "RUN")
    assert f"useradd --uid {uid} --gid {gid}" in made
    assert f"install --directory --owner={uid} --group={gid} --mode=0750 /data" in made


def test_the_volume_is_the_home(runtime):
    variables = {k: v for s in runtime.steps if s.word == "ENV" for k, v in s.pairs().items()}
    assert variables["ALJIBE_HOME"] == variables["HOME"] == runtime.last("VOLUME").text == "/data"
    assert variables["ALJIBE_PROJECT"] == runtime.last("WORKDIR").text == "/app"


@pytest.mark.parametrize("word", ["ENTRYPOINT", "HEALTHCHECK"])
def test_what_docker_starts_is_in_the_image_and_may_be_executed(project, runtime, word):
    text = runtime.last(word).text
    command = Step(word, text[text.index("[") :], 0).words()
    scripts = [one for one in command if one.startswith("/app/")]
    assert scripts
    for script in scripts:
        name = PurePosixPath(script).relative_to("/app")
        assert name in taken_files(project)
        assert os.access(project / name, os.X_OK)


def test_the_default_command_is_a_role(runtime, roles):
    assert set(runtime.last("CMD").words()) <= roles


def test_nothing_is_downloaded_by_add_and_no_variable_holds_a_secret(stages):
    for stage in stages.values():
        for step in stage.steps:
            assert step.word != "ADD", step.text
            if step.word in ("ENV", "ARG"):
                name = step.text.upper()
                assert not any(part in name for part in ("PASSWORD", "SECRET", "TOKEN", "_KEY"))


def test_only_what_runs_is_taken_into_the_image(project, tmp_path):
    shutil.copy(project / ".dockerignore", tmp_path)
    for name in [*DECOYS, "lakehouse/errors.py"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    assert taken_files(tmp_path) == [PurePosixPath("lakehouse/errors.py")]


def test_every_file_of_the_packages_and_of_dbt_is_taken(project):
    listed = subprocess.run(
        ["git", "ls-files", "blocks", "cli", "dbt", "demo", "flows", "lakehouse", "tasks"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git clone")
    names = {
        PurePosixPath(name) for name in listed.stdout.splitlines() if (project / name).exists()
    }
    assert len(names) > 300
    assert names - set(taken_files(project)) == set()


@pytest.mark.parametrize(
    ("path", "left_out"),
    [
        ("a/b.py", False),
        ("a/secret.txt", True),
        ("b/c.py", True),
        ("a/x/__pycache__/y.pyc", True),
        ("a/keep/secret.txt", False),
    ],
)
def test_the_last_pattern_that_matches_decides(path, left_out):
    patterns = ["*", "!a", "**/__pycache__", "a/secret.*", "!a/keep"]
    assert is_left_out(PurePosixPath(path), patterns) is left_out


def test_a_file_without_names_of_stages_is_refused(tmp_path):
    (tmp_path / "Dockerfile").write_text("ARG A=1\nFROM debian:12\nRUN true\n")
    with pytest.raises(ValueError, match="Dockerfile:2: FROM needs AS"):
        read_stages(tmp_path / "Dockerfile")


def test_steps_over_several_lines_are_joined_without_their_comments(tmp_path):
    text = "FROM debian:12 AS a\nRUN one \\\n# a comment\n && two\n\nENV A=1 \\\n    B='2 3'\n"
    (tmp_path / "Dockerfile").write_text(text)
    run, env = read_stages(tmp_path / "Dockerfile")[0].steps
    assert (run.line, words(run)) == (2, "one && two")
    assert env.pairs() == {"A": "1", "B": "2 3"}
