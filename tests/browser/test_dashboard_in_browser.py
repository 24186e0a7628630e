"""The dashboard as its readers meet it: a served process, a real browser, real clicks."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import duckdb
import httpx
import pytest
from axe_findings import axe_findings
from hostile_run import make_run
from playwright.sync_api import Browser, Page
from servers.child_process import free_port, stop, wait_until_ready
from servers.published_tables import PASSWORD, PERSON, TABLES, write_copy

from lakehouse.reports.pages.write_pages import write_pages

PAGES = (
    "/",
    "/domains/olist",
    "/domains/techstore/tables",
    "/domains/techstore/tables/consume/top_clientes",
    "/domains/nothing-here",
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three published domains, with reports of one."""
    home = tmp_path_factory.mktemp("home")
    for domain in TABLES:
        write_copy(home / "serving", domain)
    write_pages(make_run("pt", "olist"), home / "reports")
    return home


@pytest.fixture(scope="module")
def served(home: Path) -> Iterator[str]:
    """Address of `aljibe dashboard` in a process of its own."""
    own = ("ALJIBE_", "PREFECT_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    variables = {"ALJIBE_HOME": str(home), "ALJIBE_DASHBOARD_PASSWORD": PASSWORD}
    url, log = f"http://127.0.0.1:{(port := free_port())}", home / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [Path(sys.executable).parent / "aljibe", "dashboard", "--port", str(port)],
            env={**kept, **variables},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        wait_until_ready(process, lambda: answers(url), log, 60)
        yield url
    finally:
        stop(process, signal.SIGTERM)
    said = log.read_text("utf-8")
    assert "Traceback" not in said
    assert PASSWORD not in said


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=2).is_success
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def phone(browser: Browser, served: str) -> Iterator[Page]:
    """A narrow window of a reader who has logged in, under the policy of the pages."""
    context = browser.new_context(viewport={"width": 360, "height": 740}, locale="pt-BR")
    page = context.new_page()
    log_in(page, served, PASSWORD)
    yield page
    context.close()


def log_in(page: Page, served: str, password: str, path: str = "/") -> None:
    page.goto(served + path)
    page.locator("#password").fill(password)
    page.locator("form.login button").click()


def big(page: Page, anchor: str) -> str:
    return page.locator(f"#{anchor} .big").inner_text()


def sql(home: Path, domain: str, query: str) -> object:
    with duckdb.connect(str(home / "serving" / f"{domain}.duckdb"), read_only=True) as copy:
        return (copy.execute(query).fetchone() or (None,))[0]


def test_the_login_refuses_and_accepts_in_the_language_of_the_browser(
    browser: Browser, served: str
) -> None:
    context = browser.new_context(locale="es-AR")
    page = context.new_page()
    answer = page.goto(f"{served}/domains/olist")
    assert answer is not None
    assert answer.status == 401
    assert "GMV" not in page.content()
    log_in(page, served, "equivocada", "/domains/olist")
    assert page.get_by_role("alert").inner_text() == "Esa no es la contraseña."
    assert context.cookies() == []
    page.locator("#password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/domains/olist")
    assert page.locator("h1").inner_text() == "olist"
    assert page.locator("html").get_attribute("lang") == "es"
    (cookie,) = context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
    page.get_by_role("button", name="Salir").click()
    page.locator("#password").wait_for()
    assert context.cookies() == []
    assert page.goto(f"{served}/domains/olist").status == 401
    context.close()


def test_figures_are_those_of_the_published_data(phone: Page, served: str, home: Path) -> None:
    phone.goto(f"{served}/domains/olist?lang=en")
    gmv = sql(home, "olist", "select sum(gmv) from marts.mart_executive_dashboard")
    assert big(phone, "painel_executivo-gmv") == f"R${gmv:,.2f}"
    days = sql(home, "olist", "select avg(days_to_deliver) from core.fct_orders where is_delivered")
    assert big(phone, "painel_de_entregas-prazo") == f"{round(days, 1):g} days"
    phone.goto(f"{served}/domains/techstore")
    revenue = sql(home, "techstore", "select sum(revenue) from consume.revenue_mensual")
    assert big(phone, "tablero_comercial-ingresos") == f"ARS{revenue:,.2f}"
    assert PERSON not in phone.content()


