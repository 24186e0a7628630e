from datetime import timedelta

import pytest

from lakehouse.quality.run_facts import SourceFacts
from lakehouse.quality.source_faults import RefusedFile, RefusedRow, SourceFault
from lakehouse.reports.views.domain_view import build_domain_page
from lakehouse.reports.views.not_loaded import not_loaded_section
from lakehouse.reports.views.owner_view import build_owner_sheet
from lakehouse.reports.wording import Wording

ES = Wording.of("es")
ROW = RefusedRow("bra.csv", 2004, "cantidad", "not an integer")


def make_source(name="pharma.bra", **overrides):
    fields = {"unique_id": f"source.p.{name}", "name": name, "arrival": "loaded", **overrides}
    return SourceFacts(**fields)


@pytest.fixture
def tell(now):
    """The section of some sources, in Spanish."""
    return lambda *sources: not_loaded_section(sources, now, ES)


def make_fault(now, **overrides):
    fields = {
        "error_id": 1,
        "kind": "missing",
        "table": "pharma.bra",
        "file": "bra*.csv",
        "message": "no file named like bra*.csv is in /srv/landing",
        "since": now - timedelta(days=3),
        **overrides,
    }
    return SourceFault(**fields)


def texts(section):
    heads = [column.text for column in section.grid.columns]
    return [dict(zip(heads, [cell.text for cell in row], strict=True)) for row in section.grid.rows]


def test_where_all_was_loaded_nothing_is_said(tell):
    assert tell(make_source()) is None
    assert tell() is None


def test_a_file_in_quarantine_says_when_it_came_and_why_it_was_refused(tell, now):
    refused = RefusedFile("bra.csv", "no header:\n- ';' gives 2\n- ',' gives 1", now)
    section = tell(make_source(arrival="quarantined", refused_files=(refused,)))
    assert section.title == "Lo que no se cargó"
    assert texts(section) == [
        {
            "estado": "en cuarentena",
            "tabla": "pharma.bra",
            "de dónde viene": "bra.csv",
            "motivo": "no header:\n- ';' gives 2\n- ',' gives 1",
            "llegó (UTC)": "06:03",
        }
    ]
    assert section.lines == (
        "De un archivo en cuarentena no se cargó nada: corríjalo según el motivo y entréguelo "
        "otra vez, con el mismo nombre.",
    )


def test_a_refused_row_names_file_line_column_and_reason(tell):
    (row,) = texts(tell(make_source(rejected=1, refused_rows=(ROW,))))
    assert row == {
        "estado": "fila rechazada",
        "tabla": "pharma.bra",
        "de dónde viene": "bra.csv, línea 2004",
        "columna": "cantidad",
        "motivo": "not an integer",
    }


def test_a_row_that_lacks_only_a_value_is_told_apart_from_one_that_is_missing(tell):
    partly = RefusedRow("bra.xlsx", None, "precio", "not a number", loaded=True)
    section = tell(make_source(rejected=1, refused_rows=(partly, ROW)))
    assert [row["estado"] for row in texts(section)] == [
        "fila rechazada",
        "fila cargada, valor vacío",
    ]
    assert texts(section)[1]["de dónde viene"] == "bra.xlsx"
    assert section.lines[1].startswith("De una fila con «valor vacío» solo falta ese valor")


def test_files_of_all_tables_come_before_rows(tell, now):
    refused = RefusedFile("arg.csv", "empty", now - timedelta(days=1))
    section = tell(
        make_source(refused_rows=(ROW,)), make_source("pharma.arg", refused_files=(refused,))
    )
    assert [row["tabla"] for row in texts(section)] == ["pharma.arg", "pharma.bra"]


def test_rows_that_are_not_shown_are_counted_a_row_of_two_faults_once(tell):
    other = RefusedRow("bra.csv", 2004, "precio", "not a number")
    section = tell(make_source(rejected=1234, refused_rows=(ROW, other)))
    assert section.grid.note == "De pharma.bra se muestran 1 de 1.234 filas rechazadas."
    assert tell(make_source(rejected=1, refused_rows=(ROW, other))).grid.note == ""


