"""The data catalog of a domain, made anew when its models changed."""

from collections.abc import Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from lakehouse.reports.pages.places import catalog_path
from lakehouse.settings import load_settings
from lakehouse.transform.dbt_command import DbtBuild
from lakehouse.transform.dbt_docs import build_catalog
from tasks.run_dbt import resolved_profiles


def build_data_catalog(build: DbtBuild, keep_open: Sequence[int]) -> list[str]:
    """Make the catalog, unless the settings leave it out; what goes wrong is a warning of the run.

    Args:
        build: a build that dbt has ended.
        keep_open: descriptors of locks that dbt has to hold as long as it lives.
    """
    if not load_settings().data_catalog:
        return []
    made = make_catalog(build, keep_open, return_state=True)
    if made.is_completed():
        return []
    return [f"the data catalog could not be made: {made.message}"]


@task(name="data-catalog", task_run_name="catalog of {build.domain}", cache_policy=NO_CACHE)
def make_catalog(build: DbtBuild, keep_open: Sequence[int]) -> None:
    """Make the catalog beside the pages of the reports, unless the one there still holds."""
    settings = load_settings()
    with resolved_profiles(build) as profiles:
        build_catalog(
            build,
            profiles,
            catalog_path(settings.reports, build.domain),
            timeout=settings.dbt_timeout_seconds,
            on_line=lambda line: get_run_logger().debug("%s", line.text),
            keep_open=keep_open,
        )
