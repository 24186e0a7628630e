"""What health says of deployments and runs, asked of a real Prefect API."""

from datetime import UTC, datetime, timedelta

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import CronSchedule
from prefect.states import Completed, Failed, Running

from tasks.look_at_runs import look_at_runs


def found(hours: float) -> dict[str, tuple[str, str]]:
    """Verdict and text of every check of this deployment and its runs, so many hours from now."""
    checks = look_at_runs(datetime.now(UTC) + timedelta(hours=hours), patience_seconds=7200)
    return {check.key: (check.verdict, check.text) for check in checks}


def test_a_deployment_is_judged_by_its_runs_and_its_schedule():
    with get_client(sync_client=True) as client:
        deployment = client.create_deployment(
            client.create_flow_from_name("elt"),
            name="olist",
            schedules=[
                DeploymentScheduleCreate(
                    schedule=CronSchedule(cron="0 2 * * *", timezone="America/Sao_Paulo")
                )
            ],
        )
        run = client.create_flow_run_from_deployment(deployment, name="olist-1")
        assert found(0)["runs: elt/olist"] == ("ok", "no good run yet")
        verdict, text = found(1)["waiting run: olist-1"]
        assert (verdict, "no worker takes it" in text) == ("broken", True)

        client.set_flow_run_state(run.id, Running(), force=True)
        assert "waiting run: olist-1" not in found(1)
        assert found(3)["stuck run: olist-1"][0] == "look"

        client.set_flow_run_state(run.id, Completed(), force=True)
        verdict, text = found(0)["runs: elt/olist"]
        assert (verdict, text.startswith("last good run 2")) == ("ok", True)
        assert "stuck run: olist-1" not in found(3)
        verdict, text = found(48)["runs: elt/olist"]
        assert (verdict, "nothing completed since" in text) == ("broken", True)

        again = client.create_flow_run_from_deployment(deployment, name="olist-2")
        client.set_flow_run_state(again.id, Running(), force=True)
        client.set_flow_run_state(again.id, Failed(message="ingest: away"), force=True)
        verdict, text = found(0)["runs: elt/olist"]
        assert verdict == "broken"
        assert text.startswith("last run Failed; last good run 2")
        assert text.endswith("ingest: away")
