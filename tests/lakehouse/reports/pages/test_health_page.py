"""The newest look at the health, on its own page and on the one over all domains."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lakehouse.health.health_check import HealthCheck
from lakehouse.health.health_look import HealthLook, read_look
from lakehouse.health.health_notes import HealthNotes
from lakehouse.reports.page_store.pages import pages_in
from lakehouse.reports.pages.write_health import write_health
from lakehouse.reports.pages.write_pages import write_pages
from lakehouse.reports.views.health_view import _KINDS

FULL = HealthCheck("disk", "home", "broken", "0.2 GiB free <script>x</script>")
LATE = HealthCheck("watcher", "newest", "look", "last look 300 s ago")
FINE = HealthCheck("backup", "newest", "ok", "3.0 hours old")


def _look(*checks: HealthCheck, ago: timedelta = timedelta()) -> HealthLook:
    now = datetime.now(UTC) - ago
    return HealthLook.of(checks, HealthNotes().after(checks, [], now), now)


@pytest.mark.parametrize(
    ("language", "said", "kind"),
    [
        ("en", "1 thing does not work.", "Disk: home"),
        ("es", "1 cosa no funciona.", "Disco: home"),
        ("pt", "1 item não funciona.", "Disco: home"),
    ],
)
def test_the_front_page_names_what_is_in_trouble_in_its_language(
    tmp_path: Path, make_facts, language: str, said: str, kind: str
):
    write_pages(make_facts(language=language), tmp_path)
    page = write_health(_look(FINE, LATE, FULL), tmp_path, language).read_text("utf-8")
    front = (tmp_path / "index.html").read_text("utf-8")
    assert said in front
    assert f"<bdi>{kind}</bdi>" in front
    assert front.count('href="health.html"') == 2, "beside the title, and on the card"
    assert said in page
    assert "0.2 GiB free" in page
    assert "<script>" not in page
    assert page.index("0.2 GiB") < page.index("300 s") < page.index("3.0 hours")
    assert 'href="index.html"' in page


def test_a_build_keeps_the_newest_look_on_the_front_page(tmp_path: Path, make_facts):
    write_health(_look(FINE), tmp_path, "en")
    assert not (tmp_path / "index.html").exists(), "no domain has a report yet"
    written = write_pages(make_facts(), tmp_path)
    assert "Everything that has to go on by itself does." in written.front.read_text("utf-8")
    write_health(_look(LATE), tmp_path, "en")
    assert "1 thing needs a look in time." in written.front.read_text("utf-8")


def test_an_old_look_is_no_good_news(tmp_path: Path, make_facts):
    write_health(_look(FINE, ago=timedelta(hours=3)), tmp_path, "en")
    front = write_pages(make_facts(), tmp_path).front.read_text("utf-8")
    assert "Nobody has looked since" in front
    assert "Everything that has to go on" not in front


def test_a_damaged_look_does_not_stop_the_pages(tmp_path: Path, make_facts):
    (tmp_path / "health.json").write_text('{"checks": 3}', encoding="utf-8")
    assert read_look(tmp_path / "health.json") is None
    front = write_pages(make_facts(), tmp_path).front.read_text("utf-8")
    assert "health.html" not in front


def test_page_and_json_are_stored_where_the_dashboard_reads(tmp_path: Path):
    write_health(_look(FULL, FINE), tmp_path, "en")
    assert [path for path, _ in pages_in(tmp_path, None)] == ["health.html", "health.json"]
    said = json.loads((tmp_path / "health.json").read_text("utf-8"))
    assert [one["verdict"] for one in said["checks"]] == ["broken", "ok"]
    assert said["checks"][1]["since"] is None


def test_every_kind_of_check_has_its_words():
    root = Path(__file__).resolve().parents[4]
    files = [*root.glob("lakehouse/health/*.py"), *root.glob("tasks/look_at_*.py")]
    text = "".join(file.read_text("utf-8") for file in files)
    kinds = {part.partition('"')[0] for part in text.split('HealthCheck("')[1:]}
    assert kinds
    assert kinds | {"declarations"} <= set(_KINDS)
