import pytest

from lakehouse.errors import DeliveryRefused

SALES = {
    "invoice_id": "varchar",
    "fecha": "date",
    "cantidad": "integer",
    "precio_unit": "decimal(18,2)",
}
POINT = "invoice_id,fecha,cantidad,precio_unit\nARG-001,2024-01-15,100,850.50\n"
COMMA = "invoice_id;fecha;cantidad;precio_unit\nARG-001;15/01/2024;1.100;1.850,50\n"


def test_each_file_is_read_in_the_dialect_that_it_fits(stage, make_table):
    assert stage(POINT.encode(), make_table(SALES)).dialect.delimiter == ","
    assert stage(COMMA.encode(), make_table(SALES)).dialect.delimiter == ";"


@pytest.mark.parametrize(
    ("encoding", "read_as"),
    [
        ("utf-8", "utf-8"),
        ("cp1252", "cp1252"),
        ("latin-1", "cp1252"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16-le"),
    ],
)
def test_every_encoding_of_a_sender_gives_the_same_text(
    stage, make_table, rows_of, lines_of, encoding, read_as
):
    text = "código;nombre\n1;Antibiótico Ñandú\n2;\n3;niño\n"
    staged = stage(text.encode(encoding), make_table(["código", "nombre"]))
    assert rows_of(staged) == [("1", "Antibiótico Ñandú"), ("2", None), ("3", "niño")]
    assert staged.encoding == read_as
    assert lines_of(staged) == [2, 3, 4]


def test_utf16_big_endian_is_read_by_its_mark(stage, make_table, rows_of):
    content = b"\xfe\xff" + "a,b\nñ,2\n".encode("utf-16-be")
    assert rows_of(stage(content, make_table(["a", "b"]))) == [("ñ", "2")]


def test_the_euro_sign_of_cp1252_is_kept(stage, make_table, rows_of):
    assert rows_of(stage("a,b\n€,“x”\n".encode("cp1252"), make_table(["a", "b"]))) == [("€", "“x”")]


def test_a_latin1_decimal_comma_file_is_not_read_as_one_column(stage, make_table):
    content = COMMA.replace("ARG", "ÁRG").encode("latin-1")
    only_comma = ({"delimiter": ",", "encoding": ["latin-1"]},)
    with pytest.raises(DeliveryRefused, match=r"ONE column under delimiter ','.* 3 times ';'"):
        stage(content, make_table(SALES, only_comma))
    assert stage(content, make_table(SALES)).header == tuple(SALES)


def test_a_few_damaged_bytes_do_not_turn_a_utf8_file_into_another_encoding(
    stage, make_table, rows_of
):
    content = "a,b\nniño,1\ncafé,2\n".encode() + b"cort\xc3,3\n" + "Ñ,4\n".encode()
    staged = stage(content, make_table(["a", "b"]))
    assert rows_of(staged) == [("niño", "1"), ("café", "2"), ("Ñ", "4")]
    assert [(reject.line, reject.raw) for reject in staged.rejects] == [(4, "cort\\xc3,3")]
    assert "1 places are not UTF-8" in staged.warnings[0]


def test_a_refusal_says_for_each_dialect_what_it_lacks(stage, make_table):
    content = b"invoice_id;fecha;precio_unit\nx;15/01/2024;1\n"
    with pytest.raises(DeliveryRefused) as refusal:
        stage(content, make_table(SALES))
    message = str(refusal.value)
    assert message.startswith("pharma_files.ventas, file ventas.csv fits none of the dialects")
    assert "dialect 1, delimiter ',': the header is ONE column" in message
    assert "dialect 2, delimiter ';': missing columns: cantidad" in message


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("invoice_id,fecha,,cantidad,precio_unit", "columns without a name at place 3"),
        ("invoice_id,fecha,Fecha,cantidad,precio_unit", "columns that come twice: fecha"),
        ("invoice_id,Fecha,cantidad,precio_unit", r"missing columns: fecha .*letters: Fecha"),
        ("invoice_id,fecha,cantidad,precio_unit,_batch_id", "the lake adds itself: _batch_id"),
    ],
)
def test_a_header_that_breaks_the_contract_is_refused(stage, make_table, header, reason):
    with pytest.raises(DeliveryRefused, match=reason):
        stage(f"{header}\n".encode(), make_table(SALES))


