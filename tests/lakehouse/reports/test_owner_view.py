from dataclasses import replace
from datetime import timedelta

import pytest

from lakehouse.quality.run_facts import (
    UNOWNED,
    BudgetBreach,
    GroupFacts,
    Lineage,
    LineageNode,
    ModelFacts,
    PublishFacts,
    SourceFacts,
    TestState,
)
from lakehouse.reports.owner_view import build_owner_sheet
from lakehouse.reports.views import Tag


def sheet_of(facts):
    return build_owner_sheet(facts, facts.groups[0])


def texts(grid):
    return [[cell.text for cell in row] for row in grid.rows]


def test_an_owner_whose_data_are_good_may_use_them(make_facts, make_test, make_model, now):
    facts = make_facts(
        make_test(status="pass"),
        make_model(name="fct_ventas"),
        publish=PublishFacts("published", {"consume.fct_ventas": 10}, at=now),
    )
    sheet = sheet_of(facts)
    assert sheet.verdict.say == "Puede usar los datos de hoy."
    assert sheet.verdict.explain == "Se publicó una tabla: fct_ventas."
    assert sheet.verdict.counts[0] == Tag("2 bien", "ok")
    assert sheet.verdict.counts[1] == Tag("0 advertencias", "skip")
    assert (sheet.look_at, sheet.resolved) == ((), ())


def test_warnings_are_named_and_the_worst_come_first(make_facts, make_test):
    over, plain = make_test(name="over", failures=1), make_test(name="plain", failures=9)
    facts = make_facts(plain, over)
    assert [view.name for view in sheet_of(facts).look_at] == ["plain", "over"]
    assert sheet_of(facts).verdict.say == "Puede usar los datos de hoy, con 2 advertencias."
    assert "«Valores repetidos en id de stg»" in sheet_of(facts).verdict.explain
    breached = make_facts(
        plain, over, tests={over.unique_id: TestState(breach=BudgetBreach("rows", 1, 0))}
    )
    assert [view.name for view in sheet_of(breached).look_at] == ["over", "plain"]
    assert sheet_of(breached).verdict.say == "No use los datos de hoy."


def test_a_failure_of_others_stops_the_data_of_an_owner_too(make_facts, make_test, now):
    own, other = make_test(name="own", status="pass"), make_test(name="other", status="fail")
    facts = make_facts(
        own,
        other,
        groups=(GroupFacts("ventas", "Ventas", language="es", nodes=(own.unique_id,)),),
        publish=PublishFacts("refused", at=now - timedelta(days=1)),
    )
    verdict = sheet_of(facts).verdict
    assert verdict.say == (
        "No use los datos de hoy: los suyos están bien, pero otra parte del dominio falló."
    )
    assert verdict.explain.endswith(
        "No se publicó nada: sigue vigente el último estado correcto, el del 20 nov 2026, "
        "06:03 UTC."
    )
    assert verdict.tone == "bad"


def test_a_refused_publication_gives_its_reason(make_facts, make_test):
    facts = make_facts(
        make_test(status="pass"), publish=PublishFacts("refused", message="rows collapsed")
    )
    assert "La publicación se detuvo: rows collapsed" in sheet_of(facts).verdict.explain


def test_a_model_that_broke_is_named_with_dbts_words(make_facts, make_model):
    sheet = sheet_of(
        make_facts(make_model(name="stg_bra", status="error", message="Binder\nError"))
    )
    assert "No se pudo construir: stg_bra." in sheet.verdict.explain
    assert sheet.more[0].lines == ("stg_bra: Binder Error",)


def test_what_recovered_is_shown_apart(make_facts, make_test):
    fixed = make_test(status="pass")
    sheet = sheet_of(make_facts(fixed, tests={fixed.unique_id: TestState("FIXED")}))
    assert [view.status.text for view in sheet.resolved] == ["resuelta"]
    assert sheet.verdict.counts[-1] == Tag("1 resuelta", "ok")


def test_what_was_not_checked_is_listed(make_facts, make_test, now):
    skipped = make_test(status="skipped")
    state = TestState("NOT CHECKED", now - timedelta(days=2))
    sheet = sheet_of(make_facts(skipped, tests={skipped.unique_id: state}))
    listed = [line for section in sheet.more for line in section.lines]
    assert any("NO SE REVISÓ · estaba abierta desde el 19 nov 2026" in line for line in listed)


