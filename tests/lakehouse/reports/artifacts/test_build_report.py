from dataclasses import replace
from datetime import timedelta

from markdown_it import MarkdownIt

from lakehouse.quality.failing_rows import FailingRows
from lakehouse.quality.run_facts import GroupFacts, PublishFacts, RunLink, RunPoint, SourceFacts
from lakehouse.reports.artifacts.build_report import build_description, build_markdown
from lakehouse.reports.artifacts.lineage_report import lineage_description
from lakehouse.reports.artifacts.models_table import build_models_table
from lakehouse.reports.artifacts.owner_sheet import build_owner_markdown, owner_description
from lakehouse.reports.artifacts.test_page import build_test_markdown
from lakehouse.reports.artifacts.test_page import test_description as describe_test
from lakehouse.reports.artifacts.tests_table import build_tests_table
from lakehouse.reports.views import test_view
from lakehouse.reports.wording import Wording

NASTY = "</td><script>alert(1)</script> [x](javascript:a) | `b`"
PAGES = "https://reports.example.com/all/"


def test_the_report_says_the_verdict_first_then_the_counts(make_facts, make_test, make_model):
    lines = build_markdown(make_facts(make_model(), make_test(status="pass"))).splitlines()
    assert lines[0] == "# pharma\\_latam" or lines[0] == "# pharma_latam"
    assert lines[2] == "**You can use today's data.**"
    assert "2 pass · 0 warnings · 0 failures · 0 could not run · 0 skipped" in lines
    assert "1 model built, 1 test passed." in lines


def test_a_warning_names_the_test_its_rows_its_owner_and_its_artifact(make_facts, make_test):
    test = make_test(owner="Ventas")
    made = build_markdown(make_facts(test, failing_rows={test.unique_id: FailingRows(total=2)}))
    assert (
        "- **warning** · Repeated values in id of stg · `stg.id` · 2 rows · 1 value · Ventas · "
        "[dbt-test-pharma-latam-unique-stg-id]"
        "(/artifacts/key/dbt-test-pharma-latam-unique-stg-id)\n"
    ) in made
    assert "[dbt-tests-pharma-latam](/artifacts/key/dbt-tests-pharma-latam), [models-" in made


def test_each_owner_is_told_with_the_verdict_and_a_link_to_the_sheet(make_facts, make_test):
    made = build_markdown(make_facts(make_test()))
    assert (
        "- Ventas LATAM · You can use today's data, with one warning. · open: 1 · "
        "[owner-pharma-latam-ventas](/artifacts/key/owner-pharma-latam-ventas)\n"
    ) in made


def test_links_lead_to_the_pages_only_where_these_are_served(make_facts, make_test):
    facts = make_facts(make_test(), run=RunLink("fox", url="http://prefect/runs/1"))
    served, bare = build_markdown(facts, PAGES), build_markdown(facts)
    page = "https://reports.example.com/all/pharma_latam/tests/unique-stg-id.html"
    assert f"[Repeated values in id of stg]({page})" in served
    assert "(https://reports.example.com/all/index.html)" in served
    assert "[Run fox](http://prefect/runs/1)" in bare
    assert ".html" not in bare


def test_the_report_is_in_the_language_of_the_domain_or_another(make_facts, make_test):
    facts = make_facts(make_test(), language="es")
    assert "Puede usar los datos de hoy, con una advertencia." in build_markdown(facts)
    assert "Pode usar os dados de hoje" in build_markdown(facts, None, Wording.of("pt"))


def test_what_was_broken_skipped_found_and_delivered_is_told(make_facts, make_test, make_model):
    facts = make_facts(
        make_model(name="bad", status="error", message="Binder Error: <b>no</b>"),
        make_model(name="fct", status="skipped", blocked_by=("unique_stg_id",)),
        findings=("ventas_bra.csv is in quarantine",),
        sources=(
            SourceFacts(
                "source.p.a.b", "a.b", "loaded", delivered=8916, loaded=8913, rejected=3, known=7
            ),
        ),
        publish=PublishFacts("refused", message="the build failed"),
    )
    made = build_markdown(facts)
    assert "- bad: Binder Error: &lt;b&gt;no&lt;/b&gt;" in made
    assert "- fct: because of unique_stg_id" in made
    assert "- ventas_bra.csv is in quarantine" in made
    assert "| table | state | delivered | loaded | rejected | known before |" in made
    assert "| `a.b` | loaded | 8,916 | 8,913 | 3 | 7 |" in made
    assert "The publication was refused: the build failed" in made


