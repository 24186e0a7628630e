"""Give readers an earlier publication of a domain, and hold the domain there."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lakehouse.errors import PublishRefused, RollBackRefused
from lakehouse.lake.audit_database import audit_engine
from lakehouse.publish.kept_copies import keep_copy, kept_builds, kept_copy
from lakehouse.publish.postgres.publication import ServingDatabase, prepared_publication
from lakehouse.publish.publication_hold import PublicationHold, hold
from lakehouse.publish.publication_log import Publication, PublicationLog
from lakehouse.publish.serving_copy import PreparedCopy, kept_again
from lakehouse.settings import Settings


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
    settings: Settings,
    domain: str,
    reason: str,
    by: str,
    build_id: str | None = None,
    *,
    database: ServingDatabase | None = None,
    run_id: str | None = None,
) -> RolledBack:
    """Put back an earlier publication; the caller is the domain's writer.

    The hold comes first and the note of the publication last, so that a death between them is
    completed by the same command. PostgreSQL gets the tables of the kept copy as in any
    publication, and commits before the file moves.

    Raises:
        RollBackRefused: see `choose_earlier`; or the copy does not hold what was published.
        ServingRefused, ServingUnavailable: PostgreSQL does not take it; readers keep what they
            have, in both places.
    """
    engine, serving = audit_engine(settings), settings.serving(domain)
    log = PublicationLog(engine)
    current, earlier = choose_earlier(log, serving, domain, build_id)
    with _whole_copy(serving, earlier) as copy:
        held = hold(engine, domain, current.build_id, reason, by)
        keep_copy(serving, current.build_id)
        if database is None:
            copy.put_in_place()
        else:
            with prepared_publication(database, domain, earlier.build_id, copy) as publication:
                publication.commit(run_id)
                copy.put_in_place()
    log.record(
        domain,
        earlier.build_id,
        earlier.tables,
        run_id,
        warehouse_version=earlier.warehouse_version,
    )
    return RolledBack(earlier.build_id, earlier.published_at, earlier.tables, held)


@contextmanager
def _whole_copy(serving: Path, published: Publication) -> Iterator[PreparedCopy]:
    kept = kept_copy(serving, published.build_id)
    try:
        with kept_again(kept, serving) as copy:
            if copy.rows != dict(published.tables):
                wrong = sorted(
                    name for name, _ in copy.rows.items() ^ dict(published.tables).items()
                )
                raise RollBackRefused(
                    f"{kept} does not hold what was published of {', '.join(dict.fromkeys(wrong))}."
                )
            yield copy
    except PublishRefused as error:
        raise RollBackRefused(str(error)) from None
