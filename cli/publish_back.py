"""`aljibe publish-back`: roll a domain back or release it; Prefect need not be up."""

import getpass
import sys

from lakehouse.lake.audit_database import audit_engine
from lakehouse.lake.file_lock import Holder
from lakehouse.lake.writer_lock import domain_writer
from lakehouse.publish.postgres.publication import ServingDatabase
from lakehouse.publish.publication_hold import release as release_hold
from lakehouse.publish.roll_back import roll_back
from lakehouse.settings import Settings
from lakehouse.source_catalog import load_catalog


def publish_back(
    settings: Settings, domain: str, reason: str, build_id: str | None, *, release: bool
) -> None:
    """Roll back and print what readers have, or release.

    Raises:
        DomainUnknown: there is no such domain.
        RollBackRefused: there is nothing to go back to.
        LockWaitTooLong: a run writes the domain for too long.
    """
    load_catalog(settings.project_dir, domain)
    if release:
        was_held = release_hold(audit_engine(settings), domain)
        print(f"{domain} {'is released: the next run publishes' if was_held else 'was not held'}.")
        return
    database = _database(settings)
    run = "aljibe publish-back"
    with domain_writer(settings, domain, run, on_wait=_waiting, on_left_behind=_left):
        done = roll_back(settings, domain, reason, _user(), build_id, database=database)
    print(
        f"Readers of {domain} have what was published at {done.published_at:%Y-%m-%d %H:%M} UTC: "
        f"{len(done.tables)} tables, {sum(done.tables.values())} rows."
    )
    print(f"{done.hold}.")


def _database(settings: Settings) -> ServingDatabase | None:
    from blocks.serving_database import serving_database_url
    from cli.prefect_environment import api_is_configured

    url = serving_database_url(settings, saved=api_is_configured())
    if url is None:
        return None
    return ServingDatabase.of(settings, url)


def _waiting(holder: Holder | None) -> None:
    print(f"Waiting: it is being written by {holder or 'an unnamed process'}.", file=sys.stderr)


def _left(holder: Holder) -> None:
    print(f"The last writer died without an end: {holder}.", file=sys.stderr)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        # A container's user need not have a name.
        return "aljibe"