def test_sixty_models_are_listed_and_the_rest_counted(make_facts, make_model):
    models = [make_model(name=f"m{at:03}", seconds=float(at)) for at in range(75)]
    made = build_markdown(make_facts(*models, make_model(name="broken", status="error")))
    listed = [line for line in made.splitlines() if "| model |" in line and "| status" not in line]
    assert len(listed) == 60
    assert listed[0].startswith("| `broken` | model | could not run |")
    assert "… and 16 more." in made


def test_a_page_of_a_test_says_what_to_do_shows_its_rows_and_its_sql(make_facts, make_test):
    test = make_test(language="es", path="models/_m.yml")
    rows = FailingRows(
        ("_source_file", "_source_line", "id", "email"),
        ({"_source_file": "bra.csv", "_source_line": 2, "id": "A-1", "email": "••••••"},),
        1,
        1,
        True,
        marked=("id",),
    )
    page = build_test_markdown(make_facts(test, failing_rows={test.unique_id: rows}), test, PAGES)
    assert page.splitlines()[0] == "# Valores repetidos en id de stg"
    assert "**advertencia** · 1 fila" in page
    assert "**Qué hacer:** Averigüe cuál" in page
    assert "| id | de dónde viene | email |" in page
    assert "| **A-1** | `bra.csv, línea 2` | •••••• |" in page
    assert '```sql\nselect * from "w"."dq_audit"."unique_stg_id"\n```' in page
    assert "```sql\nselect id from stg\n```" in page
    assert "prueba: `unique_stg_id` · tabla: `stg`" in page
    assert "/all/pharma_latam/tests/unique-stg-id.html)" in page


def test_two_unit_tests_of_one_name_are_told_apart(make_facts, make_test):
    tests = [
        make_test(
            unique_id=f"unit_test.p.{model}.ut", test_kind="unit_test", name="ut", model=model
        )
        for model in ("a", "b")
    ]
    facts = make_facts(*tests)
    pages = [build_test_markdown(facts, test) for test in tests]
    assert "`a::ut`" in pages[0]
    assert "`b::ut`" in pages[1]


def test_the_owners_sheet_tells_the_first_tests_with_rows_and_lists_the_others(
    make_facts, make_test
):
    tests = [make_test(name=f"t{at:02}") for at in range(35)]
    rows = FailingRows(("v",), tuple({"v": at} for at in range(40)), 40, 40)
    facts = make_facts(*tests, failing_rows={test.unique_id: rows for test in tests})
    made = build_owner_markdown(facts, facts.groups[0], PAGES)
    assert made.startswith("# Ventas LATAM · pharma_latam\n\n**Puede usar los datos de hoy, con 35")
    assert made.count("\n### ") == 30
    assert "… y 30 más." in made
    assert "· [dbt-test-pharma-latam-t34](/artifacts/key/dbt-test-pharma-latam-t34)\n" in made


def test_a_link_whose_text_would_be_escaped_stands_behind_the_text(make_facts, make_test):
    facts = make_facts(make_test(), run=RunLink("a_*fox*", url="http://prefect/runs/1"))
    assert "Run a\\_\\*fox\\* [↗](http://prefect/runs/1)" in build_markdown(facts)


def test_a_list_of_artifacts_says_the_verdict_in_the_language_of_the_reader(make_facts, make_test):
    test = make_test(language="es")
    facts = make_facts(test, language="pt")
    assert build_description(facts).startswith("Pode usar os dados de hoje, com um alerta.")
    assert owner_description(facts, facts.groups[0]) == (
        "Ventas LATAM: Puede usar los datos de hoy, con una advertencia."
    )
    assert describe_test(facts, test) == "advertencia · Valores repetidos en id de stg · 1 valor"
    assert lineage_description(make_facts()) == "There is nothing to draw."


def test_an_owner_with_nothing_to_look_at_is_told_so(make_facts, make_test):
    facts = make_facts(make_test(status="pass"))
    assert "No hay nada que requiera su atención." in build_owner_markdown(facts, facts.groups[0])


