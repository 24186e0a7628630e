"""Pages of the reports in the serving database: stored as one, read by the dashboard."""

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from servers.published_tables import PASSWORD
from sqlalchemy import URL
from starlette.testclient import TestClient

from lakehouse.dashboard.access import Access
from lakehouse.dashboard.app import dashboard_app
from lakehouse.dashboard.site import Site
from lakehouse.errors import PagesNotStored
from lakehouse.reports.page_store.chosen_store import page_reader, page_stores
from lakehouse.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(tmp_path: Path, postgres_database: URL) -> Settings:
    url = postgres_database.render_as_string(hide_password=False)
    return Settings(home=tmp_path / "home", serving_url=url)


@pytest.fixture
def admin(postgres_database: URL) -> Iterator[psycopg.Connection]:
    plain = postgres_database.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as session:
        yield session


def write_reports(folder: Path, **pages: str) -> None:
    for name, content in pages.items():
        path = folder / name.replace("__", "/").replace("_html", ".html")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")


def test_pages_of_a_run_are_stored_once_and_removed_with_their_files(
    settings: Settings, admin: psycopg.Connection
) -> None:
    folder = settings.reports
    write_reports(
        folder,
        index_html="all",
        olist__index_html="olist",
        olist__tests__one_html="a test",
        olist__tests__two_html="another",
        techstore__index_html="techstore",
    )
    (folder / "arrivals-told.json").write_text("[]")
    (folder / "olist" / ".x.tmp").write_text("half")
    (store,) = page_stores(settings)
    assert store.read("index.html") is None
    assert (store.store(folder, "olist").written, store.store(folder, "olist").written) == (4, 0)
    assert store.store(folder, "techstore").written == 1
    before = admin.execute("select path, changed_at from aljibe_reports.pages").fetchall()
    assert {path for path, _ in before} == {
        "index.html",
        "olist/index.html",
        "olist/tests/one.html",
        "olist/tests/two.html",
        "techstore/index.html",
    }
    (folder / "olist" / "tests" / "two.html").unlink()
    write_reports(folder, olist__tests__one_html="a test, changed")
    stored = store.store(folder, "olist")
    assert (stored.written, stored.unchanged, stored.removed) == (1, 2, 1)
    after = dict(admin.execute("select path, changed_at from aljibe_reports.pages").fetchall())
    changed = {path for path, moment in before if after.get(path) not in (None, moment)}
    assert changed == {"olist/tests/one.html"}
    assert "olist/tests/two.html" not in after
    assert "techstore/index.html" in after
    page = page_reader(settings).read("olist/tests/one.html")
    assert page is not None
    assert page.content == b"a test, changed"


def test_pages_of_a_run_change_as_one(
    settings: Settings, admin: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = settings.reports
    write_reports(folder, index_html="1", olist__index_html="1", olist__tests__one_html="1")
    (store,) = page_stores(settings)
    store.store(folder, "olist")
    write_reports(folder, index_html="2", olist__index_html="2", olist__tests__one_html="2")
    read, reads = Path.read_bytes, []

    def breaks(path: Path) -> bytes:
        reads.append(path)
        if len(reads) == 3:
            raise OSError(5, "Input/output error")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", breaks)
    with pytest.raises(PagesNotStored):
        store.store(folder, "olist")
    monkeypatch.setattr(Path, "read_bytes", read)
    contents = admin.execute("select distinct content from aljibe_reports.pages").fetchall()
    assert contents == [(b"1",)]
    assert store.store(folder, "olist").written == 3


def test_two_runs_that_store_at_once_leave_all_pages(settings: Settings) -> None:
    folder = settings.reports
    for domain in ("olist", "techstore", "wells"):
        for number in range(30):
            path = folder / domain / "tests" / f"t{number}.html"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{domain} {number}")
    write_reports(folder, index_html="all")
    faults: list[Exception] = []

    def store(domain: str) -> None:
        try:
            for one in page_stores(settings):
                one.store(folder, domain)
        except PagesNotStored as error:
            faults.append(error)

    threads = [
        threading.Thread(target=store, args=(domain,))
        for domain in ("olist", "techstore", "wells", "olist")
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert faults == []
    reader = page_reader(settings)
    assert [len(reader.paths(domain)) for domain in ("olist", "techstore", "wells")] == [30] * 3


def test_the_dashboard_serves_stored_pages_and_nothing_beside_them(
    settings: Settings,
) -> None:
    write_reports(settings.reports, index_html="<p>all</p>", olist__index_html="<p>olist</p>")
    (settings.root / "audit.db").write_text("secret")
    (store,) = page_stores(settings)
    store.store(settings.reports, "olist")
    (settings.reports / "index.html").write_text("only on this disk")
    app = dashboard_app(Site.of(settings), Access(SecretStr(PASSWORD)))
    client = TestClient(app, follow_redirects=False)
    client.post("/login", data={"password": PASSWORD})
    assert client.get("/reports/").headers["location"] == "/reports/index.html"
    page = client.get("/reports/index.html")
    assert page.text == "<p>all</p>"
    assert "script" not in page.headers["content-security-policy"]
    tag = page.headers["etag"]
    assert client.get("/reports/index.html", headers={"if-none-match": tag}).status_code == 304
    for path in (
        "../audit.db",
        "..%2faudit.db",
        "%2e%2e/audit.db",
        "olist/..%2f..%2faudit.db",
        "/etc/passwd",
        "olist/%00.html",
        "olist/index.html'--",
    ):
        assert client.get(f"/reports/{path}").status_code == 404, path
