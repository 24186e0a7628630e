"""compose.yaml: what it starts exists, is closed to the network, and takes secrets from .env."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lakehouse.settings import Settings

VARIABLE = re.compile(r"\$\{(\w+)(?::?[-?]([^}]*))?\}")
ONE_SHOT = {"databases", "bootstrap", "fill"}
# Of images that are not ours.
FOREIGN = {"POSTGRES_PASSWORD", "MARIADB_RANDOM_ROOT_PASSWORD", "MARIADB_DATABASE", "MARIADB_USER"}
FOREIGN |= {"MARIADB_PASSWORD", "SFTP_PASSWORD", "SFTP_HOST_KEY"}
# Of the standard client of S3, which backups to a bucket go through.
FOREIGN |= {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"}
SECRETS = {
    "POSTGRES_PASSWORD",
    "MARIADB_PASSWORD",
    "SFTP_PASSWORD",
    "SFTP_HOST_KEY",
    "PREFECT_SERVER_API_AUTH_STRING",
    "ALJIBE_DASHBOARD_PASSWORD",
}
# Read by deploy/databases and demo.fill, and PORT by every role that serves.
SCRIPTS = {"ADMIN_DATABASE_URL", "ALJIBE_READER_URL", "DEMO_DATABASE_URL", "PORT"}
# Named in blocks.yaml and read there only.
BLOCKS = {"ALJIBE_NOTIFY_OPERATORS_URL"}


def grace(text: str) -> int:
    return int(text.removesuffix("s"))


def known_variables(project: Path) -> set[str]:
    blocks = (project / "blocks" / "blocks.yaml").read_text("utf-8")
    named = {first or second for first, second in re.findall(r"\$\{(\w+)|\$(\w+)", blocks)}
    settings = {f"ALJIBE_{name.upper()}" for name in Settings.model_fields}
    return settings | named | BLOCKS | SCRIPTS | FOREIGN


def prefect_variables() -> set[str]:
    from prefect.settings.legacy import _get_settings_fields  # noqa: PLC0415
    from prefect.settings.models.root import Settings as PrefectSettings  # noqa: PLC0415

    return set(_get_settings_fields(PrefectSettings))


def test_every_command_is_a_role_of_the_image(compose, roles):
    ours = {n: s for n, s in compose["services"].items() if "aljibe:local" in s.get("image", "")}
    assert {"server", "worker", "watch", "dashboard", "bootstrap", "databases"} <= set(ours)
    assert {service["command"][0] for service in ours.values()} <= roles


def test_every_variable_is_one_that_somebody_reads(project, compose):
    known = known_variables(project) | prefect_variables()
    for name, service in compose["services"].items():
        unknown = set(service.get("environment", {})) - known
        assert not unknown, f"{name}: nobody reads {sorted(unknown)}"


def test_what_runs_flows_takes_any_other_setting_from_a_file_that_git_ignores(project, compose):
    given = {name for name, service in compose["services"].items() if "env_file" in service}
    assert given == {"bootstrap", "worker", "watch", "dashboard"}
    for name in given:
        (file,) = compose["services"][name]["env_file"]
        assert file == {"path": ".env.settings", "required": False}
    ignored = ["git", "check-ignore", "-q", "deploy/.env.settings"]
    assert subprocess.run(ignored, cwd=project, check=False).returncode == 0


def test_ports_are_those_of_this_machine_only(compose):
    ports = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert len(ports) == 3
    assert all(port.startswith("127.0.0.1:") for port in ports), ports


def test_databases_are_reached_from_the_internal_network_only(compose):
    assert compose["networks"]["storage"] == {"internal": True}
    assert compose["services"]["postgres"]["networks"] == ["storage"]


@pytest.mark.parametrize(
    "need", [("cap_drop", ["ALL"]), ("security_opt", ["no-new-privileges:true"])]
)
def test_no_service_has_rights_that_it_does_not_need(compose, need):
    for name, service in compose["services"].items():
        assert service[need[0]] == need[1], name
        added = set(service.get("cap_add", ()))
        most = {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"}
        assert added <= most | ({"SYS_CHROOT"} if name == "sftp" else set()), name
        # The users of the demo's SFTP server are made when it starts.
        assert service.get("read_only") or name == "sftp", name
        assert "privileged" not in service
        assert not any("docker.sock" in str(volume) for volume in service.get("volumes", ()))


def test_ours_run_without_any_capability(compose):
    for name, service in compose["services"].items():
        if "aljibe:local" in service["image"]:
            assert not service.get("cap_add"), name
            assert "user" not in service, name


def test_images_are_pinned_by_tag(compose):
    for name, service in compose["services"].items():
        image = VARIABLE.sub(lambda match: match[2] or "", service["image"])
        assert ":" in image, name
        assert not image.endswith(":latest"), name


def test_services_wait_for_what_they_need(compose):
    services = compose["services"]
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            assert other in services, f"{name}: {other}"
            if how["condition"] == "service_healthy":
                assert services[other]["healthcheck"].get("test"), other
            else:
                assert other in ONE_SHOT, f"{name} waits for the end of {other}, which does not end"
            if set(services[other].get("profiles", ())) - set(service.get("profiles", ())):
                assert how["required"] is False, f"{name} cannot start without {other}"
    for name, service in services.items():
        assert service["restart"] == ("no" if name in ONE_SHOT else "unless-stopped"), name
        assert service["healthcheck"].get("disable", False) is (name in ONE_SHOT), name


def test_a_worker_may_drain_before_it_is_killed(compose):
    worker = compose["services"]["worker"]
    drain = float(worker["environment"]["ALJIBE_DRAIN_SECONDS"])
    assert grace(worker["stop_grace_period"]) >= drain + 30


def test_every_volume_is_declared_and_the_lake_is_shared_by_those_that_use_it(compose):
    users: dict[str, set[str]] = {}
    for name, service in compose["services"].items():
        for volume in service.get("volumes", ()):
            users.setdefault(volume.partition(":")[0], set()).add(name)
    assert set(users) == set(compose["volumes"])
    assert users["lake"] == {"worker", "watch", "fill"}


def test_secrets_come_from_the_environment_and_compose_refuses_to_start_without(compose):
    for name, service in compose["services"].items():
        for variable, value in service.get("environment", {}).items():
            if variable in SECRETS:
                assert ":?" in value, f"{name}: {variable}"
            for user, password in re.findall(r"://(\w+):([^@]+)@", str(value)):
                assert ":?" in password, f"{name}: {variable} of {user}"


def test_the_dashboard_only_reads(compose):
    url = compose["services"]["dashboard"]["environment"]["ALJIBE_SERVING_URL"]
    assert url == compose["services"]["databases"]["environment"]["ALJIBE_READER_URL"]


@pytest.fixture
def made(project, tmp_path):
    target = tmp_path / ".env"
    command = [sys.executable, project / "deploy" / "make-env", target]
    subprocess.run(command, check=True, capture_output=True)
    return target


def variables(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if re.match(r"\w+=", line))


def test_the_example_names_every_variable_of_the_compose_file(project, compose):
    example = variables((project / "deploy" / "env.example").read_text("utf-8"))
    text = yaml.safe_dump(compose)
    used = {match[1] for match in VARIABLE.finditer(text)} - {"SOURCE_DATE_EPOCH"}
    inside = {match[1] for value in example.values() for match in VARIABLE.finditer(value)}
    assert used | {"COMPOSE_PROFILES"} == set(example)
    assert inside == {"DEMO_DATABASE_PASSWORD", "PREFECT_PASSWORD"}


def test_the_profiles_of_the_example_are_all_there_are(project, compose):
    example = variables((project / "deploy" / "env.example").read_text("utf-8"))
    named = {one for service in compose["services"].values() for one in service.get("profiles", ())}
    assert set(example["COMPOSE_PROFILES"].split(",")) == named


def test_an_env_has_a_secret_of_its_own_for_each_placeholder(project, made):
    example = variables((project / "deploy" / "env.example").read_text("utf-8"))
    values = variables(made.read_text("utf-8"))
    placed = [name for name, value in example.items() if value == "change-me"]
    assert len(placed) >= 10
    assert len({values[name] for name in placed}) == len(placed)
    assert all(len(values[name]) >= 48 for name in placed)
    assert "change-me" not in values.values()
    assert values["TECHSTORE_SFTP_HOST_KEY"].startswith('"ssh-ed25519 ')
    assert made.stat().st_mode & 0o777 == 0o600


def test_an_env_that_is_there_stays(project, made):
    before = made.read_bytes()
    command = [sys.executable, project / "deploy" / "make-env", made]
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert "is there and stays" in again.stderr
    assert made.read_bytes() == before


def test_git_ignores_the_env(project):
    ignored = subprocess.run(
        ["git", "check-ignore", "-q", "deploy/.env"], cwd=project, check=False
    ).returncode
    if ignored == 128:
        pytest.skip("not a git clone")
    assert ignored == 0
