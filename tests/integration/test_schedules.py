"""Schedules of a real Prefect database make runs; without our hand they do not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

SCHEDULE = """
import asyncio, datetime, sys
from prefect.server.database import provide_database_interface
from prefect.server.models import deployments, flows
from prefect.server.schemas import core
from prefect.server.schemas.schedules import IntervalSchedule
from cli.prefect_server import let_schedules_make_runs

if sys.argv[1] == "ours":
    let_schedules_make_runs()

async def main():
    db = provide_database_interface()
    await db.create_db()
    schedule = IntervalSchedule(interval=datetime.timedelta(hours=1))
    async with db.session_context(begin_transaction=True) as session:
        flow = await flows.create_flow(session=session, flow=core.Flow(name="f"))
        deployment = core.Deployment(
            name="d",
            flow_id=flow.id,
            schedules=[core.DeploymentSchedule(schedule=schedule, active=True)],
        )
        made = await deployments.create_deployment(session=session, deployment=deployment)
        runs = await deployments.schedule_runs(session=session, deployment_id=made.id)
        again = await deployments.schedule_runs(session=session, deployment_id=made.id)
    print(len(runs), len(again))

asyncio.run(main())
"""


def schedule(tmp_path: Path, whose: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    return subprocess.run(
        [sys.executable, "-c", SCHEDULE, whose],
        env={
            **clean,
            "PREFECT_HOME": str(tmp_path),
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{tmp_path}/p.db",
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_schedule_makes_runs_once(tmp_path):
    done = schedule(tmp_path, "ours")
    assert done.stdout.split() == ["3", "0"], done.stderr[-2000:]


def test_prefect_alone_still_needs_our_hand(tmp_path):
    done = schedule(tmp_path, "theirs")
    assert "bulk_dml" in done.stderr, "Prefect supports SQLAlchemy 2.1: drop cli/prefect_server.py"
