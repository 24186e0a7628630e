"""The dashboard reads the version of a lake that was published, not what is being built."""

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from lakehouse.dashboard.lake_publication import LakeVersions
from lakehouse.dashboard.site import Site
from lakehouse.errors import NotPublished, PublicationUnreadable
from lakehouse.lake.audit_database import audit_engine
from lakehouse.lake.duckdb_session import open_warehouse
from lakehouse.lake.warehouse import version_of, warehouse_of
from lakehouse.publish.pin_warehouse import pin_warehouse
from lakehouse.publish.publication_log import PublicationLog
from lakehouse.publish.serving_copy import PublishedTable
from lakehouse.settings import Settings

pytestmark = pytest.mark.integration
DOMAIN = "pharma_latam"


@pytest.fixture
def settings(postgres_database, tmp_path) -> Settings:
    url = postgres_database.render_as_string(hide_password=False)
    return Settings(home=tmp_path / "home", target="lake", lake_catalog_url=url)


def write(settings: Settings, said: str) -> None:
    with open_warehouse(warehouse_of(settings, DOMAIN)) as connection:
        connection.execute("create schema if not exists consume")
        for table in ("sales", "hidden"):
            connection.execute(
                f"create or replace table consume.{table} as "
                f"select range as id, '{said}' as said from range(3)"
            )


def publish(settings: Settings) -> None:
    tables = [PublishedTable("consume", "sales", "What was sold.", {"said": "By whom."})]
    shown = pin_warehouse(warehouse_of(settings, DOMAIN), tables)
    PublicationLog(audit_engine(settings)).record(
        DOMAIN, "b1", {"consume.sales": 3}, None, warehouse_version=version_of(shown)
    )


def test_pages_show_what_was_published_and_nothing_of_the_next_build(settings):
    data = Site.of(settings).data
    assert isinstance(data, LakeVersions)
    assert data.domains() == []
    write(settings, "first")
    with pytest.raises(NotPublished), data.open(DOMAIN):
        pass
    publish(settings)
    with data.open(DOMAIN) as open_before:
        write(settings, "second")
        with data.open(DOMAIN) as opened:
            assert data.domains() == [DOMAIN]
            assert list(opened.tables) == ["consume.sales"]
            table = opened.tables["consume.sales"]
            assert table.description == "What was sold."
            assert [one.description for one in table.columns] == ["", "By whom."]
            query = select(table.clause.c.said).order_by(table.clause.c.id)
            assert [tuple(row) for row in opened.rows(query)] == [("first",)] * 3
            assert [len(batch) for batch in opened.batches(query)] == [3]
        publish(settings)
        assert [tuple(row) for row in open_before.rows(query)] == [("first",)] * 3
    with data.open(DOMAIN) as opened:
        assert [tuple(row) for row in opened.rows(query)] == [("second",)] * 3


def test_a_catalog_that_is_away_is_a_page_that_says_so(settings):
    write(settings, "first")
    publish(settings)
    away = SecretStr("postgresql://aljibe@127.0.0.1:9/lake")
    data = LakeVersions(settings.model_copy(update={"lake_catalog_url": away}))
    with pytest.raises(PublicationUnreadable, match="lake pharma_latam"), data.open(DOMAIN):
        pass
