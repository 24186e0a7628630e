"""The dashboard over published schemas of a real PostgreSQL, and pages stored in it."""

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from servers.child_process import free_port
from servers.published_tables import PASSWORD, PERSON, publish_to_postgres, write_copy
from sqlalchemy import URL, func, select
from starlette.testclient import TestClient

from lakehouse.dashboard.access import Access
from lakehouse.dashboard.app import dashboard_app
from lakehouse.dashboard.site import Site
from lakehouse.errors import PagesNotStored, PublicationUnreadable, SettingsInvalid
from lakehouse.quality.masking import MASK
from lakehouse.reports.page_store.chosen_store import page_reader, page_stores
from lakehouse.settings import Settings

pytestmark = pytest.mark.integration
Publish = Callable[..., Path]
READER, READERS_PASSWORD = "dashboard_reader", "lector-Ñ/muy@secreto"


def settings_for(home: Path, url: URL) -> Settings:
    return Settings(home=home, serving_url=url.render_as_string(hide_password=False))


@pytest.fixture
def settings(tmp_path: Path, postgres_database: URL) -> Settings:
    return settings_for(tmp_path / "home", postgres_database)


@pytest.fixture
def publish(tmp_path: Path, postgres_database: URL) -> Publish:
    def _publish(domain: str, number: int = 1) -> Path:
        copy = write_copy(tmp_path / "copies", domain, number)
        publish_to_postgres(postgres_database, copy)
        return copy

    return _publish


@pytest.fixture
def admin(postgres_database: URL) -> Iterator[psycopg.Connection]:
    plain = postgres_database.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as session:
        yield session


def logged_in(settings: Settings) -> TestClient:
    app = dashboard_app(Site.of(settings), Access(SecretStr(PASSWORD)))
    client = TestClient(app, follow_redirects=False)
    assert client.post("/login", data={"password": PASSWORD}).status_code == 303
    return client


