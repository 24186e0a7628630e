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
from lakehouse.errors import PublicationUnreadable, SettingsInvalid
from lakehouse.quality.masking import MASK
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


def test_what_others_made_in_the_database_is_not_shown(
    settings: Settings, publish: Publish, admin: psycopg.Connection
) -> None:
    publish("techstore")
    admin.execute(
        "create table techstore_consume.copied as select cliente as quien "
        "from techstore_consume.top_clientes"
    )
    admin.execute("create view techstore_consume.seen as select * from techstore_consume.copied")
    admin.execute("create schema techstore_scratch")
    admin.execute("create table techstore_scratch.mine as select 1 as one")
    client = logged_in(settings)
    tables = client.get("/domains/techstore/tables").text
    assert "top_<wbr>clientes" in tables
    for name in ("copied", "seen", "scratch", "mine"):
        assert name not in tables
    for path in ("consume/copied", "consume/copied.csv", "scratch/mine"):
        answer = client.get(f"/domains/techstore/tables/{path}")
        assert answer.status_code == 404
        assert PERSON not in answer.text


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


def test_values_that_python_has_not_and_long_texts_are_shown(
    settings: Settings, publish: Publish, admin: psycopg.Connection
) -> None:
    publish("techstore")
    admin.execute(
        "update techstore_consume.revenue_mensual set mes = 'infinity' "
        "where mes = (select max(mes) from techstore_consume.revenue_mensual)"
    )
    admin.execute(
        "alter table techstore_consume.revenue_mensual add column moment timestamptz "
        "default '0044-03-15 12:00:00+00 BC', add column essay text"
    )
    admin.execute("update techstore_consume.revenue_mensual set essay = repeat('x', 1000000)")
    client = logged_in(settings)
    page = client.get("/domains/techstore/tables/consume/revenue_mensual")
    assert page.status_code == 200
    assert "infinity" in page.text
    assert "0044-03-15" in page.text
    assert "x" * 300 + "…" in page.text
    assert len(page.text) < 100_000
    assert client.get("/domains/techstore").status_code == 200
    file = client.get("/domains/techstore/tables/consume/revenue_mensual.csv")
    assert "infinity" in file.text