def test_a_long_list_is_cut_and_says_so(tell):
    rows = tuple(RefusedRow("bra.csv", at, None, "short") for at in range(20))
    sources = [make_source(f"s.t{at}", refused_rows=rows) for at in range(11)]
    section = tell(*sources)
    assert len(section.grid.rows) == 200
    assert section.grid.note == "… y 20 más."


def test_an_owner_sees_what_concerns_him_and_the_domain_page_everything(make_facts, make_freshness):
    own = make_freshness(status="pass")
    mine = make_source("pharma.ventas_bra", unique_id=own.unique_id, refused_rows=(ROW,))
    other = make_source("pharma.other", refused_rows=(ROW,))
    facts = make_facts(own, sources=(mine, other), language="es")
    sheet = build_owner_sheet(facts, facts.groups[0])
    assert [row["tabla"] for row in texts(sheet.not_loaded)] == ["pharma.ventas_bra"]
    page = build_domain_page(facts)
    assert page.sections[0].title == "Lo que no se cargó"
    assert len(page.sections[0].grid.rows) == 2


def test_a_file_that_did_not_come_says_what_is_expected_since_when_and_what_to_do(tell, now):
    section = tell(make_source(faults=(make_fault(now),)))
    assert texts(section) == [
        {
            "estado": "no llegó",
            "de dónde viene": "bra*.csv",
            "motivo": "falta desde: 18 nov 2026",
            "tabla": "pharma.bra",
        }
    ]
    assert "entréguelo o pídalo a quien lo envía" in section.lines[0]


def test_a_source_that_could_not_be_read_stands_there_once_for_all_of_its_tables(tell, now):
    fault = make_fault(now, kind="unread", table="pharma", file="", message="no answer")
    section = tell(make_source(faults=(fault,)), make_source("pharma.arg", faults=(fault,)))
    assert texts(section) == [
        {"estado": "no se pudo leer", "motivo": "no answer", "tabla": "pharma"}
    ]
    assert "quienes operan la plataforma" in section.lines[0]


def test_what_is_told_by_file_or_row_is_not_told_again_as_an_error(tell, now):
    refused = RefusedFile("bra.csv", "empty", now)
    faults = (
        make_fault(now, error_id=2, kind="quarantined", file="bra.csv", message="empty"),
        make_fault(now, error_id=3, kind="quarantined", file="old.csv", message="no header"),
        make_fault(now, error_id=4, kind="partly", file="bra.csv", message="values refused"),
        make_fault(now, error_id=5, kind="partly", file="late.csv", message="values refused"),
    )
    source = make_source(refused_files=(refused,), refused_rows=(ROW,), faults=faults)
    assert [(row["estado"], row["de dónde viene"]) for row in texts(tell(source))] == [
        ("en cuarentena", "bra.csv"),
        ("en cuarentena", "old.csv"),
        ("fila rechazada", "bra.csv, línea 2004"),
        ("cargado en parte", "late.csv"),
    ]


def test_an_owner_reads_in_his_verdict_that_there_is_something_to_know(
    make_facts, make_freshness, now
):
    own = make_freshness(status="pass")
    mine = make_source("pharma.bra", unique_id=own.unique_id, faults=(make_fault(now),))
    facts = make_facts(own, sources=(mine,))
    sheet = build_owner_sheet(facts, facts.groups[0])
    assert sheet.verdict.tone == "warn"
    assert "No llegó o no se pudo cargar: pharma.bra." in sheet.verdict.explain
    assert "no llegó" in str(sheet.not_loaded)
    domain = build_domain_page(facts)
    assert "Did not come or could not be loaded: pharma.bra." in domain.verdict.explain
    assert "did not come" in str(domain.sections)
