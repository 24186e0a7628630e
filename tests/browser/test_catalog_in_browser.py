"""dbt's data catalog in a browser: it works, asks nobody, and runs no text of a project."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from lakehouse.quality.dbt_manifest import Manifest
from lakehouse.transform.catalog_page import catalog_page, shown_manifest

VIEWER = Path(str(distribution("dbt-core").locate_file("dbt/task/docs/index.html")))
HOSTILE = (
    "</script><script>document.title = 'taken'</script>"
    "<img src=x onerror=\"document.title = 'taken'\">"
)


def make_model(name: str, text: str, *parents: str) -> dict[str, object]:
    return {
        "unique_id": f"model.shop.{name}",
        "name": name,
        "resource_type": "model",
        "package_name": "shop",
        "original_file_path": f"models/{name}.sql",
        "fqn": ["shop", name],
        "database": "shop",
        "schema": "main",
        "alias": name,
        "language": "sql",
        "raw_code": f"select '{text}'",
        "description": f"Sales by day. {text}",
        "columns": {"day": {"name": "day", "description": text, "meta": {}, "tags": []}},
        "config": {"materialized": "table"},
        "docs": {"show": True},
        "meta": {},
        "tags": [],
        "refs": [],
        "depends_on": {"nodes": list(parents), "macros": []},
    }


def write_catalog(folder: Path, text: str) -> str:
    """Write a catalog with two models and a table; returns its address."""
    models = [make_model("sales", text), make_model("sales_by_day", text, "model.shop.sales")]
    manifest = {
        "metadata": {"adapter_type": "duckdb", "send_anonymous_usage_stats": True},
        "nodes": {model["unique_id"]: model for model in models},
        "parent_map": {"model.shop.sales_by_day": ["model.shop.sales"], "model.shop.sales": []},
        "child_map": {
            "model.shop.sales": ["model.shop.sales_by_day"],
            "model.shop.sales_by_day": [],
        },
        "docs": {},
    }
    table = {
        "metadata": {"type": "BASE TABLE", "schema": "main", "name": "sales_by_day"},
        "columns": {"day": {"type": "DATE", "index": 1, "name": "day", "comment": None}},
        "stats": {},
        "unique_id": "model.shop.sales_by_day",
    }
    page = folder / "catalog.html"
    page.write_text(
        catalog_page(
            VIEWER.read_text("utf-8"),
            shown_manifest(Manifest(manifest), None),
            {"nodes": {"model.shop.sales_by_day": table}, "sources": {}},
            title="shop",
            back=("index.html", "Informes"),
        ),
        encoding="utf-8",
    )
    return page.as_uri()


@dataclass
class Visit:
    """A window, what it asked for, and what it wrote to its console."""

    page: Page
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    visit = Visit(page)
    page.on("request", lambda request: visit.asked.append(request.url.partition("#")[0]))
    page.on("console", lambda message: visit.complaints.append(message.text))
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    yield visit
    page.close()


def test_a_model_its_lineage_and_the_search_are_shown_without_a_request(
    tmp_path: Path, visit: Visit
) -> None:
    catalog, page = write_catalog(tmp_path, "By day of delivery."), visit.page
    page.goto(f"{catalog}#!/model/model.shop.sales_by_day")
    page.get_by_role("heading", name="sales_by_day").wait_for()
    assert page.get_by_text("DATE", exact=True).is_visible()
    page.mouse.click(1220, 740)
    page.get_by_text("Lineage Graph").wait_for()
    assert page.locator("canvas").count() > 0
    page.mouse.click(1230, 750)
    page.get_by_placeholder("Search for models...").fill("sales")
    page.get_by_text("2 search results").wait_for()
    assert visit.complaints == []
    assert set(visit.asked) == {catalog}


def test_text_of_a_project_is_never_run(tmp_path: Path, visit: Visit) -> None:
    catalog, page = write_catalog(tmp_path, HOSTILE), visit.page
    page.goto(f"{catalog}#!/model/model.shop.sales_by_day")
    page.get_by_role("heading", name="sales_by_day").wait_for()
    page.get_by_placeholder("Search for models...").fill("taken")
    page.get_by_text("2 search results").wait_for()
    # The viewer's search puts what it finds into the page as HTML.
    assert any("inline event handler" in complaint for complaint in visit.complaints)
    assert page.title() == "shop"


def test_a_link_leads_back_to_the_reports(tmp_path: Path, visit: Visit) -> None:
    visit.page.goto(write_catalog(tmp_path, ""))
    link = visit.page.get_by_role("link", name="Informes")
    assert link.get_attribute("href") == "index.html"
    assert link.is_visible()
