"""What owners get of runs in which something is wrong, gets worse, is published, is mended."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from lxml import html
from sqlalchemy import update

from demo.pharma_deliveries import seed_deliveries
from flows.dbt_build import dbt_build
from flows.publish import publish
from lakehouse.lake.audit_database import audit_engine
from lakehouse.lake.audit_schema import deliveries
from lakehouse.quality.failing_rows import trace_failing_rows
from lakehouse.quality.gather_facts import gather_facts

HEADER = "invoice_id,fecha,produto_cod,quantidade,preco_unit,moeda\n"
REPEATED = "unique_stg_ventas_bra_invoice_id"
PAGE = "unique-stg-ventas-bra-invoice-id"


@pytest.fixture
def report(settings) -> Callable[[], dict[str, Any]]:
    """The facts of the last run, as machines read them."""
    path = settings.reports / "pharma_latam" / "report.json"
    return lambda: json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture
def page(settings) -> Callable[[str], str]:
    """What a reader sees of a page of the domain."""

    def read(name: str) -> str:
        content = (settings.reports / "pharma_latam" / f"{name}.html").read_text(encoding="utf-8")
        tree = html.fromstring(content)
        for hidden in tree.xpath("//style"):
            hidden.drop_tree()
        return " ".join(str(tree.text_content()).split())

    return read


def state_of(report: dict[str, Any], test: str) -> dict[str, Any]:
    (found,) = [state for key, state in report["tests"].items() if f".{test}." in key]
    return found


@pytest.mark.long
def test_a_repeated_invoice_is_new_then_still_then_fixed_with_its_history(
    landing, deliver, run, report, page, artifacts, warehouse
):
    seed_deliveries(landing)
    deliver("ventas_bra_a.csv", HEADER + "BRA-900,2024-02-02,AMOX500,5,10.00,BRL\n")
    deliver(
        "ventas_bra_b.csv",
        HEADER + "BRA-901,2024-02-02,AMOX500,5,10.00,BRL\nBRA-900,2024-02-03,AMOX500,6,10.00,BRL\n",
    )
    assert run().name == "CompletedWithWarnings"
    assert state_of(report(), REPEATED)["change"] == "NEW"
    for told in (page(f"tests/{PAGE}"), artifacts(f"dbt-test-pharma-latam-{PAGE}")[0].data):
        assert "NUEVA" in told
        for place in ("ventas_bra_a.csv", "línea 2", "ventas_bra_b.csv", "línea 3"):
            assert place in told.replace("\\", ""), place
    opened = state_of(report(), REPEATED)["since"]

    deliver("ventas_bra_c.csv", HEADER + "BRA-902,2024-02-04,AMOX500,5,10.00,BRL\n")
    run()
    still = state_of(report(), REPEATED)
    assert (still["change"], still["since"]) == ("STILL", opened)

    deliver("ventas_bra_b.csv", HEADER + "BRA-901,2024-02-02,AMOX500,5,10.00,BRL\n")
    run()
    fixed = state_of(report(), REPEATED)
    assert (fixed["change"], fixed["since"]) == ("FIXED", None)
    (incident,) = fixed["incidents"]
    assert (incident["opened_at"], incident["resolved_at"] is None) == (opened, False)
    for told in (page(f"tests/{PAGE}"), artifacts(f"dbt-test-pharma-latam-{PAGE}")[0].data):
        assert "RESUELTA" in told
    assert "RESUELTA" in page("owners/ventas-latam")
    assert warehouse("select row_label, rows, resolved_at is null from dq.test_failures") == [
        ("BRA-900", 2, False)
    ]
    assert warehouse(
        "select count(*) from etl.model_runs where name = 'fct_ventas_latam' and rows > 0"
    ) == [(3,)]


@pytest.mark.long
def test_an_owner_is_told_once_also_when_the_first_run_ends_before_it_tells(
    landing, deliver, run, posted, monkeypatch
):
    seed_deliveries(landing)
    line = "BRA-900,2024-02-02,AMOX500,5,10.00,BRL\n"
    deliver("ventas_bra_x.csv", HEADER + line + line)
    with monkeypatch.context() as killed:
        killed.setattr("tasks.notify.owner_digests", lambda *_args: [])
        run()
    assert not posted
    assert "nothing new, the verdict" in run().message
    (told,) = posted
    assert "pharma_latam" in told
    assert "Cada factura de Brasil llega una sola vez" in json.loads(told)["message"]
    run()
    assert len(posted) == 1
    deliver("ventas_bra_x.csv", HEADER + line * 3)
    run()
    assert len(posted) == 2


def test_a_run_that_cannot_read_its_sources_says_so_on_the_pages(
    settings, landing, run, page, report, artifacts
):
    shutil.rmtree(landing)
    state = run()
    assert state.name == "Failed"
    assert "There are no new data today" in page("index")
    assert "cannot be listed" in page("index")
    assert report()["stopped"].startswith("ingest: ")
    assert "There are no new data today" in artifacts("dbt-pharma-latam")[0].data


@pytest.mark.long
def test_what_was_published_is_told_on_the_same_reports(landing, run, report, page, artifacts):
    seed_deliveries(landing)
    run()
    assert report()["publish"]["outcome"] == "published"
    assert report()["publish"]["tables"]["consume.fct_ventas_latam"] == 5
    assert "publicada" in page("owners/ventas-latam")
    builds = artifacts("dbt-pharma-latam")
    sheets = artifacts("owner-pharma-latam-ventas-latam")
    assert (len(builds) > 0, "publicada" in sheets[0].data) == (True, True)
    before = len(sheets)
    run()
    assert len(artifacts("owner-pharma-latam-ventas-latam")) == before + 1
    assert report()["publish"]["outcome"] == "unchanged"


@pytest.mark.long
def test_a_warning_beyond_its_budget_stops_the_publication_and_is_told_so(
    settings, landing, deliver, tmp_path, monkeypatch, run, sales, report, page, artifacts
):
    seed_deliveries(landing)
    run()
    yesterday = sales()
    project = tmp_path / "dbt"
    shutil.copytree(settings.project_dir, project, ignore=shutil.ignore_patterns("target", "logs"))
    declared = project / "models" / "pharma_latam" / "staging" / "_staging__models.yml"
    text = declared.read_text()
    at = text.index("severity: warn", text.index("name: stg_ventas_bra"))
    at = text.index("meta:", at) + len("meta:")
    declared.write_text(f"{text[:at]}\n                  warn_budget: {{rows: 1}}{text[at:]}")
    monkeypatch.setenv("ALJIBE_PROJECT_DIR", str(project))
    line = "BRA-900,2024-02-02,AMOX500,5,10.00,BRL\n"
    deliver("ventas_bra_x.csv", HEADER + line + line)
    state = run()
    assert state.name == "Failed"
    assert f"{REPEATED} (2 rows, its budget is 1)" in state.message
    assert sales() == yesterday
    assert report()["publish"]["outcome"] == "refused"
    assert state_of(report(), REPEATED)["breach"] == {"limit": "rows", "found": 2.0, "allowed": 1.0}
    for told in (page("owners/ventas-latam"), artifacts("owner-pharma-latam-ventas-latam")[0].data):
        assert "No use los datos de hoy" in told
    # By hand it is refused too, until the rows are mended.
    assert publish("pharma_latam", return_state=True).name == "Failed"
    deliver("ventas_bra_x.csv", HEADER + line)
    assert run().name == "Completed"
    assert len(sales()) == len(yesterday) + 1


@pytest.mark.long
def test_a_late_source_is_told_also_when_nothing_was_built(
    settings, landing, run, report, page, artifacts
):
    seed_deliveries(landing)
    assert run().name == "Completed"
    with audit_engine(settings).begin() as connection:
        connection.execute(
            update(deliveries)
            .where(deliveries.c.table_name == "ventas_bra")
            .values(started_at=datetime.now(UTC) - timedelta(days=6))
        )
    state = run()
    assert state.name == "CompletedWithWarnings"
    assert "nothing new, the verdict" in state.message
    assert "freshness of pharma_files.ventas_bra" in state.message
    (late,) = [one for one in report()["sources"] if one["name"] == "pharma_files.ventas_bra"]
    assert (late["arrival"], late["status"]) == ("late", "warn")
    assert "freshness of pharma_files.ventas_bra" in artifacts("dbt-tests-pharma-latam")[0].data
    assert "pharma_files.ventas_bra" in page("owners/ventas-latam")


@pytest.mark.long
def test_a_report_that_raises_leaves_the_outcome_and_warns(landing, monkeypatch, run, sales):
    seed_deliveries(landing)
    monkeypatch.setattr("tasks.report_results.gather_facts", fail)
    state = run()
    assert state.name == "CompletedWithWarnings"
    assert "the reports of this build could not be made: RuntimeError" in state.message
    assert len(sales()) == 5
    monkeypatch.setattr("tasks.report_results.gather_facts", gather_facts)
    for broken, what in KINDS.items():
        with monkeypatch.context() as patched:
            patched.setattr(broken, fail)
            state = dbt_build("pharma_latam", return_state=True)
        assert state.name == "CompletedWithWarnings"
        assert f"{what} could not be made: RuntimeError" in state.message
        assert "no paper" not in state.message
    assert dbt_build("pharma_latam", return_state=True).name == "Completed"


def fail(*_args: object, **_kwargs: object) -> None:
    """What no report may do; its words may quote a value of a row."""
    raise RuntimeError("no paper")


KINDS = {
    "tasks.post_artifacts.build_markdown": "the artifacts",
    "tasks.report_results.write_pages": "the pages",
    "tasks.report_results.write_failure_tables": "the tables of failures",
    "tasks.report_results.run_events": "the events",
    "tasks.notify.owner_digests": "the notifications",
}


@pytest.mark.parametrize("kept", [True, False], ids=["read back", "lost"])
def test_a_run_with_nothing_new_shows_the_rows_that_failed_before(
    settings, landing, deliver, run, report, page, warehouse, monkeypatch, kept
):
    seed_deliveries(landing)
    line = "BRA-900,2024-02-02,AMOX500,5,10.00,BRL\n"
    deliver("ventas_bra_x.csv", HEADER + line + line)
    run()
    before = report()
    columns = "* exclude last_seen_at"
    ledger = warehouse(f"select {columns} from dq.test_failures order by all")
    assert ledger
    traced = []
    real = trace_failing_rows
    monkeypatch.setattr(
        "lakehouse.quality.gather_facts.trace_failing_rows",
        lambda *given: traced.append(given) or real(*given),
    )
    if not kept:
        (settings.reports / "pharma_latam" / "report.json").unlink()
    assert "nothing new" in run().message
    assert bool(traced) is not kept
    after = report()
    assert after["failing_rows"] == before["failing_rows"]
    assert after["publish"]["outcome"] == "unchanged"
    assert "ventas_bra_x.csv" in page(f"tests/{PAGE}")
    assert warehouse(f"select {columns} from dq.test_failures order by all") == ledger


def test_rows_of_another_build_are_never_shown_for_the_last(
    settings, landing, deliver, run, report, monkeypatch
):
    seed_deliveries(landing)
    line = "BRA-900,2024-02-02,AMOX500,5,10.00,BRL\n"
    deliver("ventas_bra_x.csv", HEADER + line + line)
    run()
    deliver("ventas_bra_x.csv", HEADER + line + line + line)
    with monkeypatch.context() as broken:
        broken.setattr("tasks.report_results.write_pages", lambda *_given: 1 / 0)
        run()
    run()
    (rows,) = [r for test, r in report()["failing_rows"].items() if REPEATED in test]
    assert rows["total"] == 3
