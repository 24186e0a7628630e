import re
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
    RefusedFile,
    SourceFacts,
    TestState,
)
from lakehouse.reports.views.owner_view import build_owner_sheet, owner_href
from lakehouse.reports.views.view_types import Tag


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


@pytest.mark.parametrize(
    ("outcome", "status"), [("refused", "pass"), ("not run", "fail"), ("not run", "pass")]
)
def test_where_nothing_went_out_rows_and_date_are_those_that_readers_still_have(
    flowing, make_test, now, outcome, status
):
    last = replace(flowing.publish, outcome=outcome, at=now - timedelta(days=1))
    nodes = (*flowing.results.nodes, make_test(status=status))
    stopped = replace(flowing, publish=last, results=replace(flowing.results, nodes=nodes))
    assert texts(sheet_of(stopped).flow)[-1] == [
        "bi.ventas",
        "no publicada",
        "21.392",
        "",
        "ayer",
        "sigue vigente",
    ]


def test_a_table_that_never_went_out_shows_no_rows_after_a_failure(flowing, make_test):
    never = replace(flowing, publish=PublishFacts("not run"))
    assert texts(sheet_of(never).flow)[-1][:3] == ["bi.ventas", "construida", "1.200"]
    nodes = (*flowing.results.nodes, make_test(status="fail"))
    failed = replace(never, results=replace(never.results, nodes=nodes))
    assert texts(sheet_of(failed).flow)[-1] == ["bi.ventas", "no publicada", "", "", "", ""]


def test_the_name_of_a_published_table_does_not_look_like_a_faulty_value(flowing):
    assert [row[0].kind for row in sheet_of(flowing).flow.rows] == ["code", "code", "name"]


@pytest.mark.parametrize(
    ("refused_hours_ago", "loaded_hours_ago", "change", "arrived", "origin"),
    [
        (1, 30, "", "05:03", "mala.csv: no se cargó; sigue lo del 20 nov 2026"),
        (30, 1, "+1,2\xa0%", "05:03", "mala.csv: no se cargó; sigue lo del 21 nov 2026"),
        (1, None, "", "05:03", "mala.csv: no se cargó"),
    ],
)
def test_a_table_in_quarantine_names_the_refused_file(
    flowing, now, refused_hours_ago, loaded_hours_ago, change, arrived, origin
):
    refused = RefusedFile("mala.csv", "no header", now - timedelta(hours=refused_hours_ago))
    loaded = None if loaded_hours_ago is None else now - timedelta(hours=loaded_hours_ago)
    source = replace(
        flowing.sources[1],
        arrival="quarantined",
        status=None,
        arrived_at=loaded,
        refused_files=(refused,),
    )
    row = texts(sheet_of(replace(flowing, sources=(source,))).flow)[0]
    assert row == ["pharma.arg", "en cuarentena", "12.480", change, arrived, origin]


def test_several_files_in_quarantine_are_counted(flowing, now):
    refused = tuple(RefusedFile(f"{name}.csv", "", now) for name in "abc")
    source = replace(
        flowing.sources[1], arrival="quarantined", arrived_at=None, refused_files=refused
    )
    row = texts(sheet_of(replace(flowing, sources=(source,))).flow)[0]
    assert row[-1] == "a.csv y 2 más: no se cargó"


@pytest.mark.parametrize(
    ("arrival", "status", "word", "tone"),
    [
        ("unchanged", None, "sin cambios", "skip"),
        ("loaded", None, "cargada", "ok"),
        ("late", "fail", "atrasada", "bad"),
        ("quarantined", None, "en cuarentena", "warn"),
        ("never", "fail", "nunca llegó", "bad"),
        ("unchanged", "error", "no se pudo comprobar", "bad"),
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


def test_two_groups_of_one_slug_have_two_pages(make_facts, make_test):
    groups = tuple(GroupFacts(name, name) for name in ("Ventas LATAM", "ventas_latam", "stock"))
    facts = make_facts(make_test(), groups=groups)
    hrefs = [owner_href(facts, group.name) for group in groups]
    assert len(set(hrefs)) == 3
    assert all(re.fullmatch(r"owners/ventas-latam-[0-9a-f]{8}\.html", one) for one in hrefs[:2])
    assert hrefs[2] == "owners/stock.html"


def test_an_owner_of_nothing_has_a_sheet(make_facts, make_test):
    facts = make_facts(make_test(), groups=(GroupFacts("nada", "Nada", language="fr"),))
    sheet = sheet_of(facts)
    assert (sheet.frame.language, sheet.look_at, sheet.flow.rows) == ("en", (), ())


def test_models_show_rows_against_the_build_before(make_facts, make_model):
    model = ModelFacts("model.p.m", "m", "model", "s", "pass", 1.25, 1010, 1000, 2_500_000)
    facts = make_facts(make_model(name="m"), models=(model,))
    (section,) = [one for one in sheet_of(facts).more if one.title == "Modelos"]
    assert texts(section.grid) == [["m", "modelo", "bien", "1.010", "+1\xa0%", "1,25", "2,5 MB"]]
