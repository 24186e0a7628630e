"""What people meet in Prefect's own UI: the artifacts of a made-up run, on a real server."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from hostile_run import DUPLICATE, FILES, LINES, LONG, SCRIPT
from playwright.sync_api import Browser, Locator, Page, expect
from posted_runs import DOMAIN, PUBLISHED
from servers.prefect_server import running_prefect_server, without_prefect

from lakehouse.quality.masking import MASK
from lakehouse.reports.artifacts import artifact_keys
from lakehouse.settings import PROJECT_ROOT

pytestmark = pytest.mark.long
Scheme = Literal["light", "dark"]
CONTENT = "article.markdown-renderer"
RUN_AXE = f"options => axe.run('{CONTENT}', options).then(results => results.violations)"
CONTRAST = {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}

expect.set_options(timeout=20_000)


@dataclass(frozen=True)
class PostedRuns:
    """The artifacts on a server: newest version of each key."""

    base: str
    ids: dict[str, str]

    def address(self, key: str) -> str:
        """Page of an artifact."""
        return f"{self.base}/artifacts/artifact/{self.ids[key]}"


@dataclass
class Visit:
    """A window, what it asked for, and what it complained of."""

    page: Page
    posted: PostedRuns
    asked: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def artifact(self, key: str) -> Locator:
        """Open an artifact; its description and its content are each an article."""
        self.page.goto(self.posted.address(key))
        shown = self.page.locator(CONTENT)
        shown.nth(1).wait_for()
        return shown.nth(1)


@pytest.fixture(scope="module")
def posted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostedRuns]:
    """A Prefect server with the artifacts of two runs."""
    home = tmp_path_factory.mktemp("prefect")
    with running_prefect_server(home) as variables:
        done = subprocess.run(
            [sys.executable, Path(__file__).with_name("posted_runs.py")],
            env=without_prefect(os.environ)
            | variables
            | {"ALJIBE_HOME": str(home / "aljibe"), "PYTHONPATH": str(PROJECT_ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        api = variables["PREFECT_API_URL"]
        newest = httpx.post(f"{api}/artifacts/latest/filter", json={}).json()
        ids = {one["key"]: one["latest_id"] for one in newest}
        yield PostedRuns(api.removesuffix("/api"), ids)


@pytest.fixture
def visit(browser: Browser, posted: PostedRuns) -> Iterator[Callable[[Scheme], Visit]]:
    """Opens windows; whatever a test does in them, nothing may leave the server or complain."""
    opened: list[Visit] = []

    def in_scheme(scheme: Scheme) -> Visit:
        page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
        # The UI keeps its scheme, and asks the browser for one only when that changes.
        page.add_init_script(f"localStorage.setItem('color-scheme', JSON.stringify('{scheme}'))")
        visit = Visit(page, posted)
        page.on("request", lambda request: visit.asked.add(request.url))
        page.on("dialog", lambda dialog: visit.complaints.append(dialog.message))
        page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        page.on("console", lambda message: visit.complaints.append(_complaint(message)))
        opened.append(visit)
        return visit

    yield in_scheme
    for one in opened:
        one.page.close()
        ours = (posted.base, "data:", f"blob:{posted.base}")
        assert [url for url in one.asked if not url.startswith(ours)] == []
        assert [complaint for complaint in one.complaints if complaint] == []


def _complaint(message: object) -> str:
    """What the console says; nothing where it is about an icon that Prefect does not have."""
    text, place = message.text, message.location["url"]  # type: ignore[attr-defined]
    return "" if re.search(r"/favicon[\w-]*\.ico$", place) else f"{text} {place}"


def no_value_is_markup(page: Page) -> bool:
    """Whether the page's only pictures are ours, and no value became an element."""
    found: bool = page.evaluate(
        """() => [...document.images].every(one => one.src.startsWith("data:image/png"))
            && !document.querySelector(".markdown-renderer script, .markdown-renderer [onerror]")
            && ![...document.scripts].some(one => one.text.includes("alert("))"""
    )
    return found


