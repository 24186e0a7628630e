import duckdb
import pytest

from lakehouse.quality.receipt import ReceiptColumn, read_receipts

RECEIPT = {"config": {"meta": {"receipt": True}}}
TABLE = """
    create table r as
    select * from (values
        ('orders', 99441::bigint, 13591643.70::decimal(18, 2), 0.1::double, true, 'ana@x.example'),
        ('items', null, 0.05, 'nan', null, null)
    ) as v (step, rows, amount, share, balanced, email);
"""


@pytest.fixture
def read(make_manifest, make_results, warehouse):
    """The receipts of `nodes`, over a warehouse made by SQL."""

    def run(sql, nodes, statuses=None, connection=None):
        manifest = make_manifest(nodes)
        built = {**dict.fromkeys(nodes, "success"), **(statuses or {})}
        return read_receipts(connection or warehouse(sql), make_results(manifest, built), manifest)

    return run


def test_rows_keep_their_order_and_their_exact_values(read):
    (receipt,) = read(TABLE, {"model.p.r": RECEIPT})
    assert [column.name for column in receipt.columns] == [
        "step",
        "rows",
        "amount",
        "share",
        "balanced",
        "email",
    ]
    assert receipt.rows == (
        ("orders", "99441", "13591643.70", "0.1", "true", "ana@x.example"),
        ("items", None, "0.05", "nan", None, None),
    )
    assert (receipt.name, receipt.total, receipt.readable) == ("r", 2, True)


def test_a_column_is_told_with_its_description_and_whether_it_holds_numbers(read):
    sql = """
        create table r as select
            'a' as step, 1::hugeint as whole, 1::utinyint as tiny, 1.5::decimal(9, 3) as amount,
            1.5::float as share, '7' as code, date '2024-01-01' as day, [1] as many;
    """
    columns = {"Step": {"description": "Where the rows were counted."}, "gone": {}}
    (receipt,) = read(sql, {"model.p.r": {**RECEIPT, "columns": columns}})
    assert receipt.columns == (
        ReceiptColumn("step", "Where the rows were counted."),
        ReceiptColumn("whole", "", True, 0),
        ReceiptColumn("tiny", "", True, 0),
        ReceiptColumn("amount", "", True, 3),
        ReceiptColumn("share", "", True),
        ReceiptColumn("code"),
        ReceiptColumn("day"),
        ReceiptColumn("many"),
    )
    assert receipt.rows == (("a", "1", "1", "1.500", "1.5", "7", "2024-01-01", "[1]"),)


def test_a_masked_column_of_an_ancestor_is_masked_and_no_number(read):
    nodes = {
        "source.p.shop.people": {"columns": {"ROWS": {"config": {"meta": {"pii": True}}}}},
        "model.p.r": {**RECEIPT, "parents": ["source.p.shop.people"]},
    }
    (receipt,) = read(TABLE, nodes)
    assert [row[1] for row in receipt.rows] == ["••••••", None]
    assert receipt.columns[1] == ReceiptColumn("rows")
    assert "99441" not in str(receipt)


def test_only_models_that_ask_for_it_and_were_built_are_receipts(read):
    sql = "".join(f"create table {name} as select 1 as one;" for name in "abcdef")
    nodes = {
        "model.p.b": RECEIPT,
        "model.p.a": {"meta": {"receipt": True}},
        "model.p.c": {},
        "model.p.d": {"config": {"meta": {"receipt": False}}},
        "model.p.e": RECEIPT,
        "seed.p.f": RECEIPT,
    }
    receipts = read(sql, nodes, {"model.p.e": "error"})
    assert [receipt.name for receipt in receipts] == ["a", "b", "f"]


def test_two_hundred_rows_are_read_and_all_are_counted(read):
    (receipt,) = read(
        "create table r as select n from range(1000) as t (n)", {"model.p.r": RECEIPT}
    )
    assert (len(receipt.rows), receipt.total) == (200, 1000)
    assert receipt.rows[:2] == (("0",), ("1",))


def test_a_long_value_is_cut(read):
    (receipt,) = read("create table r as select repeat('x', 5000) as t", {"model.p.r": RECEIPT})
    assert receipt.rows == (("x" * 1000,),)


def test_names_of_any_content_are_read(read):
    (receipt,) = read(
        'create table "r""s" as select 1 as "a ""b""; --"',
        {"model.p.rs": {**RECEIPT, "alias": 'r"s'}},
    )
    assert (receipt.columns[0].name, receipt.rows) == ('a "b"; --', (("1",),))


def test_a_table_without_rows_is_readable_and_empty(read):
    (receipt,) = read("create table r (id integer)", {"model.p.r": RECEIPT})
    assert (receipt.readable, receipt.rows, receipt.total) == (True, (), 0)


def test_a_receipt_that_cannot_be_read_hinders_no_other(read, tmp_path):
    gone = tmp_path / "gone.csv"
    gone.write_text("a,b\n1,2\n")
    sql = f"create view broken as from read_csv('{gone}'); create table r as select 1 as one;"
    nodes = {"model.p.broken": RECEIPT, "model.p.missing": RECEIPT, "model.p.r": RECEIPT}
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute(sql)
        gone.unlink()
        receipts = read("", nodes, connection=connection)
    assert {receipt.name: receipt.readable for receipt in receipts} == {
        "broken": False,
        "missing": False,
        "r": True,
    }
