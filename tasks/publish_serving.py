"""Write the serving copy, if the domain's results allow it."""

from collections.abc import Mapping

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from lakehouse.errors import PublishRefused
from lakehouse.lake.audit_database import audit_engine
from lakehouse.publish.publication_log import PublicationLog
from lakehouse.publish.serving_copy import published_tables, write_serving_copy
from lakehouse.quality.dbt_manifest import read_manifest
from lakehouse.quality.publish_gate import refuse_beyond_budget
from lakehouse.settings import load_settings
from lakehouse.transform.build_history import BuildHistory
from tasks.policies import transient_retries

_MOST_NAMED = 10


@task(
    name="publish-serving",
    task_run_name="serve {domain}",
    cache_policy=NO_CACHE,
    **transient_retries,
)
def publish_serving(domain: str) -> tuple[dict[str, int], bool]:
    """Publish the tables of the last build; nothing moves if that build is on show already.

    The flow that calls it is the domain's writer.

    Returns:
        Rows of each published table, by `schema.table`; and whether anything was replaced.

    Raises:
        PublishRefused: the last build did not end well, a node failed and was not built since, or
            a test warns beyond its budget.
        WarnBudgetInvalid: a test declares a budget that cannot be used.
    """
    settings = load_settings()
    engine = audit_engine(settings)
    history, log = BuildHistory(engine), PublicationLog(engine)
    build = history.last(domain)
    if build is None or not build.is_good:
        ended = f"ended as {build.status!r}" if build else "does not exist"
        raise PublishRefused(
            f"{domain} is not published: its last build {ended}. Readers keep the last good "
            "state. Run a build that passes first."
        )
    project = read_manifest(settings.dbt_target(domain))
    manifest = project.content
    broken = history.broken_nodes(domain, known=manifest_ids(manifest))
    if broken:
        raise PublishRefused(
            f"{domain} is not published: {in_words(broken)} when last run. Readers keep the last "
            "good state."
        )
    refuse_beyond_budget(domain, project, engine, settings.warehouse(domain))
    last, serving = log.last(domain), settings.serving(domain)
    if last and last.build_id == build.build_id and serving.is_file():
        get_run_logger().info("%s: this build is published already.", domain)
        return dict(last.tables), False
    rows = write_serving_copy(
        settings.warehouse(domain),
        serving,
        published_tables(manifest, domain),
        memory=settings.duckdb_memory,
    )
    log.record(domain, build.build_id, rows, flow_run.get_id())
    before = last.tables if last else {}
    create_table_artifact(
        key=f"publish-{domain.replace('_', '-')}",
        table=[
            {"table": name, "rows": count, "rows before": before.get(name)}
            for name, count in rows.items()
        ],
        description=f"Published from {domain} to {serving.name}.",
    )
    return rows, True


def in_words(broken: dict[str, str]) -> str:
    """Name the nodes that failed, before the many that were skipped because of them."""
    causes = sorted(name for name, status in broken.items() if status != "skipped")
    skipped = sorted(name for name, status in broken.items() if status == "skipped")
    named = causes or skipped
    text = ", ".join(named[:_MOST_NAMED])
    if len(named) > _MOST_NAMED:
        text += f" and {len(named) - _MOST_NAMED} more"
    if not causes:
        return f"{text} were skipped"
    return f"{text} failed" + (f" and {len(skipped)} nodes were skipped" if skipped else "")


def manifest_ids(manifest: Mapping[str, object]) -> set[str]:
    """Ids of every node and unit test that the project has now."""
    ids: set[str] = set()
    for part in ("nodes", "unit_tests"):
        nodes = manifest.get(part)
        ids |= set(nodes) if isinstance(nodes, Mapping) else set()
    return ids
