from dataclasses import replace
from datetime import timedelta

import pytest

from lakehouse.quality.failing_rows import FailingRows
from lakehouse.quality.run_facts import PublishFacts, RunLink, RunPoint, TestState
from lakehouse.reports.views.domain_view import build_domain_page
from lakehouse.reports.views.front_view import build_front_page
from lakehouse.reports.views.view_types import Tag
from lakehouse.reports.wording import Wording

EN = Wording.of("en")


def section(page, title):
    return next((one for one in page.sections if one.title == title), None)


def test_a_good_build_says_that_the_data_can_be_used(make_facts, make_test, make_model):
    page = build_domain_page(make_facts(make_model(), make_test(status="pass")))
    assert page.verdict.say == "You can use today's data."
    assert [tag.text for tag in page.verdict.counts] == [
        "2 pass",
        "0 warnings",
        "0 failures",
        "0 could not run",
        "0 skipped",
    ]
    assert page.headline == "1 model built, 1 test passed."
    assert section(page, "What to look at") is None


def test_the_headline_names_what_is_wrong_with_its_rows(
    make_facts, make_test, make_model, make_freshness
):
    warned, late = make_test(), make_freshness()
    facts = make_facts(
        warned,
        late,
        make_test(name="odd", status="error", failures=None),
        make_model(name="bad", status="error"),
        make_model(name="fct", status="skipped"),
        failing_rows={warned.unique_id: FailingRows(total=2)},
    )
    assert build_domain_page(facts).headline == (
        "1 of 2 models could not be built: bad; 1 of 3 tests could not run: odd; "
        "2 of 3 tests warn: unique_stg_id (2 rows), pharma.ventas_bra; 1 node skipped"
    )


@pytest.mark.parametrize("outcome", ["refused", "not run"])
def test_a_failed_build_says_what_stays_in_use(make_facts, make_test, now, outcome):
    publish = PublishFacts(outcome, at=now - timedelta(days=1))
    verdict = build_domain_page(make_facts(make_test(status="fail"), publish=publish)).verdict
    assert verdict.say == "Do not use today's data."
    assert "the last good state stays in use, that of 20 Nov 2026, 06:03 UTC." in verdict.explain


def test_a_domain_that_never_was_published_says_only_that_nothing_was(make_facts, make_test):
    verdict = build_domain_page(make_facts(make_test(status="fail"))).verdict
    assert verdict.explain.endswith("Nothing was published.")


def test_what_changed_is_listed_with_freshness_and_with_what_is_gone(
    make_facts, make_test, make_freshness
):
    still, late = make_test(), make_freshness()
    facts = make_facts(
        still,
        late,
        tests={still.unique_id: TestState("STILL"), late.unique_id: TestState("NEW")},
        not_checked=("old_test",),
    )
    assert section(build_domain_page(facts), "Since the last run").lines == (
        "NEW (1): pharma.ventas_bra",
        "STILL (1): unique_stg_id",
        "NOT CHECKED (1): old_test",
    )


def test_a_second_run_without_changes_says_so_and_a_first_run_says_nothing(
    make_facts, make_test, now
):
    test = make_test(status="pass")
    first = make_facts(test, history={test.unique_id: (RunPoint(now, "pass", 0),)})
    second = replace(first, history={test.unique_id: (RunPoint(now, "pass", 0),) * 2})
    assert section(build_domain_page(first), "Since the last run") is None
    assert section(build_domain_page(second), "Since the last run").lines == ("Nothing changed.",)


def test_what_was_skipped_names_its_cause(make_facts, make_model):
    facts = make_facts(
        make_model(name="fct", status="skipped", blocked_by=("unique_a", "unique_b")),
        make_model(name="odd", status="skipped"),
    )
    assert section(build_domain_page(facts), "Skipped").lines == (
        "fct: because of unique_a, unique_b",
        "odd: dbt names no cause",
    )


def test_a_build_that_was_not_needed_gives_the_verdict_of_the_last_one(make_facts, make_model, now):
    facts = make_facts(
        make_model(), run=RunLink("brave-fox"), skipped_build_of=now - timedelta(days=1)
    )
    line = build_domain_page(facts).line
    assert line.startswith("Run brave-fox, started 21 Nov 2026, 06:03 UTC.")
    assert "this is the verdict of the build of 20 Nov 2026, 06:03 UTC." in line