@pytest.fixture
def flowing(make_facts, make_model, make_freshness, now):
    """A late source, a loaded one that only is read, and a published table with an alias."""
    late, model = make_freshness(), make_model(name="fct_ventas")
    read = SourceFacts(
        "source.p.pharma.arg",
        "pharma.arg",
        "loaded",
        "pass",
        now - timedelta(minutes=22),
        rows=12480,
        rows_before=12332,
        rejected=3,
        files=("arg.csv",),
    )
    nodes = (
        LineageNode(read.unique_id, read.name, "source", "pass"),
        LineageNode(model.unique_id, "fct_ventas", "model", "pass"),
        LineageNode("published:bi.ventas", "bi.ventas", "published"),
        LineageNode("model.p.far", "far", "model", "warn"),
    )
    edges = ((read.unique_id, model.unique_id), (model.unique_id, "published:bi.ventas"))
    return make_facts(
        late,
        model,
        sources=(
            replace(
                read, unique_id=late.unique_id, name="pharma.bra", arrival="late", status="warn"
            ),
            read,
            SourceFacts("source.p.x.y", "x.y", "loaded"),
        ),
        lineage=Lineage(nodes, edges),
        publish=PublishFacts("published", {"bi.ventas": 21392}, {"bi.ventas": 21200}, at=now),
    )


def test_what_came_and_what_went_out_stand_in_one_table(flowing):
    flow = sheet_of(flowing).flow
    assert texts(flow) == [
        [
            "pharma.bra",
            "atrasada",
            "12.480",
            "+1,2\xa0%",
            "05:41",
            "arg.csv, 3 rechazadas",
        ],
        [
            "pharma.arg",
            "a tiempo",
            "12.480",
            "+1,2\xa0%",
            "05:41",
            "arg.csv, 3 rechazadas",
        ],
        ["bi.ventas", "publicada", "21.392", "+0,9\xa0%", "06:03", "antes 21.200 filas"],
    ]


def test_a_table_that_was_not_published_is_shown_against_what_readers_have(flowing):
    refused = replace(flowing, publish=replace(flowing.publish, outcome="refused"))
    row = texts(sheet_of(refused).flow)[-1]
    assert row[:4] == ["bi.ventas", "no publicada", "1.200", "-94,4\xa0%"]
    assert row[5] == "antes 21.392 filas"


@pytest.mark.parametrize(
    ("arrival", "status", "word", "tone"),
    [
        ("unchanged", None, "sin cambios", "skip"),
        ("loaded", None, "cargada", "ok"),
        ("late", "fail", "atrasada", "bad"),
        ("quarantined", None, "en cuarentena", "warn"),
        ("never", "fail", "nunca llegó", "bad"),
    ],
)
def test_every_arrival_has_its_word_and_tone(flowing, arrival, status, word, tone):
    source = replace(flowing.sources[1], arrival=arrival, status=status)
    cell = sheet_of(replace(flowing, sources=(source,))).flow.rows[0][1]
    assert (cell.text, cell.tone) == (word, tone)


def test_the_picture_is_the_groups_part_with_what_it_reads_and_publishes(flowing):
    sheet = sheet_of(flowing)
    assert {node.name for node in sheet.lineage.nodes} == {"pharma.arg", "fct_ventas", "bi.ventas"}
    assert sheet.lineage_summary == "1 origen y 1 modelo llevan a 1 tabla publicada."


def test_what_nobody_owns_is_shown_in_the_language_of_the_domain(make_facts, make_test):
    test = make_test()
    group = GroupFacts(UNOWNED, UNOWNED, nodes=(test.unique_id,))
    sheet = sheet_of(make_facts(test, groups=(group,), language="pt"))
    assert (sheet.frame.language, sheet.frame.title) == ("pt", "Sem responsável")


def test_an_owner_of_nothing_has_a_sheet(make_facts, make_test):
    facts = make_facts(make_test(), groups=(GroupFacts("nada", "Nada", language="fr"),))
    sheet = sheet_of(facts)
    assert (sheet.frame.language, sheet.look_at, sheet.flow.rows) == ("en", (), ())


def test_models_show_rows_against_the_build_before(make_facts, make_model):
    model = ModelFacts("model.p.m", "m", "model", "s", "pass", 1.25, 1010, 1000, 2_500_000)
    facts = make_facts(make_model(name="m"), models=(model,))
    (section,) = [one for one in sheet_of(facts).more if one.title == "Modelos"]
    assert texts(section.grid) == [["m", "modelo", "bien", "1.010", "+1\xa0%", "1,25", "2,5 MB"]]
