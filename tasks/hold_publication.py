"""What happens around a publication: is it held, and does the copy before stay."""

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from lakehouse.lake.audit_database import audit_engine
from lakehouse.publish.kept_copies import keep_copy, prune_copies
from lakehouse.publish.publication_hold import hold_of
from lakehouse.publish.publication_log import PublicationLog
from lakehouse.settings import load_settings
from tasks.policies import transient_retries


@task(
    name="find-hold", task_run_name="hold of {domain}", cache_policy=NO_CACHE, **transient_retries
)
def find_hold(domain: str) -> tuple[str, dict[str, int]] | None:
    """Why a domain is not published, and the rows of what readers have; None if it may be."""
    engine = audit_engine(load_settings())
    held = hold_of(engine, domain)
    if held is None:
        return None
    last = PublicationLog(engine).last(domain)
    return str(held), dict(last.tables) if last else {}


@task(
    name="keep-serving", task_run_name="keep {domain}", cache_policy=NO_CACHE, **transient_retries
)
def keep_serving(domain: str) -> None:
    """Keep what readers have now, before it is replaced, and let the oldest kept ones go.

    A copy that cannot be kept is a warning in the log: what is published next matters more.
    """
    settings = load_settings()
    log, serving = PublicationLog(audit_engine(settings)), settings.serving(domain)
    published = [one.build_id for one in log.builds(domain)]
    last = log.last(domain)
    try:
        if last and settings.serving_kept:
            keep_copy(serving, last.build_id)
        # The newest is a second name of what readers have.
        prune_copies(serving, published, settings.serving_kept and settings.serving_kept + 1)
    except OSError as error:
        get_run_logger().warning("The copy before cannot be kept: %s", error)
