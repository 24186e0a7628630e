from dataclasses import replace

import pytest

from lakehouse.quality.run_facts import PublishFacts, RunFacts, SourceFacts
from lakehouse.quality.source_faults import SourceFault
from lakehouse.reports.artifacts.build_report import build_markdown
from lakehouse.reports.pages.write_pages import write_pages
from lakehouse.reports.views.domain_view import build_domain_page
from lakehouse.reports.views.front_view import build_front_page
from lakehouse.reports.views.owner_view import build_owner_sheet

WHY = "ingest: techstore_sftp: the server does not answer"


@pytest.fixture
def stopped(make_facts, now) -> RunFacts:
    """A run that could not read its sources, after a good one."""
    return replace(make_facts(), stopped=WHY, publish=PublishFacts("not run", {"c.t": 5}, at=now))


def test_a_run_that_built_nothing_is_the_verdict_with_its_cause(stopped):
    page = build_domain_page(stopped)
    assert page.verdict.say.startswith("There are no new data today")
    assert page.verdict.tone == "bad"
    assert WHY in page.verdict.explain
    assert "last good state stays in use" in page.verdict.explain
    assert "You can use" not in build_markdown(stopped)
    assert build_front_page([stopped], "en").verdict.tone == "bad"


def test_an_owner_reads_that_there_is_nothing_new_and_nothing_to_correct(stopped):
    assert stopped.groups
    for group in stopped.groups:
        verdict = build_owner_sheet(stopped, group).verdict
        assert verdict.tone == "bad"
        assert WHY not in verdict.explain


def test_a_domain_whose_first_run_built_nothing_has_a_page_too(now, tmp_path):
    facts = replace(RunFacts.without_a_build("shop", now, "es"), stopped=WHY)
    written = write_pages(facts, tmp_path)
    page = written.index.read_text("utf-8")
    assert "Hoy no hay datos nuevos" in page
    assert "does not answer" in page


def test_an_owner_whose_source_could_not_be_read_is_not_told_that_nothing_is_his(
    make_facts, make_freshness, now
):
    own = make_freshness(status="pass")
    fault = SourceFault(1, "unread", "pharma.bra", "", "no answer", now)
    source = SourceFacts(own.unique_id, "pharma.bra", "unchanged", faults=(fault,))
    facts = replace(make_facts(own, sources=(source,)), stopped=WHY)
    sheet = build_owner_sheet(facts, facts.groups[0])
    assert "Hoy no hay datos nuevos" in sheet.verdict.say
    assert "nada que corregir" not in sheet.verdict.explain
    assert "no se pudo leer" in str(sheet.not_loaded)
