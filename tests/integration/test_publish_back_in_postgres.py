"""A roll back where readers are on PostgreSQL too: both show the earlier one, or neither."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from servers.published_domain import PublishedDomain
from sqlalchemy import URL

from lakehouse.errors import ServingUnavailable
from lakehouse.lake.audit_database import audit_engine, release_audit_engine
from lakehouse.publish.kept_copies import keep_copy
from lakehouse.publish.postgres.publication import ServingDatabase
from lakehouse.publish.publication_log import PublicationLog
from lakehouse.publish.roll_back import roll_back
from lakehouse.publish.serving_copy import PublishedTable
from lakehouse.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    made = Settings(home=tmp_path / "home")
    yield made
    release_audit_engine(made)


@pytest.fixture
def shop(settings: Settings, postgres_database: URL) -> PublishedDomain:
    """Two publications of a table with exact types and comments; the second one is bad."""
    made = PublishedDomain(postgres_database, settings.root)
    table = PublishedTable("marts", "sales", "Sales of the shop", {"total": "In dollars"})
    log = PublicationLog(audit_engine(settings))
    for build, total in (("build 1", "10.25"), ("build 2", "0.01")):
        made.build(
            "create or replace table marts.sales as select 1 as id, "
            f"{total}::decimal(18, 2) as total, timestamptz '2026-01-31 12:00:00+00' as at"
        )
        if made.serving.is_file():
            keep_copy(made.serving, "build 1")
        made.publish(table)
        log.record("shop", build, {"marts.sales": 1}, None)
    return made


def read(shop: PublishedDomain) -> tuple[object, object]:
    with duckdb.connect(str(shop.serving), read_only=True) as connection:
        in_copy = connection.execute("select total::varchar from marts.sales").fetchone()
    return in_copy[0], shop.run("select total::text from shop_marts.sales")[0][0]


def test_both_show_what_was_published_before(shop, settings):
    shop.run("create view best as select max(total) as total from shop_marts.sales")
    assert read(shop) == ("0.01", "0.01")
    database = ServingDatabase(shop.url, shop.extensions)
    assert roll_back(settings, "shop", "bad", "ana", database=database).build_id == "build 1"
    assert read(shop) == ("10.25", "10.25")
    assert shop.run("select total::text from best") == [("10.25",)]
    assert shop.run("select obj_description('shop_marts.sales'::regclass)") == [
        ("Sales of the shop",)
    ]
    roll_back(settings, "shop", "it was good", "ana", "build 2", database=database)
    assert read(shop) == ("0.01", "0.01")


def test_readers_in_the_way_leave_both_as_they_are(shop, settings):
    database = ServingDatabase(shop.url, shop.extensions, lock_seconds=1)
    with shop.connect() as reader, reader.transaction():
        reader.execute("select * from shop_marts.sales")
        with pytest.raises(ServingUnavailable):
            roll_back(settings, "shop", "bad", "ana", database=database)
    assert read(shop) == ("0.01", "0.01")
    roll_back(settings, "shop", "bad", "ana", database=database)
    assert read(shop) == ("10.25", "10.25")
