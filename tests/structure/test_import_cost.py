"""What every run imports before its flow begins: seconds of its start, on a small machine."""

import subprocess
import sys

DEAR = ("dbt", "prefect_dbt", "pandas", "openpyxl", "networkx")


def test_a_run_does_not_import_what_only_some_runs_need() -> None:
    program = (
        "import sys, flows.elt; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert set(DEAR) & set(done.stdout.split()) == set()
