"""`aljibe profile-source`: what to know of a database before its first load."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from lakehouse.connectors.database.profile import TableProfile, profile_tables
from lakehouse.scaffold.profiled_source import source_yaml
from lakehouse.settings import load_settings

_DOMAIN = "my_domain"


def profile_source(
    origin: str, tables: Sequence[str], *, domain: str | None, rows: int, only_yaml: bool
) -> None:
    """Look at the tables and print hazards and the source's YAML.

    Args:
        origin: database URL, or name of a database block.
        tables: to look at; empty for all.
        domain: for the names in the YAML.
        rows: of each table that are looked at, at most.
        only_yaml: print nothing else.

    Raises:
        AljibeError: no such block or table, or the database cannot be reached.
    """
    from blocks.database import database_url
    from blocks.database_url import parsed_url
    from cli.prefect_environment import api_is_configured

    is_url = "://" in origin
    url = (
        parsed_url(origin)
        if is_url
        else database_url(origin, load_settings(), saved=api_is_configured())
    )
    profiles = profile_tables(url, tables, sample_rows=rows)
    if not only_yaml:
        _show(profiles)
    domain = domain or _DOMAIN
    block = f"{domain.replace('_', '-')}-database" if is_url else origin
    print(source_yaml(profiles, domain, f"{domain}_database", block), end="")


def _show(profiles: Sequence[TableProfile]) -> None:
    shown = Table("table", "column", "what", "so", show_lines=False, expand=False)
    for profile in profiles:
        for hazard in profile.hazards:
            cells = (hazard.table, hazard.column or "", hazard.what, hazard.advice)
            shown.add_row(*(cell.replace("[", r"\[") for cell in cells))
    console = Console()
    if shown.row_count:
        console.print(shown)
    sampled = [profile.name for profile in profiles if profile.is_sample]
    looked = f"{len(profiles)} tables, {shown.row_count} things to know"
    if sampled:
        looked += f"; of {', '.join(sampled)} only the first rows were looked at (--rows)"
    console.print(f"# {looked}", markup=False, highlight=False, soft_wrap=True)
