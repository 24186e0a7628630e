"""dbt by hand, on the same project, warehouse and target folder as the flows, under the lock."""

import os
import subprocess
import sys
from collections.abc import Sequence

from lakehouse.lake.audit_database import audit_engine
from lakehouse.lake.file_lock import Holder
from lakehouse.lake.raw_lake import RawLake
from lakehouse.lake.raw_views import register_raw
from lakehouse.lake.writer_lock import domain_writer
from lakehouse.settings import load_settings
from lakehouse.source_catalog import load_catalog
from lakehouse.transform.build_history import BuildHistory
from lakehouse.transform.dbt_command import DbtBuild, dbt_executable
from lakehouse.transform.fingerprint import project_hash
from lakehouse.transform.parse_cache import trust_parse_of


def dbt_by_hand(domain: str, arguments: Sequence[str]) -> int:
    """Run one dbt command.

    The history notes that the warehouse was touched, so that the next run builds everything and
    nothing is published on the word of an older build.

    Returns:
        dbt's exit code.
    """
    settings = load_settings()
    catalog = load_catalog(settings.project_dir, domain)
    build = DbtBuild.of(settings, domain)
    with domain_writer(
        settings,
        domain,
        "dbt by hand",
        on_wait=lambda holder: _say(f"Waiting: {domain} is being written by {holder}."),
        on_left_behind=_left_behind,
    ) as lock:
        register_raw(catalog, RawLake.of(settings), build.warehouse, "dbt by hand")
        history = BuildHistory(audit_engine(settings))
        history.start(domain, "by hand", run_id=None, status="by hand")
        trust_parse_of(project_hash(build), build.target_path)
        command = [
            dbt_executable(),
            *arguments,
            "--project-dir",
            str(build.project_dir),
            "--profiles-dir",
            str(build.profiles_dir),
            "--target-path",
            str(build.target_path),
        ]
        return subprocess.run(
            command,
            env={**os.environ, **build.environment()},
            pass_fds=lock.descriptors,
            check=False,
        ).returncode


def _left_behind(holder: Holder) -> None:
    _say(f"The last writer died without an end: {holder}.")


def _say(text: str) -> None:
    print(text, file=sys.stderr)
