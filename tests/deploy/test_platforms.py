"""Railway's configuration and the GitHub workflows: they can be read, and name what exists."""

import json
import re
import shlex

import pytest
import yaml

from lakehouse.settings import Settings

# https://docs.railway.com/config-as-code/reference
DEPLOY_KEYS = {
    "startCommand": str,
    "preDeployCommand": list,
    "healthcheckPath": str,
    "healthcheckTimeout": int,
    "restartPolicyType": str,
    "numReplicas": int,
    "requiredMountPath": str,
    "overlapSeconds": int,
    "drainingSeconds": int,
}
SERVICES = ["server", "worker", "dashboard"]
WORKFLOWS = ["ci", "deploy"]


@pytest.fixture
def railway(project):
    folder = project / "deploy" / "railway"
    assert {path.stem for path in folder.glob("*.json")} == set(SERVICES)
    return {name: json.loads((folder / f"{name}.json").read_text("utf-8")) for name in SERVICES}


@pytest.mark.parametrize("name", SERVICES)
def test_railway_knows_the_keys_and_their_types(project, railway, name):
    config = railway[name]
    assert set(config) == {"$schema", "build", "deploy"}
    assert config["build"]["builder"] == "DOCKERFILE"
    assert (project / config["build"]["dockerfilePath"]).is_file()
    for key, value in config["deploy"].items():
        assert type(value) is DEPLOY_KEYS[key], key
    assert config["deploy"]["restartPolicyType"] in ("ALWAYS", "ON_FAILURE", "NEVER")


@pytest.mark.parametrize("name", SERVICES)
def test_railway_starts_roles_by_the_entry_point_of_the_image(project, railway, roles, name):
    deploy = railway[name]["deploy"]
    entry = (project / "Dockerfile").read_text("utf-8")
    start = shlex.split(deploy["startCommand"])
    # A start command takes the place of ENTRYPOINT, in exec form: no shell fills in a variable.
    assert start[:3] == ["/usr/bin/tini", "--", "/app/deploy/entrypoint"]
    assert json.dumps(start[:3]) in entry
    assert "$" not in deploy["startCommand"]
    assert start[3] in roles
    for command in deploy.get("preDeployCommand", ()):
        assert shlex.split(command)[0] == "/app/deploy/entrypoint"
        assert shlex.split(command)[1] in roles


@pytest.mark.parametrize("name", SERVICES)
def test_railway_builds_anew_when_what_is_in_the_image_changes(project, railway, name):
    patterns = railway[name]["build"]["watchPatterns"]
    for pattern in patterns:
        assert (project / pattern.strip("/").removesuffix("/**")).exists(), pattern
    packages = ("blocks", "cli", "dbt", "deploy", "flows", "lakehouse", "tasks")
    assert {f"/{package}/**" for package in packages} <= set(patterns)


def test_railway_waits_longer_than_a_worker_drains_and_never_runs_two(railway):
    worker = railway["worker"]["deploy"]
    field = Settings.model_fields.get("drain_seconds")
    assert worker["drainingSeconds"] >= (field.default if field else 45) + 30
    assert worker["overlapSeconds"] == 0
    assert worker["numReplicas"] == 1
    assert worker["requiredMountPath"] == "/data"


def test_the_page_about_railway_names_every_file_and_no_unknown_variable(project, railway):
    page = (project / "deploy" / "railway" / "README.md").read_text("utf-8")
    for name in railway:
        assert f"deploy/railway/{name}.json" in page
    settings = {f"ALJIBE_{name.upper()}" for name in Settings.model_fields}
    blocks = (project / "blocks" / "blocks.yaml").read_text("utf-8")
    for variable in set(re.findall(r"ALJIBE_\w+", page)):
        known = variable in settings or variable in blocks or variable == "ALJIBE_READER_URL"
        assert known, variable


@pytest.fixture(params=WORKFLOWS)
def workflow(project, request):
    text = (project / ".github" / "workflows" / f"{request.param}.yml").read_text("utf-8")
    return yaml.safe_load(text)


def test_a_workflow_has_no_more_rights_than_it_needs_and_ends(workflow):
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["group"]
    for name, job in workflow["jobs"].items():
        assert job["timeout-minutes"] <= 40, name
        given = job.get("permissions", {})
        assert {k for k, v in given.items() if v == "write"} <= {"packages"}, name


def test_actions_are_pinned(workflow):
    used = [s["uses"] for j in workflow["jobs"].values() for s in j["steps"] if "uses" in s]
    assert used
    for action in used:
        assert re.fullmatch(r"(actions|docker)/[\w-]+@(v\d+|[0-9a-f]{40})", action), action


def test_no_secret_and_nothing_from_outside_stands_in_a_script(workflow):
    scripts = [s["run"] for j in workflow["jobs"].values() for s in j["steps"] if "run" in s]
    assert scripts
    for script in scripts:
        assert "secrets." not in script
        assert "github.event" not in script


def test_the_workflow_deploys_what_passed_by_the_bootstrap_of_the_image(project, roles):
    text = (project / ".github" / "workflows" / "deploy.yml").read_text("utf-8")
    jobs = yaml.safe_load(text)["jobs"]
    assert "workflow_run.conclusion == 'success'" in jobs["image"]["if"]
    assert jobs["bootstrap"]["needs"] == "image"
    (run,) = [step for step in jobs["bootstrap"]["steps"] if "run" in step]
    assert run["run"].split()[-1] == "bootstrap"
    assert "bootstrap" in roles
    handed_on = set(re.findall(r"--env (\w+)", run["run"]))
    assert handed_on == set(run["env"]) - {"IMAGE"}


def test_ci_runs_everything(project):
    text = (project / ".github" / "workflows" / "ci.yml").read_text("utf-8")
    for job in yaml.safe_load(text)["jobs"].values():
        assert job["steps"][-1]["run"] == ".ci/run"
