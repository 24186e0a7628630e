"""Tell operators by the block `notify-operators`, and leave the same as an artifact."""

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from blocks.notification import deliver
from blocks.notification_lookup import OPERATORS, find_notification_block
from blocks.told_by_automation import told_by_automation
from lakehouse.errors import AljibeError, VariableMissing
from lakehouse.reports.alert_text import build_alert
from lakehouse.reports.artifacts.artifact_keys import alert_key
from lakehouse.settings import load_settings
from tasks.last_report import last_reported


@task(name="tell-operators", task_run_name="alert {domain}", cache_policy=NO_CACHE)
def tell_operators(domain: str, happening: str, about: str, run_id: str) -> tuple[str, list[str]]:
    """Word what stops a domain, keep it as the artifact `alert-<domain>`, and send it.

    It is sent where the automation does not tell of the failed run anyway.

    Returns:
        What was done, and a warning if it could not be sent.
    """
    settings = load_settings()
    alert = build_alert(domain, happening, about, last_reported(domain, settings))
    create_markdown_artifact(key=alert_key(domain), markdown=alert.body, description=alert.subject)
    if run_id and told_by_automation(run_id):
        return f"{alert.subject}; operators are told by the run that failed", []
    try:
        block = find_notification_block(OPERATORS, settings)
        if block is not None:
            deliver(block, alert.subject, alert.body)
    except VariableMissing:
        get_run_logger().info("%s; no block %s is set, nobody was told.", alert.subject, OPERATORS)
        return f"{alert.subject}; nobody is set to be told", []
    except AljibeError as error:
        return alert.subject, [f"operators could not be told: {error}"]
    return f"{alert.subject}; operators were told", []
