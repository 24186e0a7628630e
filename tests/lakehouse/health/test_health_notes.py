"""Operators hear of a change once, and of it again only if it gets worse."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lakehouse.health.disk_space import DiskSample
from lakehouse.health.health_check import HealthCheck, Verdict
from lakehouse.health.health_notes import (
    NOTES,
    HealthNotes,
    changes,
    read_notes,
    write_notes,
)
from lakehouse.reports.health_report import health_events, health_message, health_table

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def checks(**verdicts: Verdict) -> list[HealthCheck]:
    return [HealthCheck("disk", name, verdict, "text") for name, verdict in verdicts.items()]


def test_what_was_told_is_told_again_only_if_it_got_worse():
    told: list[tuple[list[str], list[str]]] = []
    notes = HealthNotes()
    steps = [
        checks(a="ok", b="ok"),
        checks(a="look", b="ok"),
        checks(a="look", b="ok"),
        checks(a="broken", b="look"),
        checks(a="look", b="look"),
        checks(a="ok", b="look"),
        checks(a="look", b="ok"),
    ]
    for hour, found in enumerate(steps):
        notes = notes.after(found, [], NOW + timedelta(hours=hour))
        change = changes(notes, found)
        told.append(([one.subject for one in change.new], list(change.over)))
        notes = notes.told_of(found) if change else notes
    assert told == [
        ([], []),
        (["a"], []),
        ([], []),
        (["a", "b"], []),
        ([], []),
        ([], ["disk: a"]),
        (["a"], ["disk: b"]),
    ]


def test_what_could_not_be_told_is_told_at_the_next_look():
    notes = HealthNotes().after(checks(a="broken"), [], NOW)
    assert changes(notes, checks(a="broken"))
    again = notes.after(checks(a="broken"), [], NOW + timedelta(hours=1))
    assert [one.subject for one in changes(again, checks(a="broken")).new] == ["a"]
    assert again.troubles["disk: a"].since == NOW
    over = again.after(checks(a="ok"), [], NOW + timedelta(hours=2))
    assert not changes(over, checks(a="ok")), "nobody heard of it, nobody hears of its end"


def test_notes_are_kept_and_damaged_ones_know_of_nothing(tmp_path: Path):
    samples = [DiskSample("home", NOW, 123)]
    notes = HealthNotes().after(checks(a="look"), samples, NOW).told_of(checks(a="look"))
    write_notes(tmp_path, notes)
    assert read_notes(tmp_path) == notes
    (tmp_path / NOTES).write_text('{"samples": [[1]], "troubles"')
    assert read_notes(tmp_path) == HealthNotes()


@pytest.mark.parametrize(("minutes", "days", "kept"), [(20, 0, 1), (60, 0, 2), (0, 8, 1)])
def test_a_disk_is_noted_about_hourly_and_for_a_week(minutes, days, kept):
    later = NOW + timedelta(minutes=minutes, days=days)
    notes = HealthNotes().after([], [DiskSample("home", NOW, 5)], NOW)
    notes = notes.after([], [DiskSample("home", later, 4)], later)
    assert len(notes.samples) == kept


def test_message_table_and_events_say_what_is_new_what_is_over_and_what_still_is():
    before = HealthNotes().after(checks(a="look", b="look"), [], NOW)
    before = before.told_of(checks(a="look", b="look"))
    later = NOW + timedelta(hours=1)
    found = checks(a="look", b="ok", c="broken")
    notes = before.after(found, [], later)
    change = changes(notes, found)
    subject, body = health_message(change, found, notes)
    assert subject == "Aljibe: 1 new in trouble, 1 in order again"
    assert body.splitlines() == [
        "New:",
        "- disk: c: text",
        "",
        "In order again:",
        "- disk: b",
        "",
        "Still:",
        "- disk: a: text (since 2026-11-30 12:00)",
    ]
    assert [row["what"] for row in health_table(found, notes)] == ["disk: c", "disk: a", "disk: b"]
    events = health_events(change, notes, before, later)
    assert [event.name for event in events] == [
        "lakehouse.health.degraded",
        "lakehouse.health.recovered",
    ]
    again = health_events(change, notes, before, later + timedelta(hours=3))
    assert [event.id for event in events] == [event.id for event in again]