def test_values_of_data_never_become_markup(make_facts, make_test, make_model):
    test = make_test(
        name=NASTY,
        description=NASTY,
        fix={"en": NASTY},
        model=NASTY,
        column=NASTY,
        owner=NASTY,
        message=NASTY,
        status="error",
    )
    other = make_test(name="rows")
    rows = FailingRows((NASTY,), ({NASTY: NASTY},), 1, 1, marked=(NASTY,))
    facts = make_facts(
        test,
        other,
        make_model(name=NASTY, status="error", message=NASTY),
        findings=(NASTY,),
        failing_rows={other.unique_id: rows},
        run=RunLink(NASTY, url="javascript:alert(1)"),
    )
    renderer = MarkdownIt("commonmark").enable("table")
    for made in (
        build_markdown(facts),
        build_owner_markdown(facts, facts.groups[0]),
        build_test_markdown(facts, test),
        build_test_markdown(facts, other),
        build_description(facts),
        owner_description(facts, GroupFacts("x", NASTY)),
        describe_test(facts, test),
        *(str(value) for row in build_tests_table(facts) for value in row.values()),
        *(str(value) for row in build_models_table(facts) for value in row.values()),
    ):
        html = renderer.render(made)
        assert "<script" not in html
        assert html.count("<a ") == html.count('<a href="/artifacts/key/')


def test_tests_and_sources_are_rows_of_tables_for_machines(
    make_facts, make_model, make_freshness, now
):
    late = make_freshness()
    source = SourceFacts(
        late.unique_id, late.model, "late", "warn", now - timedelta(hours=26), 26.04, 24, 48, 10
    )
    facts = make_facts(late, make_model(), sources=(source,))
    (test,) = build_tests_table(facts)
    assert (test["model"], test["status"], test["relation"]) == ("pharma.ventas_bra", "warn", "")
    model, came = build_models_table(facts)
    assert (model["model"], model["kind"], model["rows"]) == ("stg", "model", 1200)
    assert came == {
        "model": "pharma.ventas_bra",
        "kind": "source",
        "schema": "pharma",
        "status": "warn",
        "rows": 10,
        "rows_before": None,
        "seconds": None,
        "bytes": None,
        "arrived": "2026-11-20 04:03 UTC",
        "age_hours": 26.0,
        "limit_hours": 24,
    }


def test_a_long_table_of_models_is_cut_and_says_so(make_facts, make_model):
    rows = build_models_table(make_facts(*[make_model(name=f"m{at}") for at in range(600)]))
    assert len(rows) == 500
    assert rows[-1]["model"] == "… 101 more are not shown."
    assert all(row.keys() == rows[0].keys() for row in rows)


def test_each_of_three_hundred_tests_is_worded_once_however_often_it_is_shown(
    make_facts, make_test, make_model, now, monkeypatch
):
    values = ("a|b", "2026-11-21", "45.9", "Ana Paz", "BRA_001", 80)
    rows = tuple(
        {
            "_source_file": "f.csv",
            "_source_line": at,
            **{f"c{n}": values[(at + n) % 6] for n in range(12)},
        }
        for at in range(50)
    )
    failing = FailingRows(tuple(rows[0]), rows, 120, 50, True, "", ("c1",))
    tests = [
        make_test(name=f"u{n}", status="pass" if n % 3 else "warn", language="es")
        for n in range(300)
    ]
    points = tuple(RunPoint(now - timedelta(days=30 - at), "warn", at) for at in range(30))
    facts = make_facts(
        make_model(),
        *tests,
        history={test.unique_id: points for test in tests},
        failing_rows={test.unique_id: failing for test in tests if test.status == "warn"},
    )
    worded, make = [], test_view._view

    def counted(facts, test, *rest):
        worded.append(test.unique_id)
        return make(facts, test, *rest)

    monkeypatch.setattr(test_view, "_view", counted)
    build_markdown(facts)
    build_tests_table(facts)
    build_models_table(facts)
    build_owner_markdown(facts, facts.groups[0])
    pages = [build_test_markdown(facts, test) for test in tests if test.status == "warn"]
    assert len(set(pages)) == 100
    assert sorted(worded) == sorted(test.unique_id for test in tests if test.status == "warn")


def test_facts_that_changed_are_not_shown_from_memory(make_facts, make_test):
    facts = make_facts(make_test())
    build_markdown(facts)
    changed = replace(facts, results=replace(facts.results, nodes=(make_test(status="pass"),)))
    assert "You can use today's data." in build_markdown(changed)
