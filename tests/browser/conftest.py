"""One Chromium for the tests of a module, and one folder of pages with three domains in it."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from lakehouse.reports.pages.write_pages import write_pages

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from hostile_run import make_run

DOMAINS = {"es": "pharma_latam", "pt": "../vendas <b>br</b>", "en": "shop"}
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium; a skip where it is not installed, and a failure there when CI=true.

    It ends with its module: as long as it lives, an event loop runs in the main thread, in which
    Prefect's own calls would fail.
    """
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        missing = "There is no Chromium; run scripts/install_test_servers"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages of a domain in each language, and of one whose report is damaged."""
    folder = tmp_path_factory.mktemp("reports")
    damaged = folder / "damaged"
    damaged.mkdir()
    (damaged / "report.json").write_text('{"domain": ')
    (damaged / "index.html").write_text("<!doctype html><title>old</title>")
    for language, domain in DOMAINS.items():
        write_pages(make_run(language, domain), folder)
    return folder


@pytest.fixture(scope="session")
def pages(folder: Path) -> list[Path]:
    """Every page that was written."""
    return sorted(path for path in folder.rglob("*.html") if path.parent.name != "damaged")
