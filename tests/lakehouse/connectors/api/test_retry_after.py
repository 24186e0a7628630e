from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.connectors.api.retry_after import LONGEST_ASKED_WAIT, asked_wait

NOW = datetime(2026, 5, 3, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        (" 1.5 ", 1.5),
        ("0", 0),
        ("120", 120),
        ("999999999999", LONGEST_ASKED_WAIT),
        (format_datetime(NOW + timedelta(seconds=30), usegmt=True), 30),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0),
        (format_datetime(NOW + timedelta(days=400), usegmt=True), LONGEST_ASKED_WAIT),
        ("Sun, 03 May 2026 12:00:10", 10),
    ],
)
def test_a_server_may_ask_for_a_wait_in_seconds_or_until_a_date(header, seconds):
    assert asked_wait(header, NOW) == seconds


@pytest.mark.parametrize("header", [None, "", "-3", "nan", "inf", "-inf", "soon", "1e400", "\x00"])
def test_what_makes_no_sense_asks_for_nothing(header):
    assert asked_wait(header, NOW) is None


@given(st.text(max_size=40))
def test_no_header_makes_a_run_wait_for_long(header):
    wait = asked_wait(header, NOW)
    assert wait is None or 0 <= wait <= LONGEST_ASKED_WAIT
