"""`aljibe lake`: which versions of a domain are published, how to read them, housekeeping."""

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from lakehouse.errors import SettingsInvalid
from lakehouse.settings import Settings, load_settings

if TYPE_CHECKING:
    from lakehouse.lake.file_lock import Holder
    from lakehouse.lake.lake_warehouse import LakeWarehouse

app = typer.Typer(no_args_is_help=True, help="The lake that domains are built in.")
Domain = Annotated[str, typer.Argument(help="Folder name below dbt/models/, such as pharma_latam.")]


@app.command()
def versions(domain: Domain) -> None:
    """Show the versions that were published and stay readable; the first is what readers have."""
    from rich.console import Console
    from rich.table import Table

    from lakehouse.lake.audit_database import audit_engine
    from lakehouse.publish.pinned_versions import pinned_publications
    from lakehouse.publish.publication_log import PublicationLog

    settings = load_settings()
    _lake(settings, domain)
    log = PublicationLog(audit_engine(settings))
    shown = Table("version", "published (UTC)", "build", "tables", "rows")
    for one in pinned_publications(log, domain, settings.serving_kept):
        shown.add_row(
            str(one.warehouse_version),
            f"{one.published_at:%Y-%m-%d %H:%M}",
            one.build_id,
            str(len(one.tables)),
            str(sum(one.tables.values())),
        )
    Console().print(shown)
    print("`aljibe lake sql DOMAIN --version N` shows how to read one of them.")


@app.command()
def sql(
    domain: Domain,
    version: Annotated[
        int | None, typer.Option(help="One of `aljibe lake versions`; default what readers have.")
    ] = None,
) -> None:
    """Print the SQL that attaches a published version in DuckDB; no password is in it."""
    from lakehouse.lake.audit_database import audit_engine
    from lakehouse.publish.pinned_versions import version_to_read
    from lakehouse.publish.publication_log import PublicationLog

    settings = load_settings()
    lake = _lake(settings, domain)
    log = PublicationLog(audit_engine(settings))
    shown = version_to_read(log, domain, settings.serving_kept, version)
    print(lake.at(int(shown.warehouse_version or 0)).attach_sql())


@app.command()
def tidy(domain: Domain) -> None:
    """Compact a domain's files and let old snapshots go, as the nightly retention does."""
    from lakehouse.lake.writer_lock import domain_writer
    from lakehouse.retention.tidy_warehouse import tidy_warehouse

    settings = load_settings()
    _lake(settings, domain)
    with domain_writer(
        settings, domain, "aljibe lake tidy", on_wait=_waiting, on_left_behind=_left
    ):
        print(f"{domain}: {tidy_warehouse(settings, domain, datetime.now(UTC))}.")


def _lake(settings: Settings, domain: str) -> "LakeWarehouse":
    from lakehouse.lake.lake_warehouse import LakeWarehouse
    from lakehouse.lake.warehouse import warehouse_of
    from lakehouse.source_catalog import load_catalog

    load_catalog(settings.project_dir, domain)
    warehouse = warehouse_of(settings, domain)
    if not isinstance(warehouse, LakeWarehouse):
        raise SettingsInvalid(f"{domain} is built in {warehouse}: ALJIBE_TARGET is not lake.")
    return warehouse


def _waiting(holder: "Holder | None") -> None:
    print(f"Waiting: it is being written by {holder or 'an unnamed process'}.", file=sys.stderr)


def _left(holder: "Holder") -> None:
    print(f"The last writer died without an end: {holder}.", file=sys.stderr)
