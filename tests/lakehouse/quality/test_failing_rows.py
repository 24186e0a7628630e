import json

import duckdb
import pytest

from lakehouse.quality.failing_rows import trace_failing_rows

STG = """
    create table stg (id varchar, email varchar, price decimal(9, 2), _source_file varchar,
        _source_line integer, _batch_id varchar);
    insert into stg values
        ('A', 'canary@x.example', 1.50, 'b.csv', 7, 'b2'), ('A', null, 2, 'a.csv', 12, 'b1'),
        ('B', 'canary@y.example', null, 'a.csv', 3, 'b1'), (null, 'canary', 4, 'c.csv', 2, 'b3');
"""
PII = {"email": {"config": {"meta": {"pii": True}}}}


def generic(model, kind, column=None, **fields):
    return {
        "attached_node": model,
        "parents": [model],
        "column_name": column,
        "test_metadata": {"name": kind, "kwargs": {}},
        **fields,
    }


@pytest.fixture
def trace(make_manifest, make_results, warehouse):
    """Failing rows of the tests of `nodes`, all of which warn, over a warehouse made by SQL."""

    def run(sql, nodes, *, cap=50, compiled=None, connection=None):
        manifest = make_manifest(nodes)
        entries = {
            unique_id: {"status": "warn", "failures": 1, "compiled_code": compiled}
            if unique_id.startswith(("test.", "unit_test."))
            else "success"
            for unique_id in nodes
        }
        found = trace_failing_rows(
            connection or warehouse(sql), make_results(manifest, entries), manifest, cap
        )
        return {unique_id.split(".")[2]: rows for unique_id, rows in found.items()}

    return run


def places(rows):
    return [(row["_source_file"], row["_source_line"]) for row in rows.rows]


def test_repeated_values_are_joined_back_in_the_order_of_file_and_line(trace):
    found = trace(
        STG + "create table dq_audit.u as select 'A' unique_field, 2::bigint n_records",
        {"model.p.stg": {}, "test.p.u": generic("model.p.stg", "unique", "id")},
    )["u"]
    assert found.columns == ("_source_file", "_source_line", "id", "email", "price", "_batch_id")
    assert places(found) == [("a.csv", 12), ("b.csv", 7)]
    assert [row["price"] for row in found.rows] == ["2.00", "1.50"]
    assert (found.total, found.traced, found.marked, found.note) == (2, True, ("id",), "")


def test_rows_outside_of_the_where_of_a_test_are_not_shown(trace):
    found = trace(
        STG + "create table dq_audit.u as select 'A' unique_field, 2::bigint n_records",
        {
            "model.p.stg": {},
            "test.p.u": generic("model.p.stg", "unique", "id", config={"where": "price < 2"}),
        },
    )["u"]
    assert places(found) == [("b.csv", 7)]


def test_a_tested_expression_is_joined_back(trace):
    found = trace(
        STG + "create table dq_audit.u as select 'a' unique_field, 2::bigint n_records",
        {"model.p.stg": {}, "test.p.u": generic("model.p.stg", "unique", "lower(id)")},
    )["u"]
    assert places(found) == [("a.csv", 12), ("b.csv", 7)]


def test_columns_of_a_foreign_test_are_joined_back(trace):
    found = trace(
        STG + "create table dq_audit.f as select id, price from stg where id is null or id = 'B'",
        {"model.p.stg": {}, "test.p.f": generic("model.p.stg", "unique_combination")},
    )["f"]
    assert places(found) == [("a.csv", 3), ("c.csv", 2)]
    assert found.marked == ("id", "price")


def test_groups_of_a_singular_test_are_shown_as_they_are(trace):
    found = trace(
        STG + "create table dq_audit.s as select _source_file, count(*) n from stg group by all",
        {"model.p.stg": {}, "test.p.s": {"parents": ["model.p.stg"]}},
    )["s"]
    assert found.total == 3
    assert found.rows[0] == {"_source_file": "a.csv", "n": 2}


FACT = (
    STG
    + """
    create table stg_other (id integer, _source_file varchar, _source_line integer);
    insert into stg_other values (7, 'o.csv', 2);
    create table fct (id varchar, total integer);
    insert into fct values ('A', 1), ('A', 2), ('7', 3), ('Z', 4);
    create table dq_audit.nn as select * from fct;
"""
)
LINEAGE = {
    "model.p.stg": {},
    "model.p.stg_other": {},
    "model.p.int_other": {"parents": ["model.p.stg_other"]},
    "model.p.fct": {
        "parents": ["model.p.stg", "model.p.int_other"],
        "config": {"meta": {"key": "id"}},
    },
}


