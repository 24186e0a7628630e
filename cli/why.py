"""`aljibe why FILE`: what became of a file, or why no run takes it."""

import sys
from contextlib import closing

from blocks.file_stores import open_file_store
from lakehouse.errors import AljibeError
from lakehouse.lake.raw_lake import RawLake
from lakehouse.settings import Settings
from lakehouse.source_catalog import Table, known_domains, load_catalog
from lakehouse.watch.domain_watch import FOLDERS
from lakehouse.watch.why_file import Reason, name_fits, why_file


def why(settings: Settings, name: str, domain: str | None) -> bool:
    """Print a line for each table that asks for such a name.

    Args:
        settings: of this machine.
        name: of the file, without its folder.
        domain: only this one; None looks through all.

    Returns:
        Whether the file is in the lake or the next run takes it.
    """
    domains = [domain] if domain else known_domains(settings.project_dir)
    tables = [
        (one, table)
        for one in domains
        for table in load_catalog(settings.project_dir, one).tables
        if table.connector in FOLDERS
    ]
    fitting = [(one, table) for one, table in tables if name_fits(table, name)]
    if not fitting:
        print(f"{ascii(name)[1:-1]}: no table asks for this name. They ask for:")
        for one, table in tables:
            print(f"  {one}, {table.full_name}: {table.meta.pattern or table.meta.regex}")
        return False
    reasons = [reason for _, table in fitting if (reason := _reason(table, name, settings))]
    for reason in reasons:
        print(f"{reason.table}: {reason.text}.")
    return any(reason.taken for reason in reasons)


def _reason(table: Table, name: str, settings: Settings) -> Reason | None:
    try:
        with closing(open_file_store(table, settings)) as store:
            return why_file(store, table, name, RawLake.of(settings))
    except AljibeError as error:
        print(f"{table.full_name}: {error}", file=sys.stderr)
        return None
