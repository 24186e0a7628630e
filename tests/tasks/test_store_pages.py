"""Pages are copied to the database that the tables are published to."""

import pytest
from prefect.logging import disable_run_logger
from sqlalchemy import make_url

from lakehouse.errors import PrefectUnavailable
from lakehouse.settings import Settings
from tasks import store_pages as module

OWN, SAVED = "postgresql://a:x@own.example.com/serving", "postgresql://b:p%40ss@saved.example.com/s"


@pytest.mark.parametrize(
    ("saved", "wanted"),
    [(SAVED, SAVED), (None, None), (PrefectUnavailable("it does not answer"), OWN)],
)
def test_a_saved_block_says_where_pages_go_as_it_does_for_tables(
    tmp_path, monkeypatch, saved, wanted
):
    asked = []

    def found(_settings):
        if isinstance(saved, Exception):
            raise saved
        return make_url(saved) if saved else None

    def stores(settings):
        asked.append(settings.serving_url and settings.serving_url.get_secret_value())
        return []

    monkeypatch.setattr(module, "serving_database_url", found)
    monkeypatch.setattr(module, "page_stores", stores)
    with disable_run_logger():
        assert module.store_pages("olist", Settings(home=tmp_path, serving_url=OWN)) == []
    assert asked == [wanted]
