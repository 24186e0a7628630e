from pathlib import Path

import pytest

from cli.prefect_environment import api_is_configured, embedded_variables, use_embedded_prefect
from lakehouse.settings import Settings

PROFILES = """
active = "{active}"

[profiles.local]

[profiles.server]
PREFECT_API_URL = "http://127.0.0.1:4200/api"
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def prefect_home(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "prefect").mkdir()
    return {"PREFECT_HOME": str(tmp_path / "prefect")}


def write_profiles(environment: dict[str, str], active: str) -> None:
    path = Path(environment["PREFECT_HOME"]) / "profiles.toml"
    path.write_text(PROFILES.format(active=active))


def test_without_an_api_prefect_keeps_its_things_in_the_home(settings, prefect_home):
    environment = dict(prefect_home)
    assert use_embedded_prefect(settings, environment)
    place = str(settings.prefect_home)
    assert place in environment["PREFECT_SERVER_DATABASE_CONNECTION_URL"]
    assert environment["PREFECT_LOCAL_STORAGE_PATH"].startswith(place)
    assert environment["PREFECT_HOME"] == prefect_home["PREFECT_HOME"]
    assert settings.prefect_home.is_dir()


def test_what_the_user_set_is_left_alone(settings, prefect_home):
    environment = {**prefect_home, "PREFECT_LOCAL_STORAGE_PATH": "/srv/x"}
    use_embedded_prefect(settings, environment)
    assert environment["PREFECT_LOCAL_STORAGE_PATH"] == "/srv/x"


def test_with_an_api_in_the_environment_nothing_is_moved(settings, prefect_home):
    environment = {**prefect_home, "PREFECT_API_URL": "http://127.0.0.1:4200/api"}
    assert not use_embedded_prefect(settings, environment)
    assert not set(embedded_variables(settings)) & set(environment)
    assert not settings.prefect_home.exists()


@pytest.mark.parametrize(
    ("active", "chosen", "configured"),
    [
        ("server", None, True),
        ("local", None, False),
        ("local", "server", True),
        ("server", "local", False),
        ("gone", None, False),
    ],
)
def test_the_active_profile_may_name_an_api(prefect_home, active, chosen, configured):
    write_profiles(prefect_home, active)
    environment = {**prefect_home, **({"PREFECT_PROFILE": chosen} if chosen else {})}
    assert api_is_configured(environment) is configured


def test_profiles_may_lie_elsewhere(tmp_path, prefect_home):
    write_profiles(prefect_home, "server")
    environment = {"PREFECT_PROFILES_PATH": f"{prefect_home['PREFECT_HOME']}/profiles.toml"}
    assert api_is_configured(environment)


def test_an_empty_url_is_none(prefect_home):
    assert not api_is_configured({**prefect_home, "PREFECT_API_URL": ""})