def page_without_time(client: TestClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.text


def test_pages_and_files_are_those_of_the_serving_copy(
    settings: Settings, publish: Publish, tmp_path: Path
) -> None:
    for domain in ("olist", "techstore", "pharma_latam"):
        publish(domain)
    on_postgres = logged_in(settings)
    on_copies = logged_in(Settings(home=tmp_path / "home", serving_dir=tmp_path / "copies"))
    for path in (
        "/",
        "/domains/olist",
        "/domains/techstore?from=2025-08-01",
        "/domains/olist/tables",
        "/domains/pharma_latam/tables",
    ):
        assert page_without_time(on_postgres, path) == page_without_time(on_copies, path), path
    for path in (
        "/domains/techstore/tables/consume/top_clientes.csv",
        "/domains/techstore/tables/consume/revenue_mensual.csv",
        "/domains/olist/tables/core/fct_orders.csv",
        "/domains/olist/figures/painel_executivo/gmv_por_mes.csv",
    ):
        theirs, ours = on_postgres.get(path), on_copies.get(path)
        assert theirs.status_code == 200
        assert sorted(theirs.text.splitlines()) == sorted(ours.text.splitlines()), path
    masked = on_postgres.get("/domains/techstore/tables/consume/top_clientes").text
    assert MASK in masked
    assert PERSON not in masked


def test_one_page_sees_one_publication_and_the_next_page_the_next(
    settings: Settings, publish: Publish
) -> None:
    publish("olist", 1)
    data = Site.of(settings).data
    with data.open("olist") as publication:
        tables = publication.tables
        queries = [
            select(func.sum(tables["marts.mart_executive_dashboard"].clause.c["orders"])),
            select(func.sum(tables["core.fct_orders"].clause.c["days_to_deliver"])),
        ]
        first = publication.rows(queries[0])
        next_one = threading.Thread(target=publish, args=("olist", 2))
        next_one.start()
        next_one.join(1.0)
        assert next_one.is_alive(), "a publication waits for who is reading its tables"
        of_first = [first, publication.rows(queries[1])]
    next_one.join(30)
    assert not next_one.is_alive()
    with data.open("olist") as publication:
        of_second = [publication.rows(query) for query in queries]
    data.close()
    assert of_first[0] != of_second[0]
    assert of_first[1] != of_second[1]


def test_pages_go_on_while_publications_follow_one_another(
    settings: Settings, publish: Publish
) -> None:
    publish("olist", 1)
    client = logged_in(settings)
    data = Site.of(settings).data
    stop, seen = threading.Event(), set()

    def read() -> None:
        while not stop.is_set():
            with data.open("olist") as publication:
                pair = tuple(
                    publication.rows(select(func.sum(publication.tables[name].clause.c[column])))[0]
                    for name, column in (
                        ("marts.mart_executive_dashboard", "orders"),
                        ("marts.mart_delivery_metrics", "late_orders"),
                        ("marts.mart_geographic_analysis", "gmv"),
                    )
                )
            seen.add(pair)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for one in readers:
        one.start()
    for number in range(2, 6):
        publish("olist", number)
        assert client.get("/domains/olist").status_code == 200
    stop.set()
    for one in readers:
        one.join(30)
    data.close()
    # sum(10 + i * n), sum(i * n), 2 * 100 * n: each triple is of one publication.
    expected = {((600 + 1770 * n,), (630 * n,), (200 * n,)) for n in range(1, 6)}
    assert seen <= expected
    assert len(seen) > 1


def test_a_reader_with_rights_on_one_domain_sees_that_one(
    tmp_path: Path, postgres_database: URL, publish: Publish, admin: psycopg.Connection
) -> None:
    publish("olist")
    publish("techstore")
    admin.execute(f"drop role if exists {READER}")
    admin.execute(f"create role {READER} login password '{READERS_PASSWORD}'")
    try:
        for schema in ("olist_marts", "olist_core"):
            admin.execute(f"grant usage on schema {schema} to {READER}")
            admin.execute(f"grant select on all tables in schema {schema} to {READER}")
        url = postgres_database.set(username=READER, password=READERS_PASSWORD)
        client = logged_in(settings_for(tmp_path / "home", url))
        overview = client.get("/").text
        assert "olist" in overview
        assert "techstore" not in overview
        assert "Nobody noted when this was published" in overview
        assert client.get("/domains/olist").status_code == 200
        assert client.get("/domains/techstore").status_code == 404
        assert client.get("/reports/index.html").status_code in (404, 503)
    finally:
        admin.execute(f"drop owned by {READER}")
        admin.execute(f"drop role {READER}")


def test_a_wrong_password_and_a_dead_server_are_said_without_the_secret(
    tmp_path: Path, postgres_database: URL, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "clave-equivocada-Ñandú/1"
    for url in (
        postgres_database.set(password=secret),
        postgres_database.set(password=secret, port=free_port()),
        postgres_database.set(database="no_such_database"),
    ):
        client = logged_in(settings_for(tmp_path / "home", url))
        for path in ("/", "/domains/olist", "/reports/index.html", "/domains/olist/tables/a/b.csv"):
            answer = client.get(path)
            assert answer.status_code == 503
            assert "This cannot be shown now" in answer.text
            assert "ALJIBE_SERVING_URL" in answer.text
            assert "Traceback" not in answer.text
            for shown in (answer.text, caplog.text):
                assert secret not in shown
                assert str(postgres_database.password) not in shown
        assert client.get("/health").status_code == 200
    assert "ALJIBE_SERVING_URL" in caplog.text


def test_a_server_that_comes_back_needs_no_restart(
    settings: Settings, publish: Publish, admin: psycopg.Connection
) -> None:
    publish("olist")
    client = logged_in(settings)
    assert client.get("/domains/olist").status_code == 200
    admin.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where application_name = 'aljibe-dashboard'"
    )
    assert client.get("/domains/olist").status_code == 200


def test_a_publication_that_holds_its_tables_is_said(
    settings: Settings, publish: Publish, admin: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish("olist")
    monkeypatch.setattr("lakehouse.dashboard.postgres_publication._LOCK_SECONDS", 0.5)
    with admin.transaction():
        admin.execute("lock table olist_core.fct_orders in access exclusive mode")
        with (
            pytest.raises(PublicationUnreadable, match="are being replaced"),
            Site.of(settings).data.open("olist"),
        ):
            pytest.fail("it was opened")


def test_an_address_that_is_no_postgresql_is_refused_at_the_start(tmp_path: Path) -> None:
    for url in ("mysql://a:b@127.0.0.1/x", "no url"):
        with pytest.raises(SettingsInvalid, match="ALJIBE_SERVING_URL"):
            Site.of(Settings(home=tmp_path, serving_url=SecretStr(url)))


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
    settings: Settings, publish: Publish
) -> None:
    publish("olist")
    write_reports(settings.reports, index_html="<p>all</p>", olist__index_html="<p>olist</p>")
    (settings.root / "audit.db").write_text("secret")
    (store,) = page_stores(settings)
    store.store(settings.reports, "olist")
    (settings.reports / "index.html").write_text("only on this disk")
    client = logged_in(settings)
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
