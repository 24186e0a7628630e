"""Pages in the schema `aljibe_reports` of the serving database; a run's pages change as one."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Engine,
    LargeBinary,
    MetaData,
    Table,
    Text,
    delete,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError, ProgrammingError

from lakehouse.errors import PagesNotStored
from lakehouse.publish.serving_engine import cause_of, shown
from lakehouse.reports.page_store.pages import (
    Page,
    PagesStored,
    folder_prefix,
    is_page,
    pages_in,
)

SCHEMA = "aljibe_reports"
_LOCK = 0x616C6A70616765  # "aljpage"
_UNDEFINED_TABLE = "42P01"
_pages = Table(
    "pages",
    MetaData(schema=SCHEMA),
    Column("path", Text, primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
)


class PostgresPages:
    """Reads and stores pages in one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def store(self, folder: Path, domain: str | None) -> PagesStored:
        """See `PageStore`; all of it is one transaction."""
        with self._explained("stored in"), self._engine.begin() as connection:
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            _make_table(connection)
            known = _known(connection, domain)
            written = unchanged = 0
            for path, file in pages_in(folder, domain):
                page = Page.of(file.read_bytes())
                if known.pop(path, None) == page.sha256:
                    unchanged += 1
                else:
                    _put(connection, path, page)
                    written += 1
            gone = [path for path in known if "/" in path]
            for path in gone:
                connection.execute(delete(_pages).where(_pages.c.path == path))
        return PagesStored(written, unchanged, len(gone))

    def read(self, path: str) -> Page | None:
        """See `PageReader`."""
        if not is_page(path):
            return None
        query = select(_pages.c.content, _pages.c.sha256, _pages.c.changed_at)
        with self._explained("read from"), self._engine.connect() as connection:
            try:
                row = connection.execute(query.where(_pages.c.path == path)).first()
            except ProgrammingError as error:
                if getattr(error.orig, "sqlstate", None) == _UNDEFINED_TABLE:
                    return None
                raise
        return Page(bytes(row.content), row.sha256, row.changed_at) if row else None

    def paths(self, domain: str) -> list[str]:
        """See `PageReader`."""
        query = select(_pages.c.path).where(
            _pages.c.path.startswith(folder_prefix(domain), autoescape=True)
        )
        with self._explained("read from"), self._engine.connect() as connection:
            if not _exists(connection):
                return []
            return sorted(connection.scalars(query))

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise PagesNotStored(
                f"The pages could not be {what} {shown(self._engine)}: {cause_of(error)}. "
                f"Check ALJIBE_SERVING_URL and what its user may do with the schema {SCHEMA}."
            ) from None
        except OSError as error:
            raise PagesNotStored(f"A page could not be read: {error}.") from error


def _exists(connection: Connection) -> bool:
    return bool(connection.scalar(text("select to_regclass(:name)"), {"name": f"{SCHEMA}.pages"}))


def _make_table(connection: Connection) -> None:
    # Making what is there asks for rights that a user who only writes pages need not have.
    if not _exists(connection):
        connection.execute(text(f"create schema if not exists {SCHEMA}"))
        _pages.create(connection)


def _known(connection: Connection, domain: str | None) -> dict[str, str]:
    is_own = ~_pages.c.path.contains("/")
    if domain is not None:
        is_own |= _pages.c.path.startswith(folder_prefix(domain), autoescape=True)
    rows = connection.execute(select(_pages.c.path, _pages.c.sha256).where(is_own))
    return {row.path: row.sha256 for row in rows}


def _put(connection: Connection, path: str, page: Page) -> None:
    values: Mapping[str, object] = {
        "content": page.content,
        "sha256": page.sha256,
        "changed_at": func.now(),
    }
    connection.execute(
        insert(_pages)
        .values(path=path, **values)
        .on_conflict_do_update(index_elements=[_pages.c.path], set_=values)
    )
