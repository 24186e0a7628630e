"""Make every screenshot of the documentation again: `python docs/make_screenshots.py`.

It runs `pharma_latam` three times in a folder of its own: as the demo delivers it, after the file
with a repeated invoice was delivered again, and with a delivery that stops the publication. The
dashboard is that of `olist`.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from PIL import Image
from playwright.sync_api import Browser, FloatRect, Locator, Page, sync_playwright

from lakehouse.quality.run_facts import RunFacts, facts_from_json
from lakehouse.reports.artifacts.artifact_keys import build_key
from lakehouse.reports.pages.places import domain_folder, report_path
from lakehouse.reports.pages.write_pages import write_pages
from lakehouse.settings import Settings

DOMAIN = "pharma_latam"
LANGUAGES = ("es", "pt", "en")
IMAGES = Path(__file__).resolve().parent / "images"
MOST_BYTES = 250_000
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_COLORS = 128
_UI_SECONDS = 120
_OWNER = "owners/ventas-latam.html"
_TEST = "tests/unique-stg-ventas-bra-invoice-id.html"


@dataclass(frozen=True)
class Picture:
    """A picture of a page: from its top down to an element, or of that element alone.

    Attributes:
        name: of the file, without language and suffix.
        run: 1 dirty deliveries, 2 one of them repaired, 3 one that stops the publication.
        page: relative to the pages of the domain.
        element: at whose top the picture ends, or all that is in it if `alone`.
        languages: in which it is made.
        width: of the window in pixels.
    """

    name: str
    run: int
    page: str
    element: Callable[[Page], Locator]
    width: int = 1040
    alone: bool = False
    languages: tuple[str, ...] = LANGUAGES


PICTURES = (
    Picture("owner-sheet", 2, _OWNER, lambda page: page.locator("#lineage")),
    Picture("test-page", 1, _TEST, lambda page: page.locator("h2").nth(1)),
    Picture("do-not-use", 3, _OWNER, lambda page: page.locator("article").nth(1)),
    Picture("what-came", 3, _OWNER, lambda page: page.locator("#flow + div.card"), alone=True),
    Picture("phone", 2, _OWNER, lambda page: page.locator("article").nth(1), width=390),
    Picture(
        name="domain-page",
        run=2,
        page="index.html",
        element=lambda page: page.locator("h2").nth(4),
        width=1200,
        languages=("en",),
    ),
)


def main() -> int:
    """Make the pictures; returns the exit code."""
    with TemporaryDirectory(prefix="aljibe-screenshots-") as folder, _browser() as browser:
        home = Path(folder) / "home"
        landing = Settings(home=home).landing(DOMAIN)
        _run(home, sys.executable, "-m", "demo", "--domain", DOMAIN)
        runs = [_facts(home)]
        _deliver_repaired(landing)
        _run(home, _aljibe(), "run", DOMAIN)
        runs.append(_facts(home))
        _shoot_ui(browser, home)
        _deliver_what_stops(landing)
        _run(home, _aljibe(), "run", DOMAIN, ends_with=1)
        runs.append(_facts(home))
        for language in LANGUAGES:
            pages = [Path(folder) / language / str(number) for number in range(len(runs))]
            for facts, written in zip(runs, pages, strict=True):
                write_pages(in_language(facts, language), written)
            for picture in (one for one in PICTURES if language in one.languages):
                _shoot(browser, picture, domain_folder(pages[picture.run - 1], DOMAIN), language)
        _run(home, sys.executable, "-m", "demo", "--domain", "olist")
        shoot_dashboard(browser, home)
    return 0


def in_language(facts: RunFacts, language: str) -> RunFacts:
    """The same run as an owner of another language gets it.

    The demo's descriptions are Spanish; elsewhere the sentence for the kind of test stands in.
    """
    if language == "es":
        return replace(facts, language=language)
    nodes = tuple(
        replace(node, language=language, description="" if node.is_check else node.description)
        for node in facts.results.nodes
    )
    return replace(
        facts,
        language=language,
        results=replace(facts.results, nodes=nodes),
        groups=tuple(replace(group, language=language) for group in facts.groups),
    )


def _deliver_repaired(landing: Path) -> None:
    """Write the newest file of Brazil again, each invoice once."""
    path = max(landing.glob("ventas_bra_*.csv"))
    once: dict[bytes, bytes] = {}
    for line in path.read_bytes().splitlines(keepends=True):
        once.setdefault(line.partition(b";")[0], line)
    path.write_bytes(b"".join(once.values()))


def _deliver_what_stops(landing: Path) -> None:
    """Write a sale of a product that nobody knows, and a file of another form."""
    header = (landing / "ventas_arg.csv").read_text("utf-8").splitlines()[0]
    sale = "ARG-20240205-000001,2024-02-05,AMOX5000,12,850.50,ARS"
    (landing / "ventas_arg_20240205.csv").write_text(f"{header}\n{sale}\n", "utf-8")
    (landing / "ventas_bra_20240205.csv").write_text("fatura;valor\nBRA-1;18,50\n", "utf-8")


def _run(home: Path, *command: str, ends_with: int = 0) -> None:
    ended = subprocess.run(command, env=_environment(home), check=False, stdout=sys.stderr)
    if ended.returncode != ends_with:
        raise SystemExit(f"{' '.join(command)} ended with {ended.returncode}, not {ends_with}")


def _aljibe() -> str:
    return str(Path(sys.executable).with_name("aljibe"))


def _environment(home: Path) -> dict[str, str]:
    """The environment without what would lead a run elsewhere."""
    own = ("ALJIBE_", "PREFECT_", "PHARMA_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    return {**kept, "ALJIBE_HOME": str(home), "PREFECT_HOME": str(home / "profiles"), "TZ": "UTC"}


def _facts(home: Path) -> RunFacts:
    return facts_from_json(report_path(Settings(home=home).reports, DOMAIN).read_bytes())


@contextmanager
def _browser() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if program is None:
        raise SystemExit("There is no Chromium; run scripts/install_test_servers")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def _shoot(browser: Browser, picture: Picture, pages: Path, language: str) -> None:
    page = browser.new_page(viewport={"width": picture.width, "height": 800}, color_scheme="light")
    page.goto((pages / picture.page).as_uri())
    element = picture.element(page)
    if picture.alone:
        png = element.screenshot()
    else:
        box = element.bounding_box() or {"y": 0}
        clip = FloatRect(x=0, y=0, width=picture.width, height=int(box["y"]))
        png = page.screenshot(full_page=True, clip=clip)
    _save(png, f"{picture.name}.{language}")
    page.close()


def shoot_dashboard(browser: Browser, home: Path) -> None:
    """Picture the figures of olist, down to those of the second board."""
    with _serving(home, "dashboard", "/health") as url:
        page = browser.new_page(viewport={"width": 1200, "height": 800}, locale="pt-BR")
        page.goto(f"{url}/domains/olist")
        box = page.locator("h2").nth(1).bounding_box() or {"y": 0}
        clip = FloatRect(x=0, y=0, width=1200, height=int(box["y"]))
        _save(page.screenshot(full_page=True, clip=clip), "dashboard.pt")
        page.close()


def _shoot_ui(browser: Browser, home: Path) -> None:
    """Picture the run and the report of its build in Prefect's UI."""
    with _serving(home, "ui", "/api/health") as url:
        run = _newest(f"{url}/api/flow_runs", {"flows": {"name": {"any_": ["elt"]}}})
        key = {"any_": [build_key(DOMAIN)]}
        report = _newest(f"{url}/api/artifacts", {"artifacts": {"key": key}})
        addresses = {
            "run": f"runs/flow-run/{run}",
            "build-report": f"artifacts/artifact/{report}",
        }
        for name, address in addresses.items():
            page = browser.new_page(viewport={"width": 1300, "height": 860})
            page.goto(f"{url}/{address}")
            page.get_by_text("pharma").first.wait_for()
            page.wait_for_load_state("networkidle")
            # The timeline of a run is drawn after its data came.
            page.wait_for_timeout(3000)
            _save(page.screenshot(), name)
            page.close()


def _newest(address: str, condition: dict[str, object]) -> str:
    """Id of the newest that Prefect's API finds."""
    found = httpx.post(f"{address}/filter", json=condition).raise_for_status().json()
    return str(max(found, key=lambda one: one["created"])["id"])


@contextmanager
def _serving(home: Path, what: str, health: str) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [_aljibe(), what, "--port", str(port)]
    server = subprocess.Popen(
        command, env=_environment(home), stdout=sys.stderr, start_new_session=True
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(f"{url}{health}")
        yield url
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def _wait_for(url: str) -> None:
    end = time.monotonic() + _UI_SECONDS
    while time.monotonic() < end:
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            time.sleep(1)
    raise SystemExit(f"{url} did not answer for {_UI_SECONDS} s")


def _save(png: bytes, name: str) -> None:
    path = IMAGES / f"{name}.png"
    picture = Image.open(BytesIO(png)).convert("RGB")
    picture.quantize(_COLORS, dither=Image.Dither.NONE).save(path, optimize=True)
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise SystemExit(f"{path.name} has {size} bytes, at most {MOST_BYTES}")
    sys.stdout.write(f"{path.name}: {picture.width} x {picture.height}, {size} bytes\n")


if __name__ == "__main__":
    sys.exit(main())