def test_a_fact_is_traced_by_its_key_to_the_nearest_ancestors_on_every_path(trace):
    found = trace(FACT, {**LINEAGE, "test.p.nn": generic("model.p.fct", "not_null", "total")})["nn"]
    assert [(row["id"], row["_source_file"], row["_source_line"]) for row in found.rows] == [
        ("A", "a.csv:12, b.csv:7", None),
        ("A", "a.csv:12, b.csv:7", None),
        ("7", "o.csv", 2),
        ("Z", None, None),
    ]
    assert not found.traced
    assert found.note == "1 of the rows shown have no origin upstream."
    assert found.note_code == "part_untraced"


@pytest.mark.parametrize(
    "key",
    [
        {"constraints": [{"type": "primary_key", "columns": ["id"]}]},
        {"columns": {"id": {"name": "id", "constraints": [{"type": "primary_key"}]}}},
        {"primary_key": ["id"]},
        {},
    ],
)
def test_the_key_may_be_a_constraint_or_follow_from_a_unique_test(trace, key):
    nodes = {
        **LINEAGE,
        "model.p.fct": {"parents": ["model.p.stg"], **key},
        "test.p.nn": generic("model.p.fct", "not_null", "total"),
    }
    if not key:
        nodes["test.p.u"] = generic("model.p.fct", "unique", "id")
    assert trace(FACT, nodes)["nn"].rows[0]["_source_file"] == "a.csv:12, b.csv:7"


def test_a_row_without_its_key_leads_to_the_rows_without_it_upstream(trace):
    sql = FACT + "insert into dq_audit.nn values (null, 9); delete from dq_audit.nn where total < 9"
    found = trace(sql, {**LINEAGE, "test.p.nn": generic("model.p.fct", "not_null", "id")})["nn"]
    assert places(found) == [("c.csv", 2)]


@pytest.mark.parametrize("key", ["'); drop table stg; --", "it''s", "\\'", "ñ\n", "", "null", "%_"])
def test_a_key_is_looked_up_as_it_is_whatever_it_holds(trace, key):
    as_sql = "'" + key.replace("'", "''") + "'"
    sql = f"""
        create table stg as select {as_sql} id, 'f.csv' _source_file, 2 _source_line;
        create table fct as select id from stg;
        create table dq_audit.nn as select id from fct;
    """
    nodes = {
        "model.p.stg": {},
        "model.p.fct": {"parents": ["model.p.stg"], "config": {"meta": {"key": ["id"]}}},
        "test.p.nn": generic("model.p.fct", "not_null", "id"),
    }
    assert places(trace(sql, nodes)["nn"]) == [("f.csv", 2)]


def test_the_origins_of_one_key_are_counted_beyond_ten(trace):
    sql = """
        create table stg as select 'A' id, 'f.csv' _source_file, range _source_line from range(25);
        create table fct as select 'A' id;
        create table dq_audit.nn as select * from fct;
    """
    nodes = {
        "model.p.stg": {},
        "model.p.fct": {"parents": ["model.p.stg"], "config": {"meta": {"key": ["id"]}}},
        "test.p.nn": generic("model.p.fct", "not_null", "id"),
    }
    assert trace(sql, nodes)["nn"].rows[0]["_source_file"].endswith("f.csv:9 and 15 more")


def test_a_model_without_key_or_files_says_why_it_is_not_traced(trace):
    found = trace(
        "create table m (a integer); create table dq_audit.nn as select 1 as a",
        {"model.p.m": {}, "test.p.nn": generic("model.p.m", "not_null", "a")},
    )["nn"]
    assert (found.total, found.traced) == (1, False)
    assert "config.meta.key" in found.note
    assert found.note_code == "untraced"


def test_rows_beyond_the_cap_are_counted_only(trace):
    found = trace(
        "create table m as select range a, 'f' _source_file, range _source_line from range(100);"
        "create table dq_audit.nn as select * from m order by a desc",
        {"model.p.m": {}, "test.p.nn": generic("model.p.m", "not_null", "a")},
        cap=3,
    )["nn"]
    assert (found.total, found.shown) == (100, 3)
    assert [row["_source_line"] for row in found.rows] == [0, 1, 2]


