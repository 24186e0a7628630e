"""`aljibe dashboard` starts where it may, and says why where it may not."""

import pytest
from typer.testing import CliRunner

from cli import dashboard, main
from lakehouse.errors import SettingsInvalid


@pytest.fixture
def started(monkeypatch, tmp_path):
    """How the server would have been started."""
    calls = []
    monkeypatch.setenv("ALJIBE_HOME", str(tmp_path))
    for name in ("ALJIBE_SERVING_URL", "ALJIBE_DASHBOARD_PASSWORD", "PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(dashboard.uvicorn, "run", lambda _app, **options: calls.append(options))
    return calls


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "data.example.com"])
def test_without_a_password_nobody_else_is_served(started, host):
    with pytest.raises(SettingsInvalid, match="ALJIBE_DASHBOARD_PASSWORD"):
        main.app(["dashboard", "--host", host], standalone_mode=False)
    assert started == []


def test_without_a_password_this_machine_is_served_and_told(started, caplog):
    assert CliRunner().invoke(main.app, ["dashboard"]).exit_code == 0
    assert (started[0]["host"], started[0]["port"]) == ("127.0.0.1", 8080)
    assert "There is no password" in caplog.text


def test_host_and_port_come_from_options_and_environment(started, monkeypatch, caplog):
    monkeypatch.setenv("ALJIBE_DASHBOARD_PASSWORD", "long-enough-secret")
    monkeypatch.setenv("PORT", "9123")
    assert CliRunner().invoke(main.app, ["dashboard", "--host", "0.0.0.0"]).exit_code == 0
    assert (started[0]["host"], started[0]["port"]) == ("0.0.0.0", 9123)
    assert CliRunner().invoke(main.app, ["dashboard", "--port", "9124"]).exit_code == 0
    assert started[1]["port"] == 9124
    assert "long-enough-secret" not in caplog.text
    assert "There is no password" not in caplog.text


def test_a_password_that_is_too_short_is_refused_without_showing_it(started, monkeypatch):
    monkeypatch.setenv("ALJIBE_DASHBOARD_PASSWORD", "abc1234")
    with pytest.raises(SettingsInvalid, match="ALJIBE_DASHBOARD_PASSWORD") as refused:
        main.app(["dashboard"], standalone_mode=False)
    assert "abc1234" not in str(refused.value)
