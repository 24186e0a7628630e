"""What `aljibe server` takes from a platform's variables, and what it refuses."""

import pytest

from cli.server import is_loopback, settle
from cli.server_database import server_database_url, wait_for_database
from lakehouse.errors import DatabaseUnavailable, SettingsInvalid
from lakehouse.settings import Settings

WORD = "hunter2"
QUOTED = "p%40%2F"
DATABASE = {"DATABASE_URL": f"postgresql://u:{WORD}@db:5432/prefect"}
AUTH = {"PREFECT_SERVER_API_AUTH_STRING": "aljibe:long-enough"}


def shown(environment: dict[str, str]) -> str:
    return server_database_url(environment).render_as_string(hide_password=False)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (f"postgres://u:{WORD}@db:5432/x", f"postgresql+asyncpg://u:{WORD}@db:5432/x"),
        (f"postgresql://u:{QUOTED}@db/x", f"postgresql+asyncpg://u:{QUOTED}@db/x"),
        ("postgresql+psycopg://u@db/x", "postgresql+asyncpg://u@db/x"),
        ("postgresql://u@db/x?sslmode=require", "postgresql+asyncpg://u@db/x?ssl=require"),
    ],
)
def test_a_url_of_any_scheme_gets_the_driver_of_prefect(given, expected):
    assert shown({"DATABASE_URL": given}) == expected


def test_a_database_is_put_together_from_its_parts():
    parts = {"PGHOST": "db", "PGPORT": "6000", "PGUSER": "u", "PGPASSWORD": "p@ss/w:%"}
    url = server_database_url({**parts, "PGDATABASE": "prefect"})
    assert (url.drivername, url.host, url.port) == ("postgresql+asyncpg", "db", 6000)
    assert (url.username, url.password, url.database) == ("u", "p@ss/w:%", "prefect")


def test_prefects_own_variable_wins():
    own = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": "postgresql+asyncpg://u@own/x"}
    assert shown({**DATABASE, **own, "PGHOST": "other"}).endswith("@own/x")


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "needs a PostgreSQL database"),
        ({"DATABASE_URL": "sqlite:///hunter2.db"}, "DATABASE_URL is no URL of PostgreSQL"),
        ({"DATABASE_URL": f"postgresql://u:{WORD}@db:port/x"}, "DATABASE_URL cannot be read"),
        ({"PGHOST": "db", "PGPORT": WORD}, "PGPORT is no port"),
    ],
)
def test_what_is_no_database_is_refused_without_showing_it(environment, said):
    with pytest.raises(SettingsInvalid, match=said) as refused:
        server_database_url(environment)
    assert WORD not in str(refused.value)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.3", "prefect.internal"])
def test_others_can_only_connect_to_a_server_with_a_password(host):
    with pytest.raises(SettingsInvalid, match="needs a password"):
        settle(Settings(), host, dict(DATABASE))
    with pytest.raises(SettingsInvalid, match="must be user:password"):
        settle(Settings(), host, {**DATABASE, "PREFECT_SERVER_API_AUTH_STRING": WORD})
    settle(Settings(), host, {**DATABASE, **AUTH})


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_a_server_on_loopback_needs_none(host):
    assert is_loopback(host)
    settle(Settings(), host, dict(DATABASE))


def test_what_is_set_wins_over_the_defaults_of_production():
    environment = {**DATABASE, "PREFECT_SERVER_UI_API_URL": "https://prefect.example.com/api"}
    environment["PREFECT_API_URL"] = "http://elsewhere/api"
    settle(Settings(ui_url="https://prefect.example.com"), "127.0.0.1", environment)
    assert environment["PREFECT_SERVER_UI_API_URL"] == "https://prefect.example.com/api"
    assert environment["PREFECT_UI_URL"] == "https://prefect.example.com"
    assert environment["PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED"] == "events,flow_runs"
    assert environment["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert "PREFECT_API_URL" not in environment


def test_a_database_that_does_not_answer_is_waited_for_and_named():
    said: list[str] = []
    url = server_database_url({"DATABASE_URL": f"postgresql://u:{WORD}@127.0.0.1:1/prefect"})
    with pytest.raises(DatabaseUnavailable, match=r"127\.0\.0\.1:1/prefect did not let") as error:
        wait_for_database(url, 1.5, said.append)
    assert said
    assert said[0].startswith("waiting for PostgreSQL at 127.0.0.1:1/prefect")
    assert WORD not in str(error.value) + str(said)