def test_the_chart_counts_the_checks_that_do_not_pass_in_each_run(make_facts, make_test, now):
    one, other = make_test(name="one"), make_test(name="other", status="fail")
    before = now - timedelta(days=1)
    facts = make_facts(
        one,
        other,
        history={
            one.unique_id: (RunPoint(before, "pass", 0), RunPoint(now, "warn", 1)),
            other.unique_id: (RunPoint(before, "warn", 3), RunPoint(now, "fail", 3)),
        },
    )
    (chart,) = build_domain_page(facts).charts
    assert [(bar.value, bar.tone) for bar in chart.bars] == [(1.0, "warn"), (2.0, "bad")]
    assert chart.summary == (
        "2 of the last 2 runs had tests that did not pass; the most was 2, now 2."
    )


def test_the_rows_of_the_published_tables_are_added_up(make_facts, make_model, now):
    models = [make_model(name=name) for name in ("fct_a", "fct_b", "stg")]
    history = {model.unique_id: (RunPoint(now, "pass", rows=100),) for model in models}
    (chart,) = build_domain_page(make_facts(*models, history=history)).charts
    assert [bar.value for bar in chart.bars] == [200.0]


def test_every_owner_is_listed_with_a_verdict_and_a_link(make_facts, make_test):
    row = section(build_domain_page(make_facts(make_test())), "Owners").grid.rows[0]
    assert [cell.text for cell in row] == [
        "Ventas LATAM",
        "You can use today's data, with one warning.",
        "1",
        "ventas",
    ]
    assert row[0].href == "owners/ventas.html"


def test_every_test_is_named_below_its_title(make_facts, make_test, make_freshness):
    alone = make_test(name="assert_every_country_is_listed", model=None, column=None)
    facts = make_facts(make_test(), alone, make_freshness())
    tests = build_domain_page(facts).tests
    assert [column.text for column in tests.columns] == [
        "status",
        "test",
        "table",
        "count",
        "since the last run",
        "owner",
    ]
    assert {(row[1].small, row[2].text) for row in tests.rows} == {
        ("unique_stg_id", "stg.id"),
        ("assert_every_country_is_listed", ""),
        ("", "pharma.ventas_bra"),
    }


def test_a_report_that_cannot_be_read_makes_its_data_doubtful(make_facts, make_test):
    good = make_facts(make_test(status="pass"))
    page = build_front_page([good], "es", ["olist"])
    assert page.verdict.tone == "bad"
    assert page.verdict.say == (
        "No se sabe si se pueden usar los datos de olist: su informe no se puede leer."
    )
    assert page.verdict.explain == "Los demás se pueden usar."
    assert page.verdict.counts[-1] == Tag("1 informe dañado", "bad")
    assert page.damaged == (
        "El informe de olist no se puede leer; su próxima corrida lo reescribe.",
    )
    bad = build_front_page([make_facts(make_test(status="fail"))], "es", ["olist"]).verdict
    assert bad.say == "No use los datos de hoy de pharma_latam."
    assert bad.explain.startswith("No se sabe si se pueden usar los datos de olist")
    assert "Los demás" not in bad.explain


def test_all_domains_stand_on_one_page_the_worst_first(make_facts, make_test, now):
    good = replace(make_facts(make_test(status="pass")), domain="a_good")
    warned = replace(make_facts(make_test()), domain="b_warned")
    bad = replace(make_facts(make_test(status="fail")), domain="c_bad")
    page = build_front_page([good, warned, bad], "es")
    assert [link.href for link, _, _ in page.domains] == [
        "c_bad/index.html",
        "b_warned/index.html",
        "a_good/index.html",
    ]
    assert page.verdict.say == "No use los datos de hoy de c_bad."
    assert build_front_page([good, warned], "en").verdict.say == (
        "All data can be used; 1 domain has warnings."
    )
    assert build_front_page([good], "en").verdict.tone == "ok"
    assert [tag.text for tag in page.verdict.counts] == [
        "1 dominio bien",
        "1 dominio con advertencias",
        "1 dominio que no debe usarse",
    ]
    assert build_front_page([], "en").verdict.say == "There are no reports yet."
