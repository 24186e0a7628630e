"""What no file may hold: secrets, paths of one machine, YAML that says a key twice."""

import re
import subprocess
from collections.abc import Hashable
from pathlib import Path

import pytest
import yaml

MACHINE_PATH = re.compile(r"(?<![\w.:}/-])(?:/(?:home|root|Users|work)/\w|[A-Z]:\\Users\\)")
SECRETS = {
    "an AWS key": re.compile(r"\bAKIA[0-9A-Z]{16}\b"),
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/]"),
    "a GitHub token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,})"),
    "a Prefect key": re.compile(r"\bpn[ub]_[A-Za-z0-9]{30,}"),
    "a Slack token": re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}"),
    "a password in a URL": re.compile(
        r"://[\w.%+-]+:(?![$<{*%])[^\s@/:'\"<>{}]+@(?!localhost|127\.0\.0\.1|\[::1\])"
        r"(?![\w.-]*\b(?:example|test|invalid)\b)[\w-]"
    ),
}
BINARY = {".png", ".gif", ".ico", ".woff2", ".gz", ".zip", ".xlsx", ".parquet", ".pdf"}


class UniqueKeys(yaml.SafeLoader):
    """A YAML loader that refuses a key that stands twice in one mapping."""

    def construct_mapping(
        self, node: yaml.MappingNode, deep: bool = False
    ) -> dict[Hashable, object]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for name in names:
            if name != "<<" and names.count(name) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {name} stands here twice", node.start_mark
                )
        return super().construct_mapping(node, deep)


def findings(path: Path, text: str) -> list[str]:
    """Lines that hold a secret or the path of one machine."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if MACHINE_PATH.search(line):
            found.append(f"{path}:{number} holds a machine's path: use a setting or a relative one")
    for what, pattern in SECRETS.items():
        for match in pattern.finditer(text):
            number = text.count("\n", 0, match.start()) + 1
            found.append(f"{path}:{number} holds {what}: put it into the environment or a block")
    return found


def test_no_file_holds_a_secret_or_the_path_of_a_machine(
    root: Path, project_files: list[Path]
) -> None:
    found = []
    for path in project_files:
        if path.suffix not in BINARY:
            text = (root / path).read_bytes().decode("utf-8", errors="replace")
            found += findings(path, text)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "parts",
    [
        ("cd /", "home/ana/project"),
        ("key = AKIA", "ABCDEFGHIJKLMNOP"),
        ("-----BEGIN OPENSSH ", "PRIVATE KEY-----\nb3BlbnNzaC1rZXk"),
        ("token: ghp_", "a" * 36),
        ("PREFECT_API_KEY=pnu_", "a" * 36),
        ("postgresql://ana:", "s3cret@db.internal:5432/x"),
    ],
)
def test_a_secret_or_a_machine_path_is_found(parts: tuple[str, ...]) -> None:
    assert len(findings(Path("x.md"), "first line\n" + "".join(parts))) == 1


@pytest.mark.parametrize(
    "line",
    [
        "postgresql+psycopg://ana:${PASSWORD}@db:5432/x",
        "mysql+pymysql://u:p@127.0.0.1:3306/x",
        "see https://docs.example.com/home/start",
        "postgresql://user:word@db.example.com/x",
    ],
)
def test_placeholders_and_loopback_addresses_are_no_secrets(line: str) -> None:
    assert findings(Path("x.md"), line) == []


def test_every_yaml_file_can_be_read_and_says_each_key_once(
    root: Path, project_files: list[Path]
) -> None:
    faults = []
    for path in project_files:
        if path.suffix in (".yml", ".yaml"):
            try:
                list(yaml.load_all((root / path).read_text("utf-8"), UniqueKeys))
            except yaml.YAMLError as error:
                faults.append(f"{path}: {error}")
    assert not faults, "\n".join(faults)


def test_a_key_that_stands_twice_is_found() -> None:
    with pytest.raises(yaml.YAMLError, match="the key name stands here twice"):
        yaml.load("columns:\n  - {name: a, name: b}\n", UniqueKeys)


def test_every_shell_script_can_be_parsed(root: Path, project_files: list[Path]) -> None:
    scripts = [
        path
        for path in project_files
        if path.suffix in ("", ".sh")
        and re.match(rb"#!.*\b(?:ba)?sh\b", (root / path).read_bytes()[:64])
    ]
    assert Path(".ci/run") in scripts
    for path in scripts:
        checked = subprocess.run(
            ["bash", "-n", root / path], capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    "target",
    ["demo", "test", "test-long", "soak", "lint", "dbt", "ui", "worker", "clean", "lock"],
)
def test_make_knows_the_target(root: Path, target: str) -> None:
    dry = subprocess.run(
        ["make", "--dry-run", target, "DOMAIN=olist"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert dry.returncode == 0, dry.stderr
