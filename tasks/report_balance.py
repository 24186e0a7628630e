"""The receipt of a publication in PostgreSQL, as an artifact."""

from collections.abc import Mapping

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from lakehouse.lake.warehouse import warehouse_of
from lakehouse.publish.balance import read_balance
from lakehouse.quality.dbt_manifest import read_manifest
from lakehouse.reports.artifacts.artifact_keys import balance_key
from lakehouse.reports.artifacts.balance_table import balance_description, build_balance_table
from lakehouse.settings import load_settings
from lakehouse.source_catalog import load_catalog


def report_balance(domain: str, written: Mapping[str, int], there: Mapping[str, int]) -> list[str]:
    """Post the receipt of what was just published.

    Args:
        domain: whose tables.
        written: rows of each table in the warehouse, by `schema.table`.
        there: the same in PostgreSQL.

    Returns:
        Warnings: what does not balance, or that it could not be told.
    """
    told = tell_balance(domain, written, there, return_state=True)
    if told.is_completed():
        wrong: list[str] = told.result()
        return wrong
    return [f"the receipt of the publication could not be made: {told.message}"]


@task(name="report-balance", task_run_name="balance {domain}", cache_policy=NO_CACHE)
def tell_balance(domain: str, written: Mapping[str, int], there: Mapping[str, int]) -> list[str]:
    """Count rows from the deliveries to PostgreSQL, and post them."""
    settings = load_settings()
    catalog = load_catalog(settings.project_dir, domain)
    manifest = read_manifest(settings.dbt_target(domain))
    rows = read_balance(warehouse_of(settings, domain), catalog, manifest, written, there)
    language = settings.reports_language
    create_table_artifact(
        key=balance_key(domain),
        table=build_balance_table(rows, language),
        description=balance_description(rows, language),
    )
    return [
        f"{row.table}: {row.unaccounted} rows are unaccounted for ({row.step})"
        for row in rows
        if row.unaccounted
    ]
