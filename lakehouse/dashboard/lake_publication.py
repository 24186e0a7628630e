"""Publications read from a lake, each at the snapshot that it shows; no copy is needed here."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from lakehouse.dashboard.duckdb_publication import DuckdbPublication, explained
from lakehouse.errors import NotPublished, PublicationUnreadable, TransientError, WarehouseRefused
from lakehouse.lake.audit_database import audit_engine
from lakehouse.lake.duckdb_session import open_warehouse
from lakehouse.lake.lake_warehouse import LakeWarehouse
from lakehouse.lake.warehouse import warehouse_of
from lakehouse.publish.pinned_versions import version_to_read
from lakehouse.publish.publication_log import PublicationLog
from lakehouse.settings import Settings
from lakehouse.source_catalog import known_domains
from lakehouse.sql_quoting import sql_string

_AT_ONCE = 4
_WAIT_SECONDS = 20.0


class LakeVersions:
    """The published versions of every domain in a lake; see `PublishedData`."""

    def __init__(self, settings: Settings) -> None:
        """Read what the settings name; nothing is opened yet."""
        self._settings = settings
        self._turns = BoundedSemaphore(_AT_ONCE)

    def domains(self) -> list[str]:
        """See `PublishedData`."""
        log = self._log()
        newest = {one: log.last(one) for one in known_domains(self._settings.project_dir)}
        return sorted(one for one, last in newest.items() if last and last.warehouse_version)

    @contextmanager
    def open(self, domain: str) -> Iterator[DuckdbPublication]:
        """See `PublishedData`; it stays that version, whatever is built or published meanwhile."""
        if domain not in known_domains(self._settings.project_dir):
            raise NotPublished(f"{domain} has published nothing yet.")
        shown = version_to_read(self._log(), domain, self._settings.serving_kept)
        if not self._turns.acquire(timeout=_WAIT_SECONDS):
            raise PublicationUnreadable("Too many pages are being read. Try again in a moment.")
        try:
            warehouse = warehouse_of(self._settings, domain)
            if not isinstance(warehouse, LakeWarehouse) or shown.warehouse_version is None:
                raise NotPublished(f"{domain} has published nothing from a lake yet.")
            with (
                explained(domain),
                open_warehouse(warehouse.at(shown.warehouse_version)) as connection,
            ):
                connection.execute("set threads = 1")
                memory = sql_string(self._settings.duckdb_memory)
                connection.execute(f"set memory_limit = {memory}")
                yield DuckdbPublication(domain, shown.published_at, connection, set(shown.tables))
        except (WarehouseRefused, TransientError) as error:
            raise PublicationUnreadable(str(error)) from None
        finally:
            self._turns.release()

    def close(self) -> None:
        """See `PublishedData`; nothing is kept open."""

    def _log(self) -> PublicationLog:
        return PublicationLog(audit_engine(self._settings))