@pytest.mark.parametrize(
    ("stored", "column", "kind"),
    [
        ("select 'canary@x.example' unique_field, 1::bigint n_records", "email", "unique"),
        ("select 'canary-gone' unique_field, 2::bigint n_records", "email", "unique"),
        ("select 'canary-gone' value_field, 2::bigint n_records", "email", "accepted_values"),
        ("select 'canary-gone' from_field", "email", "relationships"),
        ("select 'canary@y.example' email", None, "foreign"),
        ("select * from stg", "price", "not_null"),
        ("select upper(email) shouted, 'CANARY' other from stg", None, "foreign"),
        ("select {'inner': email} whole_row from stg", None, "foreign"),
    ],
)
def test_no_value_of_a_masked_column_leaves_the_warehouse(trace, stored, column, kind):
    sql = STG + "update stg set email = upper(email) where id is null;"
    found = trace(
        f"{sql} create table dq_audit.t as {stored}",
        {
            "source.p.shop.raw": {"source_name": "shop", "columns": PII},
            "model.p.stg": {"parents": ["source.p.shop.raw"]},
            "test.p.t": generic("model.p.stg", kind, column),
        },
        compiled="select upper(email) from stg" if "shouted" in stored else "select 1",
    )["t"]
    assert found.rows
    said = json.dumps([found.rows, found.note, found.columns], ensure_ascii=False)
    assert "canary" not in said.lower()
    assert "••••••" in said


def test_an_empty_masked_value_stays_visible_as_empty(trace):
    found = trace(
        STG + "create table dq_audit.nn as select * from stg where email is null",
        {"model.p.stg": {"columns": PII}, "test.p.nn": generic("model.p.stg", "not_null", "email")},
    )["nn"]
    assert found.rows[0]["email"] is None


def test_an_unreadable_view_is_a_note_and_other_tests_are_read(trace):
    found = trace(
        STG
        + """create view v as select cast(email as integer) as id from stg;
        create view dq_audit.bad as select * from v;
        create table dq_audit.good as select * from stg where id = 'B';""",
        {
            "model.p.stg": {"columns": PII},
            "model.p.v": {"parents": ["model.p.stg"]},
            "test.p.bad": generic("model.p.v", "not_null", "id"),
            "test.p.good": generic("model.p.stg", "not_null", "price"),
            "test.p.absent": generic("model.p.stg", "not_null", "price"),
            "unit_test.p.ut": {"model": "stg"},
        },
    )
    assert found["bad"].note == "bad could not be read (ConversionException)."
    assert places(found["good"]) == [("a.csv", 3)]
    assert "store_failures" in found["absent"].note
    assert "unit test" in found["ut"].note
    assert {key: rows.note_code for key, rows in found.items()} == {
        "bad": "unreadable",
        "good": "",
        "absent": "not_kept",
        "ut": "unit_test",
    }


def test_a_closed_connection_is_a_note(trace, warehouse):
    connection = warehouse(STG)
    connection.close()
    nodes = {"model.p.stg": {}, "test.p.u": generic("model.p.stg", "unique", "id")}
    assert "could not be read" in trace("", nodes, connection=connection)["u"].note


def test_a_warehouse_attached_under_another_name_is_read(trace, tmp_path):
    with duckdb.connect(tmp_path / "warehouse.duckdb") as writer:
        writer.execute("create schema dq_audit;" + STG)
        writer.execute("create table dq_audit.u as select 'A' unique_field, 2::bigint n_records")
    nodes = {"model.p.stg": {}, "test.p.u": generic("model.p.stg", "unique", "id")}
    with duckdb.connect() as reader:
        reader.execute(f"attach '{tmp_path / 'warehouse.duckdb'}' as other (read_only); use other")
        assert trace("", nodes, connection=reader)["u"].traced


def test_odd_names_and_types_become_json(trace):
    sql = """create table "sch""ema" (i integer);
    create table "odd ""name" as select 1 as "select", 'nan'::double as "x""y", [1, 2] as l,
        timestamptz '2024-01-01 00:00:00+00' as t, '\\x00'::blob as b, 1e30::hugeint as h,
        'infinity'::timestamp as forever, repeat('x', 5000) as long_text, 'f' as _source_file;
    create table dq_audit.t as select * from "odd ""name";"""
    found = trace(
        sql,
        {
            "model.p.odd": {"alias": 'odd "name'},
            "test.p.t": generic("model.p.odd", "not_null", "select"),
        },
    )["t"]
    (row,) = json.loads(json.dumps(found.rows, allow_nan=False))
    assert (row["select"], row['x"y'], row["l"]) == (1, "nan", "[1, 2]")
    assert row["forever"] == "infinity"
    assert len(row["long_text"]) == 1000


def test_fifty_failing_tests_are_each_traced(trace):
    tables = "".join(
        f"create table dq_audit.t{at} as select 'A' unique_field, 2::bigint n_records;"
        for at in range(50)
    )
    tests = {f"test.p.t{at}": generic("model.p.fct", "unique", "id") for at in range(50)}
    found = trace(FACT + tables, {**LINEAGE, **tests})
    assert len(found) == 50
    assert sum(rows.total for rows in found.values()) == 100
