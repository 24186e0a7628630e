"""Publish the tables of a good build: PostgreSQL first, then the serving copy, or neither."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from sqlalchemy import URL

from blocks.serving_database import serving_database_url
from lakehouse.errors import PublishRefused
from lakehouse.lake.audit_database import audit_engine
from lakehouse.lake.warehouse import version_of, warehouse_of
from lakehouse.publish.pin_warehouse import pin_warehouse
from lakehouse.publish.postgres.patient_lock import ReaderInTheWay
from lakehouse.publish.postgres.publication import (
    DomainPublication,
    ServingDatabase,
    prepared_publication,
)
from lakehouse.publish.postgres.published_state import build_shown_at
from lakehouse.publish.publication_log import PublicationLog
from lakehouse.publish.serving_copy import (
    PreparedCopy,
    prepared_copy,
    published_tables,
    schema_name,
)
from lakehouse.quality.dbt_manifest import Manifest, read_manifest
from lakehouse.quality.publish_gate import refuse_beyond_budget
from lakehouse.settings import Settings, load_settings
from lakehouse.transform.build_history import BuildHistory, BuildRecord
from tasks.policies import transient_retries

_MOST_NAMED = 10


@dataclass(frozen=True)
class Published:
    """What readers have now.

    Attributes:
        rows: of each published table, by `schema.table`.
        replaced: whether anything was; else the build was on show already.
        database: the PostgreSQL that has the tables too, without user and password; None without.
        in_database: rows of each table there.
        warnings: what should be looked at.
    """

    rows: dict[str, int]
    replaced: bool
    database: URL | None = None
    in_database: Mapping[str, int] | None = None
    warnings: tuple[str, ...] = ()


@task(
    name="publish-serving",
    task_run_name="serve {domain}",
    cache_policy=NO_CACHE,
    **transient_retries,
)
def publish_serving(domain: str) -> Published:
    """Publish the tables of the last build; nothing moves if that build is on show already.

    Both targets are written and verified before either moves. PostgreSQL commits first; a run
    that is killed before the file follows is completed by the next one.

    The flow that calls it is the domain's writer.

    Raises:
        PublishRefused: the last build did not end well, a node failed and was not built since, or
            a test warns beyond its budget; or PostgreSQL cannot hold a type or value.
        WarnBudgetInvalid: a test declares a budget that cannot be used.
        ServingRefused: the PostgreSQL does not let its user publish.
        ServingUnavailable: it does not answer, or its readers hold a table for too long.
    """
    settings = load_settings()
    engine = audit_engine(settings)
    log = PublicationLog(engine)
    build, manifest = _publishable(domain, settings)
    url = serving_database_url(settings)
    last, serving = log.last(domain), settings.serving(domain)
    place = _place(url) if url else None
    shown = last is not None and last.build_id == build.build_id and serving.is_file()
    if last and shown and (url is None or build_shown_at(url, domain) == build.build_id):
        get_run_logger().info("%s: this build is published already.", domain)
        return Published(dict(last.tables), replaced=False, database=place)
    tables = published_tables(manifest.content, domain)
    warehouse = pin_warehouse(warehouse_of(settings, domain), tables)
    with prepared_copy(warehouse, serving, tables, memory=settings.duckdb_memory) as copy:
        published = Published(copy.rows, replaced=True, database=place)
        with _in_database(url, domain, build.build_id, copy, settings) as publication:
            if publication:
                publication.commit(flow_run.get_id())
                published = replace(
                    published,
                    in_database=dict(publication.rows),
                    warnings=tuple(publication.warnings),
                )
            copy.put_in_place()
    log.record(
        domain,
        build.build_id,
        published.rows,
        flow_run.get_id(),
        warehouse_version=version_of(warehouse),
    )
    _tell(domain, published, last.tables if last else {}, publication)
    return published


def _place(url: URL) -> URL:
    # Made anew: `set` takes None for "as it is".
    return URL.create("postgresql", host=url.host, port=url.port, database=url.database)


def _publishable(domain: str, settings: Settings) -> tuple[BuildRecord, Manifest]:
    """The last build and its manifest, if they allow a publication."""
    engine = audit_engine(settings)
    history = BuildHistory(engine)
    build = history.last(domain)
    if build is None or not build.is_good:
        ended = f"ended as {build.status!r}" if build else "does not exist"
        raise PublishRefused(
            f"{domain} is not published: its last build {ended}. Readers keep the last good "
            "state. Run a build that passes first."
        )
    project = read_manifest(settings.dbt_target(domain))
    broken = history.broken_nodes(domain, known=manifest_ids(project.content))
    if broken:
        raise PublishRefused(
            f"{domain} is not published: {in_words(broken)} when last run. Readers keep the last "
            "good state."
        )
    refuse_beyond_budget(domain, project, engine, warehouse_of(settings, domain))
    return build, project


@contextmanager
def _in_database(
    url: URL | None, domain: str, build_id: str, copy: PreparedCopy, settings: Settings
) -> Iterator[DomainPublication | None]:
    if url is None:
        yield None
        return
    logger = get_run_logger()

    def waiting(readers: Sequence[ReaderInTheWay]) -> None:
        who = "; ".join(map(str, readers)) or "readers that came and went"
        logger.warning("%s waits for readers of its published tables: %s.", domain, who)

    database = replace(ServingDatabase.of(settings, url), on_wait=waiting)
    with prepared_publication(database, domain, build_id, copy) as publication:
        logger.info(
            "%s: %s of %s tables are loaded into PostgreSQL and verified, the others were there.",
            *(domain, len(publication.changed), len(copy.tables)),
        )
        yield publication


def _tell(
    domain: str,
    published: Published,
    before: Mapping[str, int],
    publication: DomainPublication | None,
) -> None:
    rows = []
    for name, count in published.rows.items():
        row: dict[str, object] = {"table": name, "rows": count, "rows before": before.get(name)}
        if publication:
            schema, _, table = name.partition(".")
            there = f"{schema_name(domain, schema)}.{table}"
            row["in PostgreSQL"] = there
            row["there"] = "replaced" if there in publication.changed else "had the same content"
        rows.append(row)
    where = f" and to {published.database.render_as_string()}" if published.database else ""
    create_table_artifact(
        key=f"publish-{domain.replace('_', '-')}",
        table=rows,
        description=f"Published from {domain} to {domain}.duckdb{where}.",
    )


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
