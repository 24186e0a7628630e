"""XML documents as rows: what is read, from where, and what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lakehouse.errors import CatalogInvalid, DeliveryRefused
from lakehouse.formats.staged_file import StagedFile
from lakehouse.formats.xml.reader import stage_xml
from lakehouse.source_catalog import Table

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
Columns = dict[str, str | None]


def xml_table(columns: Columns | list[str], record_path: str = "/catalogo/producto") -> Table:
    """Columns by name, with the path of each where it has one."""
    paths = columns if isinstance(columns, dict) else dict.fromkeys(columns)
    return Table.model_validate(
        {
            "source": "tienda",
            "name": "catalogo",
            "connector": "files",
            "block": "landing",
            "schema_name": "raw",
            "meta": {
                "load": "append",
                "pattern": "*.xml",
                "format": "xml",
                "file": {"record_path": record_path},
            },
            "columns": [{"name": name, "path": path} for name, path in paths.items()],
            "file": Path("_tienda__sources.yml"),
        }
    )


@pytest.fixture
def stage(tmp_path: Path) -> Callable[..., StagedFile]:
    """Write a document and stage it."""

    def write_and_stage(content: str | bytes, table: Table) -> StagedFile:
        file = tmp_path / "catalogo.xml"
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return stage_xml(file, table, tmp_path / "scratch")

    return write_and_stage


@pytest.fixture
def rows(stage, rows_of) -> Callable[..., list[tuple[Any, ...]]]:
    """Rows of a document, without their lines."""
    return lambda content, table: [row[:-1] for row in rows_of(stage(content, table))]


def products(*records: str, attributes: str = "") -> str:
    body = "\n".join(f"  <producto>{record}</producto>" for record in records)
    return f"{HEAD}<catalogo{attributes}>\n{body}\n</catalogo>\n"


def test_child_elements_are_columns_and_their_text_stays_text(rows):
    document = products("<id>001</id><precio> 1,50 </precio>", "<id>2</id><precio/>")
    assert rows(document, xml_table(["id", "precio"])) == [("001", " 1,50 "), ("2", "")]


def test_an_element_that_is_missing_in_some_records_is_null(stage, rows_of):
    document = products("<id>1</id>", "<marca>x</marca><id>2</id>", "<id>3</id><marca></marca>")
    staged = stage(document, xml_table(["id", "marca"]))
    assert staged.header == ("id", "marca")
    assert [row[:2] for row in rows_of(staged)] == [("1", None), ("2", "x"), ("3", "")]


def test_a_nil_element_is_null(rows):
    nil = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"'
    assert rows(products(f"<id>1</id><marca {nil}/>"), xml_table(["id", "marca"])) == [("1", None)]


def test_paths_reach_attributes_descendants_and_what_is_around(stage, rows_of):
    table = xml_table(
        {
            "codigo": "@id",
            "lista": "precio/lista",
            "moneda": "precio/@moneda",
            "fecha": "/catalogo/@fecha",
            "nombre": None,
        }
    )
    staged = stage(
        f'{HEAD}<catalogo fecha="2026-02-01">'
        '<producto id="7"><nombre>a</nombre><precio moneda="ARS"><lista>5</lista></precio>'
        '</producto><producto id="8"><nombre>b</nombre></producto></catalogo>',
        table,
    )
    found = [dict(zip(staged.header, row, strict=False)) for row in rows_of(staged)]
    assert found == [
        {"fecha": "2026-02-01", "lista": "5", "moneda": "ARS", "nombre": "a", "codigo": "7"},
        {"fecha": "2026-02-01", "lista": None, "moneda": None, "nombre": "b", "codigo": "8"},
    ]
    assert staged.new_columns == ()


def test_an_attribute_of_the_group_around_changes_with_it(rows):
    table = xml_table({"dia": "/c/grupo/@dia", "id": None}, "/c/grupo/p")
    document = (
        '<c><grupo dia="1"><p><id>a</id></p></grupo><grupo dia="2"><p><id>b</id></p></grupo></c>'
    )
    assert rows(document, table) == [("1", "a"), ("2", "b")]


def test_the_text_of_the_record_itself_is_a_path(rows):
    table = xml_table({"dia": "@dia", "valor": "."}, "/serie/valor")
    document = '<serie><valor dia="1">5<!-- c -->0</valor><valor dia="2"/></serie>'
    assert rows(document, table) == [("50", "1"), ("", "2")]


def test_text_of_records_that_no_column_takes_is_said(stage):
    assert "'.'" in stage(products("suelto<id>1</id>"), xml_table(["id"])).warnings[0]


def test_names_fit_in_any_namespace_unless_one_is_written(rows):
    document = (
        '<n:catalogo xmlns:n="urn:a" xmlns="urn:b"><n:producto><id>1</id></n:producto>'
        "<producto><id>2</id></producto></n:catalogo>"
    )
    assert rows(document, xml_table(["id"])) == [("1",), ("2",)]
    one = xml_table(["id"], "/catalogo/{urn:a}producto")
    assert rows(document, one) == [("1",)]
    other = xml_table({"id": "{urn:b}id"}, "/{urn:a}catalogo/{urn:b}producto")
    assert rows(document, other) == [("2",)]


def test_undeclared_elements_become_text_columns(stage, rows_of):
    document = products(
        "<id>1</id>",
        "<id>2</id><tags><t>x</t> &amp; <t>y</t></tags><foto>a</foto><foto>b&lt;</foto>",
        '<id>3</id><precio moneda="ARS"><lista>5</lista></precio>',
    )
    staged = stage(document, xml_table(["id"]))
    assert staged.new_columns == ("tags", "foto", "precio")
    assert rows_of(staged) == [
        ("1", None, None, None, 3),
        ("2", "<t>x</t> &amp; <t>y</t>", "<foto>a</foto><foto>b&lt;</foto>", None, 4),
        ("3", None, None, "<lista>5</lista>", 5),
    ]


def test_undeclared_attributes_of_a_record_become_columns(stage):
    staged = stage('<catalogo><producto id="1" k="v"/></catalogo>', xml_table({"id": "@id"}))
    assert (staged.header, staged.new_columns) == (("id", "@k"), ("@k",))


def test_a_declared_element_that_comes_twice_rejects_its_record(stage, rows_of):
    document = products("<id>1</id>", "<id>2</id><id>3</id>", "<id>4</id>")
    staged = stage(document, xml_table(["id"]))
    assert [row[0] for row in rows_of(staged)] == ["1", "4"]
    (reject,) = staged.rejects
    assert (reject.line, reject.column, reject.reason) == (4, "id", "comes 2 times")
    assert reject.raw == "<producto><id>2</id><id>3</id></producto>"


def test_a_path_that_fits_twice_rejects_its_record(stage):
    table = xml_table({"id": None, "precio": "p/v"})
    staged = stage(
        products("<id>1</id><p><v>1</v></p><p><v>2</v></p>", "<id>2</id><p><v>1</v></p>"), table
    )
    assert (staged.rows, [r.column for r in staged.rejects]) == (1, ["precio"])


def test_cdata_comments_instructions_and_entities_of_xml_itself_are_read_right(rows):
    document = products(
        "<!-- <producto> --><id><![CDATA[<a> & </a>]]></id>",
        "<id>x<!-- no -->y<?pi z?>&lt;&#241;&amp;</id><?pi?>",
    )
    assert rows(document, xml_table(["id"])) == [("<a> & </a>",), ("xy<ñ&",)]


@pytest.mark.parametrize(
    "document",
    [
        HEAD.replace("UTF-8", "ISO-8859-1").encode()
        + "<catalogo><producto><id>ñ</id></producto></catalogo>".encode("latin-1"),
        HEAD.replace("UTF-8", "windows-1252").encode()
        + "<catalogo><producto><id>ñ</id></producto></catalogo>".encode("cp1252"),
        HEAD.replace("UTF-8", "UTF-16").encode("utf-16")
        + "<catalogo><producto><id>ñ</id></producto></catalogo>".encode("utf-16-le"),
        b"\xef\xbb\xbf" + "<catalogo><producto><id>ñ</id></producto></catalogo>".encode(),
    ],
)
def test_the_encoding_is_that_of_declaration_or_mark(stage, rows_of, document):
    (row,) = rows_of(stage(document, xml_table(["id"])))
    assert row[0] == "ñ"
    assert row[1] in (1, 2)


def test_lines_are_those_where_the_start_tags_begin_however_many_there_are(stage, rows_of):
    filler = "<!-- <producto> \n -->" + "\n" * 70_000
    document = (
        f"<catalogo>{filler}<producto\n  k='1'\n><id>1</id></producto><producto><id>2</id>"
        "<x><producto/>\n</x></producto>\n<![CDATA[<producto>\n]]>\n"
        "<n:producto xmlns:n='u'><id>3</id></n:producto>"
        "<otro><producto>\n<id>no</id></producto></otro><productos/>\n<producto><id>4</id></producto></catalogo>"
    )
    read = rows_of(stage(document, xml_table(["id"])))
    lines = document.split("\n")
    assert [(row[0], lines[row[-1] - 1].count("producto") > 0) for row in read] == [
        ("1", True),
        ("2", True),
        ("3", True),
        ("4", True),
    ]
    assert [row[-1] for row in read] == [70_002, 70_004, 70_008, 70_010]


def test_a_root_without_records_is_an_empty_delivery(stage):
    staged = stage("<catalogo><otra/></catalogo>", xml_table(["id", "precio"]))
    assert (staged.rows, staged.header) == (0, ("id", "precio"))


def test_a_record_may_be_the_document_element(rows):
    assert rows("<producto><id>1</id></producto>", xml_table(["id"], "/producto")) == [("1",)]


def test_columns_that_turn_up_late_are_null_before(stage, rows_of, monkeypatch):
    monkeypatch.setattr("lakehouse.formats.xml.reader._BATCH_ROWS", 2)
    document = products(*(f"<id>{n}</id>" for n in range(5)), "<nuevo>n</nuevo><id>5</id>")
    staged = stage(document, xml_table(["id"]))
    assert rows_of(staged)[-2:] == [("4", None, 7), ("5", "n", 8)]
    assert len(rows_of(staged)) == 6
    assert [path.name for path in staged.path.parent.iterdir()] == [staged.path.name]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (products("<id>1</id>"), "missing columns: precio"),
        (
            products("<id>1</id><Precio>2</Precio>"),
            r"precio \(delivered in other letters: Precio\)",
        ),
        (products("<id>1</id><precio>1</precio><ID>x</ID>"), "come twice: id"),
        (products("<id>1</id><precio>1</precio><_batch_id>x</_batch_id>"), "lake adds itself"),
        ("<pedidos><producto/></pedidos>", "document element is pedidos"),
        ("", "not well-formed XML"),
        ("   \n", "not well-formed XML"),
        ("id,precio\n1,2\n", "not well-formed XML"),
        (products("<id>1</id><precio>1</precio>")[:-15], "line 3"),
        (products("<id>1</id><precio>1</precio>") + "<catalogo/>", "not well-formed XML"),
        (products("<id>1</precio><precio>1</id>"), "mismatch"),
        (products("<id>\x01</id>"), "not well-formed XML"),
        (products("<id>&nada;</id>"), "nada"),
        (products("<n:id>1</n:id>"), "not well-formed XML"),
        (b"<catalogo><producto><id>\xf1</id></producto></catalogo>", "not well-formed XML"),
        (b'<?xml version="1.0" encoding="klingon"?><catalogo/>', "not well-formed XML"),
    ],
)
def test_a_document_that_breaks_syntax_or_contract_is_refused(stage, document, reason, tmp_path):
    with pytest.raises(DeliveryRefused, match=reason) as refused:
        stage(document, xml_table(["id", "precio"]))
    assert "tienda.catalogo, file catalogo.xml" in str(refused.value)
    assert not list((tmp_path / "scratch").iterdir())


@pytest.mark.parametrize(
    "path", ["@", "a//b", "/catalogo/@", "/otra/@x", "a/@b/c", "/catalogo/x", ""]
)
def test_a_path_that_is_none_is_a_fault_of_the_contract(stage, path):
    with pytest.raises(CatalogInvalid, match=r"column id, field config\.meta\.path"):
        stage(products("<id>1</id>"), xml_table({"id": path}))


@pytest.mark.parametrize("record_path", ["catalogo/producto", "/", "/catalogo/@id"])
def test_a_record_path_that_is_none_is_a_fault_of_the_contract(stage, record_path):
    with pytest.raises(CatalogInvalid, match="record_path"):
        stage(products("<id>1</id>"), xml_table(["id"], record_path))
