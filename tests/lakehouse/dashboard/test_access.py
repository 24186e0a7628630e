"""The password, its sessions, and how often it may be guessed."""

import pytest
from itsdangerous import TimestampSigner
from pydantic import SecretStr, ValidationError

from lakehouse.dashboard.access import (
    SESSION_SECONDS,
    Access,
    TooManyGuesses,
    is_for_this_machine,
    is_loopback,
)
from lakehouse.settings import Settings

PASSWORD = SecretStr("aljibe-ñandú-42")


@pytest.fixture(scope="module")
def shared() -> Access:
    return Access(PASSWORD)


def test_the_right_password_gives_a_session_and_a_wrong_one_does_not(shared: Access) -> None:
    session = shared.session_for("aljibe-ñandú-42", "10.0.0.1")
    assert shared.is_valid(session)
    for wrong in ("", "aljibe-ñandú-4", "aljibe-ñandú-42 ", "\ud800"):
        assert shared.session_for(wrong, "10.0.0.1") is None


def test_a_session_of_another_password_or_one_that_was_changed_is_refused(shared: Access) -> None:
    session = shared.session_for("aljibe-ñandú-42", "10.0.0.2") or ""
    assert not Access(SecretStr("another-one-42")).is_valid(session)
    payload, rest = session.split(".", 1)
    for bad in (None, "", "x", f"{payload}x.{rest}", session[:-2] + "xx", payload):
        assert not shared.is_valid(bad)
    assert Access(PASSWORD).is_valid(session), "a restart ends no session"


def test_a_session_ends_after_its_time(shared: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    session = shared.session_for("aljibe-ñandú-42", "10.0.0.3")
    now = TimestampSigner("x").get_timestamp()
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _self: now + SESSION_SECONDS - 5)
    assert shared.is_valid(session)
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _self: now + SESSION_SECONDS + 5)
    assert not shared.is_valid(session)


def test_ten_wrong_guesses_close_an_address_and_no_other() -> None:
    access = Access(PASSWORD)
    for _ in range(10):
        assert access.session_for("wrong", "10.0.0.4") is None
    with pytest.raises(TooManyGuesses) as closed:
        access.session_for("aljibe-ñandú-42", "10.0.0.4")
    assert 0 < closed.value.seconds <= 300
    assert access.session_for("aljibe-ñandú-42", "10.0.0.5")


def test_many_addresses_together_are_limited_too() -> None:
    access = Access(PASSWORD)
    for number in range(100):
        assert access.session_for("wrong", f"10.0.1.{number}") is None
    with pytest.raises(TooManyGuesses):
        access.session_for("wrong", "10.0.2.1")


def test_a_password_of_a_few_letters_is_no_password() -> None:
    with pytest.raises(ValidationError):
        Settings(dashboard_password="short")


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False)],
)
def test_only_addresses_of_this_machine_are_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1:8080", True),
        ("localhost", True),
        ("[::1]:8080", True),
        ("evil.example.com:8080", False),
        ("127.0.0.1.evil.example.com", False),
        ("", False),
    ],
)
def test_a_foreign_name_for_this_machine_is_recognised(host: str, expected: bool) -> None:
    assert is_for_this_machine(host) is expected
