"""Compact the lakes of the domains, and let their old snapshots go."""

from datetime import UTC, datetime

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from lakehouse.retention.tidy_warehouse import needs_tidying
from lakehouse.retention.tidy_warehouse import tidy_warehouse as tidy
from lakehouse.settings import load_settings
from lakehouse.source_catalog import known_domains
from tasks.policies import transient_retries


@task(name="find-untidy", cache_policy=NO_CACHE, **transient_retries)
def domains_to_tidy() -> list[str]:
    """Domains whose warehouse gathers what has to be removed; none where they are files."""
    settings = load_settings()
    return [one for one in known_domains(settings.project_dir) if needs_tidying(settings, one)]


@task(
    name="tidy-warehouse", task_run_name="tidy {domain}", cache_policy=NO_CACHE, **transient_retries
)
def tidy_warehouse(domain: str) -> str:
    """Tidy one of them; the flow that calls it is the domain's writer.

    Returns:
        What was done, in words.
    """
    done = f"{domain}: {tidy(load_settings(), domain, datetime.now(UTC))}"
    get_run_logger().info("%s.", done)
    return done
