"""Give readers an earlier publication of a domain, and hold the domain there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from lakehouse.errors import RollBackRefused
from lakehouse.lake.audit_database import audit_engine
from lakehouse.publish.kept_copies import keep_copy, kept_builds, kept_copy, put_back
from lakehouse.publish.publication_hold import PublicationHold, hold
from lakehouse.publish.publication_log import Publication, PublicationLog
from lakehouse.settings import Settings
from lakehouse.sql_quoting import sql_identifier


@dataclass(frozen=True)
class RolledBack:
    """What readers have now.

    Attributes:
        published_at: when it was published before, UTC.
        tables: rows by `schema.table`.
        hold: keeps runs from publishing the newer build again.
    """

    build_id: str
    published_at: datetime
    tables: Mapping[str, int]
    hold: PublicationHold


def choose_earlier(
    log: PublicationLog, serving: Path, domain: str, build_id: str | None
) -> tuple[Publication, Publication]:
    """Find the publication that readers have and the one to go back to.

    Args:
        log: of publications.
        serving: where readers look.
        domain: name of the domain.
        build_id: the one to go back to; default the one before that readers have.

    Raises:
        RollBackRefused: nothing was published, or no copy of it is kept; says which are.
    """
    current, published = log.last(domain), log.builds(domain)
    if current is None:
        raise RollBackRefused(f"{domain} was never published: there is nothing to go back to.")
    kept = kept_builds(serving)
    if build_id:
        earlier = [one for one in published if one.build_id == build_id]
    else:
        ids = [one.build_id for one in published]
        earlier = published[ids.index(current.build_id) + 1 :]
    for one in earlier:
        if one.build_id in kept:
            return current, one
    there = [
        f"{one.build_id} of {one.published_at:%Y-%m-%d %H:%M}"
        for one in published
        if one.build_id in kept and one.build_id != current.build_id
    ]
    raise RollBackRefused(
        f"{domain}: no copy of {build_id or 'an earlier publication'} is kept. "
        + (f"Kept are {', '.join(there)}. " if there else "")
        + "Discard or correct the delivery that is wrong and run the domain again."
    )


def roll_back(
    settings: Settings, domain: str, reason: str, by: str, build_id: str | None = None
) -> RolledBack:
    """Put back an earlier serving copy; the caller is the domain's writer.

    The hold comes first and the note of the publication last, so that a death between them is
    completed by the same command.

    Raises:
        RollBackRefused: see `choose_earlier`; or the copy does not hold what was published.
    """
    engine, serving = audit_engine(settings), settings.serving(domain)
    log = PublicationLog(engine)
    current, earlier = choose_earlier(log, serving, domain, build_id)
    _assert_whole(kept_copy(serving, earlier.build_id), earlier)
    held = hold(engine, domain, current.build_id, reason, by)
    keep_copy(serving, current.build_id)
    put_back(serving, earlier.build_id)
    log.record(domain, earlier.build_id, earlier.tables, None)
    return RolledBack(earlier.build_id, earlier.published_at, earlier.tables, held)


def _assert_whole(copy: Path, published: Publication) -> None:
    try:
        with duckdb.connect(str(copy), read_only=True) as connection:
            rows = {name: _count(connection, name) for name in published.tables}
    except duckdb.Error as error:
        cause = str(error).partition("\n")[0]
        raise RollBackRefused(f"{copy} cannot be read: {cause}.") from None
    wrong = [name for name, count in published.tables.items() if rows[name] != count]
    if wrong:
        raise RollBackRefused(f"{copy} does not hold what was published of {', '.join(wrong)}.")


def _count(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    schema, _, table = name.partition(".")
    row = connection.execute(
        f"select count(*) from {sql_identifier(schema)}.{sql_identifier(table)}"
    ).fetchone()
    return int(row[0]) if row else 0
