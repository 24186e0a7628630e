"""What a reader meets in a real browser: phone, dark, printed, read aloud, and without network."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from axe_findings import axe_findings
from hostile_run import DUPLICATE, FILES, LINES, SCRIPT
from lxml import html
from playwright.sync_api import Browser, Page

from lakehouse.quality.masking import MASK

LANGUAGES = {"pharma_latam": "es", "vendas-b-br-b": "pt", "shop": "en"}
REPORT_VIOLATIONS = """
window.violations = [];
addEventListener("securitypolicyviolation", event =>
  window.violations.push(event.violatedDirective + " " + event.blockedURI));
"""


@pytest.fixture(scope="module")
def phone(browser: Browser) -> Iterator[Page]:
    """A narrow window under the page's own policy."""
    context = browser.new_context(viewport={"width": 360, "height": 740})
    context.add_init_script(REPORT_VIOLATIONS)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def reader(browser: Browser) -> Iterator[Page]:
    """A window in which scripts of the tests may run."""
    context = browser.new_context(bypass_csp=True)
    yield context.new_page()
    context.close()


def test_there_is_a_page_for_every_test_owner_and_domain(folder: Path, pages: list[Path]) -> None:
    assert {path.name for path in folder.iterdir()} == {"index.html", "damaged", *LANGUAGES}
    for domain in LANGUAGES:
        inside = [path.relative_to(folder / domain) for path in pages if domain in path.parts]
        assert [path.parts[0] for path in inside].count("tests") == 8
        assert [path.parts[0] for path in inside].count("owners") == 2
        assert Path("index.html") in inside


def test_no_page_asks_for_anything_runs_a_script_or_scrolls_sideways_on_a_phone(
    phone: Page, pages: list[Path]
) -> None:
    requested: list[str] = []
    said: list[str] = []
    phone.on("request", lambda request: requested.append(request.url))
    phone.on("console", lambda message: said.append(message.text))
    phone.on("pageerror", lambda error: said.append(str(error)))
    phone.on("dialog", lambda dialog: said.append(dialog.message))
    faults = []
    for path in pages:
        phone.goto(path.as_uri())
        found = phone.evaluate(
            """() => ({
                width: document.documentElement.scrollWidth - innerWidth,
                violations: window.violations,
                scripts: document.scripts.length,
                pictures: document.images.length,
                level_one: document.querySelectorAll("h1").length,
                landmarks: document.querySelectorAll("main").length,
                tables_outside_boxes: document.querySelectorAll("table").length
                    - document.querySelectorAll(".scroll[tabindex='0'][aria-label] > table").length,
            })"""
        )
        expected: dict[str, object] = {
            "width": found["width"] if found["width"] <= 0 else "at most 0",
            "violations": [],
            "scripts": 0,
            "pictures": 0,
            "level_one": 1,
            "landmarks": 1,
            "tables_outside_boxes": 0,
        }
        if found != expected:
            faults.append((path, found))
    assert faults == []
    assert said == []
    # The icon is a data: address, which a browser reads without asking anybody.
    assert [url for url in requested if not url.startswith(("file://", "data:"))] == []
    assert len(requested) >= len(pages)


def test_the_policy_stops_a_script_and_a_request(phone: Page, tmp_path: Path, folder: Path) -> None:
    page = (folder / "index.html").read_text("utf-8")
    bad = tmp_path / "bad.html"
    bad.write_text(
        page.replace(
            "</main>",
            "<script>document.title = 'ran'</script><img src='https://example.com/x.png'></main>",
        )
    )
    phone.goto(bad.as_uri())
    assert phone.title() != "ran"
    assert sorted(one.split()[0] for one in phone.evaluate("window.violations")) == [
        "img-src",
        "script-src-elem",
    ]


def test_every_kind_of_page_can_be_read_by_everybody_in_light_and_dark(
    reader: Page, folder: Path
) -> None:
    chosen = [folder / "index.html", folder / "shop" / "owners" / "ventas.html"]
    chosen += [folder / domain / "index.html" for domain in ("pharma_latam", "vendas-b-br-b")]
    chosen += (folder / "pharma_latam" / "tests").iterdir()
    found = []
    for path in chosen:
        reader.goto(path.as_uri())
        found += axe_findings(reader, path.name)
    assert found == []


def test_the_page_of_a_duplicate_names_both_files_and_lines(reader: Page, folder: Path) -> None:
    slug = DUPLICATE.replace("_", "-")
    reader.goto((folder / "pharma_latam" / "tests" / f"{slug}.html").as_uri())
    rows = reader.locator("main table").first.locator("tbody tr").all_inner_texts()
    assert len(rows) == 2
    for row, file, line in zip(rows, FILES, LINES, strict=True):
        assert f"{file}, línea {line}" in row
        assert "BRA-001" in row
        assert MASK in row


def test_hostile_names_are_shown_as_they_are(reader: Page, folder: Path) -> None:
    for domain, language in LANGUAGES.items():
        reader.goto((folder / domain / "owners" / "ventas.html").as_uri())
        assert reader.locator("html").get_attribute("lang") == language
        assert SCRIPT in reader.locator("main").inner_text()


def test_every_link_leads_to_a_page_or_to_the_run(folder: Path, pages: list[Path]) -> None:
    targets = set()
    for path in pages:
        for href in hrefs(path):
            url = urlsplit(urljoin(path.as_uri(), href))
            if url.scheme == "file":
                to = Path(unquote(url.path))
                assert to.is_file(), f"{path} links to {href}"
                assert to.is_relative_to(folder), f"{path} links out of the folder to {href}"
                assert not url.fragment or f'id="{url.fragment}"' in to.read_text("utf-8")
                targets.add(to)
            else:
                assert url.geturl() == "https://prefect.example.com/runs/4f2a"
    assert targets >= set(pages), f"nothing links to {sorted(set(pages) - targets)}"


def hrefs(path: Path) -> list[str]:
    return [str(href) for href in html.parse(path).xpath("//a/@href")]


@pytest.mark.parametrize("page", ["index.html", "owners/ventas.html", f"tests/{DUPLICATE}.html"])
def test_a_page_can_be_printed(reader: Page, folder: Path, page: str) -> None:
    reader.goto((folder / "pharma_latam" / page.replace("_", "-")).as_uri())
    printed = reader.pdf(format="A4")
    assert printed.startswith(b"%PDF-")
    assert len(printed) > 5000


def test_a_keyboard_reaches_the_content_first(reader: Page, folder: Path) -> None:
    reader.goto((folder / "shop" / "index.html").as_uri())
    reader.keyboard.press("Tab")
    assert reader.evaluate("document.activeElement.textContent") == "Skip to the content"
    assert reader.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    reader.keyboard.press("Enter")
    assert reader.evaluate("document.activeElement.id") == "content"


def test_bars_are_wide_enough_on_a_phone(phone: Page, folder: Path) -> None:
    slug = DUPLICATE.replace("_", "-")
    phone.goto((folder / "shop" / "tests" / f"{slug}.html").as_uri())
    bars = phone.locator("svg.chart rect:not(.ground)")
    assert bars.count() == 30
    assert bars.first.evaluate("bar => bar.getBoundingClientRect().width") >= 5
    assert phone.locator("svg.chart").get_attribute("aria-label")
