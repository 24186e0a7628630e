"""Which stores the settings name."""

from lakehouse.publish.serving_engine import serving_engine
from lakehouse.reports.page_store.bucket_pages import BucketPages
from lakehouse.reports.page_store.local_pages import LocalPages
from lakehouse.reports.page_store.pages import PageReader, PageStore
from lakehouse.reports.page_store.postgres_pages import PostgresPages
from lakehouse.settings import Settings

_STATEMENT_SECONDS = 60.0


def page_stores(settings: Settings) -> list[PageStore]:
    """Stores that the pages of a run are copied to; none if neither is set.

    Raises:
        SettingsInvalid: an address cannot be used.
    """
    stores: list[PageStore] = []
    if settings.serving_url:
        engine = serving_engine(
            settings.serving_url, name="aljibe-pages", statement_seconds=_STATEMENT_SECONDS
        )
        stores.append(PostgresPages(engine))
    if settings.reports_target:
        stores.append(BucketPages(settings.reports_target))
    return stores


def page_reader(settings: Settings) -> PageReader:
    """Where the dashboard reads pages: PostgreSQL, else the target, else this machine's folder.

    Raises:
        SettingsInvalid: an address cannot be used.
    """
    stores = page_stores(settings)
    return stores[0] if stores else LocalPages(settings.reports)
