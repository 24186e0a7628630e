import pytest

from blocks.serving_database import serving_database_url
from lakehouse.errors import BlockInvalid
from lakehouse.settings import Settings


def make_settings(tmp_path, url=None) -> Settings:
    return Settings(home=tmp_path, serving_url=url)


def test_without_a_setting_nothing_is_published_to_a_database(tmp_path, monkeypatch):
    monkeypatch.delenv("ALJIBE_SERVING_URL", raising=False)
    assert serving_database_url(make_settings(tmp_path), saved=False) is None


def test_the_setting_names_the_database_and_never_shows_its_password(tmp_path):
    settings = make_settings(tmp_path, "postgresql://pub:p%40ss@db.example.com:5433/serving")
    url = serving_database_url(settings, saved=False)
    assert (url.host, url.port, url.database, url.password) == (
        *("db.example.com", 5433, "serving"),
        "p@ss",
    )
    assert "p@ss" not in repr(settings) + repr(url)
    assert "p%40ss" not in repr(settings) + repr(url)


@pytest.mark.parametrize("url", ["sqlite:////tmp/a.db", "postgresql://db.example.com"])
def test_another_kind_of_database_is_refused(tmp_path, url):
    with pytest.raises(BlockInvalid, match="has to name a PostgreSQL database"):
        serving_database_url(make_settings(tmp_path, url), saved=False)