def test_the_list_of_artifacts_says_what_each_came_to(visit: Callable[[Scheme], Visit]) -> None:
    window = visit("light")
    page = window.page
    page.goto(f"{window.posted.base}/artifacts")
    page.get_by_placeholder("Search artifacts").fill(DOMAIN.replace("_", "-"))
    expect(page.get_by_text("No use los datos de hoy. 3 bien · 2 advertencias · 2")).to_be_visible()
    expect(page.get_by_text(f"{SCRIPT}: No use los datos de hoy.")).to_be_visible()
    expect(page.get_by_text("advertencia · Valores repetidos en invoice_id")).to_be_visible()
    expect(page.get_by_text("resuelta · ")).to_be_visible()
    assert no_value_is_markup(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_of_a_build_answers_first_and_leads_on(
    visit: Callable[[Scheme], Visit], scheme: Scheme
) -> None:
    window = visit(scheme)
    shown = window.artifact(artifact_keys.build_key(DOMAIN))
    expect(window.page.locator("html")).to_have_class(re.compile(rf"\b{scheme}\b"))
    expect(shown.get_by_text("No use los datos de hoy.", exact=True)).to_be_visible()
    told = shown.inner_text()
    for word in ("advertencia", "falla", "no se pudo ejecutar", "omitida", "1 resuelta", SCRIPT):
        assert word in told
    key = artifact_keys.test_key(DOMAIN, DUPLICATE)
    link = shown.get_by_role("link", name=key, exact=True)
    assert link.get_attribute("href") == f"/artifacts/key/{key}"
    with window.page.context.expect_page() as opened:
        link.click()
    expect(opened.value.get_by_text("Valores repetidos en invoice_id").first).to_be_visible()
    opened.value.close()
    assert no_value_is_markup(window.page)


def test_the_page_of_a_duplicate_names_both_files_and_lines(
    visit: Callable[[Scheme], Visit],
) -> None:
    window = visit("light")
    shown = window.artifact(artifact_keys.test_key(DOMAIN, DUPLICATE))
    for file, line in zip(FILES, LINES, strict=True):
        row = shown.get_by_role("row").filter(has_text=f"{file}, línea {line}")
        expect(row).to_be_visible()
        assert "BRA-001" in row.inner_text()
        assert MASK in row.inner_text()
    expect(shown.get_by_text("Qué hacer:")).to_be_visible()
    assert no_value_is_markup(window.page)


def test_values_of_rows_are_shown_as_they_are(visit: Callable[[Scheme], Visit]) -> None:
    window = visit("light")
    shown = window.artifact(artifact_keys.test_key(DOMAIN, SCRIPT))
    for value in (SCRIPT, LONG, "12345678901234567890"):
        expect(shown.get_by_role("cell", name=value, exact=True).first).to_be_visible()
    assert no_value_is_markup(window.page)


def test_the_table_of_tests_has_the_worst_first_and_their_names_as_text(
    visit: Callable[[Scheme], Visit],
) -> None:
    window = visit("dark")
    window.artifact(artifact_keys.tests_key(DOMAIN))
    heads = window.page.get_by_role("columnheader")
    expect(heads).to_contain_text(
        ["status", "failing_rows", "since", "test", "model", "column", "owner"]
    )
    # Each cell is shown when it has been read as markdown.
    first = window.page.get_by_role("row").nth(1).get_by_role("cell")
    expect(first).to_contain_text(["fail", "1234", "2026-11-17", SCRIPT, "stg_ventas_bra"])
    statuses = ["fail", "fail", "error", "warn", "warn", "skipped", "pass", "pass"]
    expect(window.page.locator("tbody tr td:first-child")).to_have_text(statuses)
    assert no_value_is_markup(window.page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_sheet_of_an_owner_can_be_read_in_light_and_dark(
    visit: Callable[[Scheme], Visit], scheme: Scheme
) -> None:
    window = visit(scheme)
    shown = window.artifact(artifact_keys.owner_key(DOMAIN, "ventas"))
    expect(shown.get_by_role("heading", name=f"{SCRIPT} · {DOMAIN}")).to_be_visible()
    for heading in ("Qué hay que mirar", "Resuelto desde la última corrida", "Pruebas que pasan"):
        expect(shown.get_by_role("heading", name=heading)).to_be_visible()
    window.page.evaluate(Axe().axe_script)
    assert window.page.evaluate(RUN_AXE, CONTRAST) == []
    assert no_value_is_markup(window.page)


def test_the_lineage_is_a_picture(visit: Callable[[Scheme], Visit]) -> None:
    window = visit("dark")
    picture = window.artifact(artifact_keys.lineage_key(DOMAIN)).get_by_role("img")
    expect(picture).to_be_visible()
    assert picture.evaluate("one => one.decode().then(() => one.naturalWidth)") > 500
    assert "no están bien" in str(picture.get_attribute("alt"))
    assert no_value_is_markup(window.page)


def test_the_publication_is_told_in_the_same_version_of_the_report(
    visit: Callable[[Scheme], Visit],
) -> None:
    window = visit("light")
    for key in (artifact_keys.build_key(PUBLISHED), artifact_keys.owner_key(PUBLISHED, "ventas")):
        shown = window.artifact(key)
        expect(shown.get_by_text("No use los datos de hoy", exact=False).first).to_be_visible()
        refused = shown.get_by_text(f"La publicación se detuvo: faltan filas {SCRIPT}").first
        expect(refused).to_be_visible()
        assert "Puede usar los datos" not in window.page.locator("body").inner_text()
        versions = httpx.post(
            f"{window.posted.base}/api/artifacts/filter",
            json={"artifacts": {"key": {"any_": [key]}}},
        ).json()
        assert len(versions) == 1
    assert no_value_is_markup(window.page)