def test_a_period_is_chosen_by_a_click_and_by_dates(phone: Page, served: str, home: Path) -> None:
    orders = "select sum(orders) from marts.mart_executive_dashboard where order_date"
    phone.goto(f"{served}/domains/olist?lang=en")
    phone.get_by_role("link", name="2018", exact=True).click()
    in_2018 = sql(home, "olist", f"{orders} between '2018-01-01' and '2018-12-31'")
    assert big(phone, "painel_executivo-pedidos") == f"{in_2018:,}"
    phone.locator("#from").fill("2017-05-01")
    phone.locator("#to").fill("2017-05-31")
    phone.locator("form.period button").click()
    phone.wait_for_url("**from=2017-05-01**")
    in_may = sql(home, "olist", f"{orders} between '2017-05-01' and '2017-05-31'")
    assert big(phone, "painel_executivo-pedidos") == f"{in_may:,}"


def test_a_file_is_downloaded(phone: Page, served: str, home: Path) -> None:
    phone.goto(f"{served}/domains/olist/tables/marts/mart_executive_dashboard?lang=en")
    with phone.expect_download() as started:
        phone.get_by_role("link", name="Download as CSV").click()
    assert started.value.suggested_filename == "olist.marts.mart_executive_dashboard.csv"
    lines = started.value.path().read_text("utf-8-sig").splitlines()
    assert len(lines) == 1 + int(
        str(sql(home, "olist", "select count(*) from marts.mart_executive_dashboard"))
    )


def test_a_new_publication_is_seen_without_a_restart(phone: Page, served: str, home: Path) -> None:
    query = "select sum(pedidos) from consume.revenue_mensual"
    seen = set()
    for number in (2, 3):
        write_copy(home / "serving", "techstore", number)
        phone.goto(f"{served}/domains/techstore?lang=en")
        assert big(phone, "tablero_comercial-pedidos") == str(sql(home, "techstore", query))
        seen.add(big(phone, "tablero_comercial-pedidos"))
    assert len(seen) == 2


def test_reports_are_reached_and_their_links_lead_on(phone: Page, served: str) -> None:
    phone.goto(f"{served}/domains/olist?lang=pt")
    phone.get_by_role("link", name="Relatório da última execução").click()
    assert urlsplit(phone.url).path == "/reports/olist/index.html"
    assert phone.locator(".verdict").first.is_visible()
    todo, seen = [phone.url], set()
    while todo:
        address = todo.pop().partition("#")[0]
        if address in seen or not address.startswith(served):
            continue
        seen.add(address)
        answer = phone.request.get(address)
        assert answer.status == 200, address
        if address.endswith(".html"):
            hrefs = re.findall(r'href="([^"]+)"', answer.text())
            todo += [urljoin(address, one) for one in hrefs if not one.startswith("data:")]
    assert any("/owners/" in one for one in seen)
    assert any("/tests/" in one for one in seen)
    phone.goto(f"{served}/domains/olist")
    sheet = phone.locator("a[href*='/owners/']").first
    sheet.click()
    assert "/reports/olist/owners/" in phone.url


def test_no_page_asks_another_host_runs_a_script_or_scrolls_sideways(
    phone: Page, served: str
) -> None:
    requested: list[str] = []
    said: list[str] = []
    phone.on("request", lambda request: requested.append(request.url))
    phone.on("pageerror", lambda error: said.append(str(error)))
    phone.on("console", lambda message: said.append(message.text))
    for path in PAGES[:-1]:
        phone.goto(served + path)
        phone.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        width = phone.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert width <= 0, f"{path} is {width} px too wide"
        assert phone.evaluate("document.scripts.length") == 0
        assert phone.evaluate("getComputedStyle(document.body).margin") == "0px", "no style"
        boxes = phone.evaluate(
            """() => [...document.querySelectorAll("svg rect.bar")]
                .filter(bar => bar.getBoundingClientRect().height <= 0).length"""
        )
        assert boxes == 0
    assert said == []
    assert [url for url in requested if not url.startswith(served)] == []


@pytest.mark.long
def test_every_page_can_be_read_by_everybody_in_light_and_dark(
    browser: Browser, served: str
) -> None:
    context = browser.new_context(bypass_csp=True, locale="es")
    page = context.new_page()
    page.goto(f"{served}/login")
    found = axe_findings(page, "/login")
    log_in(page, served, PASSWORD)
    for path in PAGES:
        page.goto(served + path)
        found += axe_findings(page, path)
    context.close()
    assert found == []


def test_a_keyboard_alone_is_enough(browser: Browser, served: str) -> None:
    context = browser.new_context(locale="en")
    page = context.new_page()
    page.goto(f"{served}/domains/olist")
    assert page.evaluate("document.activeElement.id") == "password"
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="olist", exact=True).wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    summary = page.locator("#painel_executivo-gmv summary")
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator("#painel_executivo-gmv details").get_attribute("open") is not None
    context.close()
