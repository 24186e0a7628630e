"""`aljibe new-source`: declare a table from a live look at it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from lakehouse.errors import AljibeError, SourceNotRecognised
from lakehouse.scaffold.declaration import Wanted, declare
from lakehouse.scaffold.look_at_file import look_at_file, name_pattern
from lakehouse.scaffold.sample import Sample
from lakehouse.scaffold.table_sample import sample_database
from lakehouse.scaffold.write_declaration import plan_files, write_files
from lakehouse.settings import Settings, load_settings
from lakehouse.source_catalog import load_catalog
from lakehouse.table_contract import NAME


@dataclass(frozen=True)
class NewSource:
    """What the command was told."""

    domain: str
    source: str
    table: str
    origin: str
    block: str | None
    connector: str | None
    relation: str | None
    load: str | None
    key: Sequence[str]
    cursor: str | None
    owner: str | None
    sheet: str | None


def new_source(asked: NewSource, *, dry_run: bool) -> None:
    """Look, write, and say what to check.

    Raises:
        AlreadyDeclared: the table or its model exists; nothing was written.
        SourceNotRecognised: the look did not show what it is.
        AljibeError: the source cannot be reached, or the result is no valid declaration.
    """
    for name in (asked.domain, asked.source, asked.table):
        if not NAME.fullmatch(name):
            raise SourceNotRecognised(
                f"{name!r} cannot be a name: lower case letters, digits and _, a letter first."
            )
    settings = load_settings()
    sample, wanted = _look(asked, settings)
    declaration = declare(sample, wanted)
    planned = plan_files(declaration, wanted, settings.project_dir)
    out, err = Console(), Console(stderr=True, soft_wrap=True)
    for file in planned:
        shown = file.path.relative_to(settings.project_dir.parent)
        out.print(f"# {shown}", style="bold", highlight=False, soft_wrap=True)
        out.print(file.added, markup=False, highlight=False, soft_wrap=True)
    if not dry_run:
        before = {f.path: f.path.read_bytes() for f in planned if f.path.exists()}
        write_files(planned)
        try:
            load_catalog(settings.project_dir, wanted.domain)
        except AljibeError:
            for file in planned:
                if file.path in before:
                    file.path.write_bytes(before[file.path])
                else:
                    file.path.unlink()
            raise
    for doubt in declaration.doubts:
        err.print(f"Check: {doubt}.", style="yellow", highlight=False, markup=False)
    todo = "Would write" if dry_run else "Wrote"
    err.print(f"{todo} {len(planned)} files. Check types, key and pii, then:", highlight=False)
    err.print(f"  declare the block {wanted.block} in blocks/blocks.yaml, if it is not there")
    err.print(f"  .venv/bin/aljibe run {wanted.domain}", highlight=False)


def _look(asked: NewSource, settings: Settings) -> tuple[Sample, Wanted]:
    file = Path(asked.origin)
    if file.is_file():
        sample = look_at_file(file, sheet=asked.sheet)
        meta: dict[str, Any] = {
            "load": asked.load or "append",
            "pattern": name_pattern(file.name),
        }
        block = asked.block or f"landing-{asked.domain.replace('_', '-')}"
        return sample, _wanted(asked, asked.connector or "files", block, meta)
    if "/" in asked.origin and "://" not in asked.origin:
        raise SourceNotRecognised(f"There is no file {asked.origin}.")
    from blocks.database import database_url
    from blocks.database_url import parsed_url
    from cli.prefect_environment import api_is_configured

    is_url = "://" in asked.origin
    url = (
        parsed_url(asked.origin)
        if is_url
        else database_url(asked.origin, settings, saved=api_is_configured())
    )
    sample = sample_database(url, asked.relation or asked.table)
    if (asked.relation or asked.table) == asked.table:
        sample = Sample({}, sample.columns, sample.dialect, sample.key, sample.doubts)
    block = f"{asked.domain.replace('_', '-')}-database" if is_url else asked.origin
    meta = {"load": asked.load or ("incremental" if asked.cursor else "snapshot")}
    if asked.cursor:
        meta["cursor"] = asked.cursor
    return sample, _wanted(asked, "database", asked.block or block, meta)


def _wanted(asked: NewSource, connector: str, block: str, meta: dict[str, Any]) -> Wanted:
    return Wanted(
        asked.domain,
        asked.source,
        asked.table,
        connector,
        block,
        asked.owner,
        meta,
        asked.key,
    )
