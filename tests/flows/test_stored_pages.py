"""The pages of a run are where the settings say; a store that fails is a warning of the run."""

import pytest

from demo.pharma_deliveries import seed_deliveries
from flows.housekeeping import housekeeping
from lakehouse.reports.page_store.chosen_store import page_reader
from lakehouse.settings import load_settings


@pytest.mark.long
def test_a_run_copies_its_pages_and_goes_on_where_that_fails(
    settings, landing, run, tmp_path, monkeypatch
):
    seed_deliveries(landing)
    target = tmp_path / "target"
    monkeypatch.setenv("ALJIBE_REPORTS_TARGET", target.as_uri())
    state = run()
    assert state.name == "Completed", state.message
    written = {
        path.relative_to(settings.reports).as_posix() for path in settings.reports.rglob("*.html")
    }
    copied = {path.relative_to(target).as_posix() for path in target.rglob("*.html")}
    assert written
    assert copied == written
    # The publication is told after the build, and is in the copy as well.
    for path in ("pharma_latam/index.html", "pharma_latam/report.json", "index.html"):
        assert (target / path).read_bytes() == (settings.reports / path).read_bytes()

    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("ALJIBE_REPORTS_TARGET", (tmp_path / "file" / "below").as_uri())
    state = run()
    assert state.name == "CompletedWithWarnings", state.message
    assert "The pages could not be stored in ALJIBE_REPORTS_TARGET" in state.message


def test_the_board_of_expected_files_is_copied_too(settings, tmp_path, monkeypatch):
    target = tmp_path / "target"
    monkeypatch.setenv("ALJIBE_REPORTS_TARGET", target.as_uri())
    state = housekeeping(return_state=True)
    assert state.is_completed(), state.message
    page = page_reader(load_settings()).read("arrivals.html")
    assert page is not None
    assert page.content == (settings.reports / "arrivals.html").read_bytes()