def test_a_file_without_header_is_refused_without_showing_its_data(stage, make_table):
    with pytest.raises(DeliveryRefused, match="is the header missing") as refusal:
        stage(b"Ana Secreta,2024-01-15,1,2.00\n", make_table(SALES))
    assert "Secreta" not in str(refusal.value)


def test_a_file_of_which_no_row_converts_is_refused_with_its_commonest_fault(stage, make_table):
    content = POINT.replace("2024-01-15", "Jan 15") + "x,Jan 16,1,2\n"
    with pytest.raises(
        DeliveryRefused, match=r"column fecha: not a date like %Y-%m-%d \(2 of 2 rows\)"
    ):
        stage(content.encode(), make_table(SALES))


def test_a_header_in_another_delimiter_than_the_rows_is_refused(stage, make_table):
    content = POINT.splitlines()[0] + "\n" + "ARG-001;2024-01-15;100;850.50\n" * 3
    with pytest.raises(DeliveryRefused, match=r"all 3 records .* wrong number of columns"):
        stage(content.encode(), make_table(SALES))


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf\r\n", b"\n\n"])
def test_an_empty_file_is_refused(stage, make_table, content):
    with pytest.raises(DeliveryRefused, match="is empty"):
        stage(content, make_table(SALES))


def test_an_encoding_that_does_not_decode_is_named_with_byte_and_line(stage, make_table):
    only_utf8 = ({"encoding": "utf-8"},)
    with pytest.raises(DeliveryRefused, match="byte 0xF1 in line 2 is not utf-8"):
        stage("a\nni\xf1o\n".encode("latin-1"), make_table(["a"], only_utf8))


def test_utf16_without_mark_is_read_where_declared_and_explained_where_not(
    stage, make_table, rows_of
):
    content = "a,b\nñ,2\n".encode("utf-16-le")
    declared = ({"encoding": ["utf-8", "utf-16-le"]},)
    assert rows_of(stage(content, make_table(["a", "b"], declared))) == [("ñ", "2")]
    ascii_only = "a,b\n1,2\n".encode("utf-16-le")
    with pytest.raises(DeliveryRefused, match="NUL bytes: if the file is UTF-16"):
        stage(ascii_only, make_table(["a", "b"]))


DAY_FIRST = {"delimiter": ",", "date_format": "%d/%m/%Y"}
MONTH_FIRST = {"delimiter": ",", "date_format": "%m/%d/%Y"}


def test_of_two_fitting_dialects_the_one_that_converts_more_rows_is_used(stage, make_table):
    table = make_table({"fecha": "date"}, (DAY_FIRST, MONTH_FIRST))
    staged = stage(b"fecha\n01/02/2024\n01/13/2024\n", table)
    assert staged.dialect.date_format == "%m/%d/%Y"
    assert staged.warnings == ()


def test_an_undecided_file_is_read_in_the_first_dialect_with_a_warning(stage, make_table):
    table = make_table({"fecha": "date"}, (DAY_FIRST, MONTH_FIRST))
    staged = stage(b"fecha\n01/02/2024\n03/03/2024\n", table)
    assert staged.dialect.date_format == "%d/%m/%Y"
    assert staged.warnings[0].startswith("1 of the first 2 rows would have other values")


def test_columns_captured_from_the_file_name_are_not_expected_in_it(stage, make_table):
    table = make_table(["a", "pais"], regex=r"ventas_(?P<pais>\w+)\.csv")
    assert stage(b"a\n1\n", table).header == ("a",)
    with pytest.raises(DeliveryRefused, match="the lake adds itself: pais"):
        stage(b"a,pais\n1,AR\n", table)
