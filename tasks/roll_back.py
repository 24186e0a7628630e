"""Roll a domain back, or release it, with a line that says what readers have now."""

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from blocks.serving_database import serving_database_url
from lakehouse.lake.audit_database import audit_engine
from lakehouse.publish.postgres.publication import ServingDatabase
from lakehouse.publish.publication_hold import release
from lakehouse.publish.roll_back import roll_back
from lakehouse.settings import load_settings


@task(name="roll-back", task_run_name="roll back {domain}", cache_policy=NO_CACHE)
def roll_back_serving(domain: str, reason: str, by: str, build_id: str | None) -> str:
    """Put back an earlier publication; the flow that calls it is the domain's writer.

    Raises:
        RollBackRefused: there is none.
        ServingRefused, ServingUnavailable: PostgreSQL does not take it.
    """
    settings = load_settings()
    url = serving_database_url(settings)
    database = url and ServingDatabase.of(settings, url)
    run_id = flow_run.get_id()
    done = roll_back(settings, domain, reason, by, build_id, database=database, run_id=run_id)
    return (
        f"{domain}: readers have what was published at {done.published_at:%Y-%m-%d %H:%M} UTC, "
        f"{len(done.tables)} tables, {sum(done.tables.values())} rows. {done.hold}"
    )


@task(name="release-hold", task_run_name="release {domain}", cache_policy=NO_CACHE)
def release_hold(domain: str) -> str:
    """Let runs publish a domain again."""
    was_held = release(audit_engine(load_settings()), domain)
    return f"{domain} {'is released: the next run publishes' if was_held else 'was not held'}"
