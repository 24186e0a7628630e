"""Every type of PostgreSQL arrives in the lake as the server itself says it is, cell by cell."""

from dataclasses import dataclass
from typing import Any

import pytest
from servers.postgres_source import PostgresSource

from lakehouse.errors import (
    DatabaseRefused,
)

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Kind:
    """A column of the torture table.

    Attributes:
        server_type: on the server.
        declared: its type in the contract.
        values: SQL of what is inserted, one a row.
        server: SQL that makes the server say the value, and `raw` the same of the lake.
    """

    server_type: str
    declared: str
    values: tuple[str, ...]
    server: str = "{}::text"
    raw: str = "{}::varchar"


BYTES = {"server": "encode(convert_to({}, 'UTF8'), 'hex')", "raw": "lower(hex(encode({})))"}
TEXTS = (
    "''",
    "'NULL'",
    "' a '",
    r"'\N'",
    r"'\.'",
    "'ñ€😀'",
    "'it''s \"x\" %s :y,;'",
    "E'\\r\\n\\t'",
)
FLOAT = {"server": "{}::float8", "raw": "{}::double"}
MOMENT = {
    "raw": "strftime({}, '%Y-%m-%d %H:%M:%S.%f')",
    "server": "to_char({}, 'YYYY-MM-DD HH24:MI:SS.US')",
}

KINDS: dict[str, Kind] = {
    "small": Kind("smallint", "smallint", ("-32768", "32767")),
    "plain": Kind("integer", "integer", ("-2147483648", "2147483647")),
    "big": Kind("bigint", "bigint", ("-9223372036854775808", "9223372036854775807")),
    "number_of": Kind("oid", "uinteger", ("4294967295",)),
    "price": Kind("numeric(12,2)", "decimal(12,2)", ("-9999999999.99", "0", "19.9")),
    "exact": Kind("numeric(38,10)", "decimal(38,10)", ("9999999999999999999999999999.9999999999",)),
    "whole": Kind("numeric(38,0)", "decimal(38,0)", ("99999999999999999999999999999999999999",)),
    "wide": Kind("numeric(60,20)", "varchar", ("1e39", "-0.00000000000000000001")),
    "unbounded": Kind("numeric", "varchar", ("1e100", "'NaN'", "0.10", "'-Infinity'")),
    "narrowed": Kind("numeric", "decimal(38,10)", ("123.456", "-7")
                     , "{}::numeric(38,10)::text"),
    "rounded": Kind("numeric(5,-2)", "varchar", ("12345",)),
    "single": Kind("real", "float", ("0.1", "16777216", "3.4e38", "'NaN'", "'-Infinity'"),
                   **FLOAT),
    "ratio": Kind("double precision", "double", ("0.1", "1e308", "5e-324", "'NaN'", "'Infinity'"),
                  **FLOAT),
    "flag": Kind("boolean", "boolean", ("true", "false")),
    "day": Kind("date", "date", ("'0001-01-01'", "'9999-12-31'", "'2024-02-29'", "'12345-01-01'")),
    "moment": Kind("timestamp", "timestamp",
                   ("'2024-02-29 23:59:59.999999'", "'0001-01-01'"), **MOMENT),
    "stamp": Kind("timestamptz", "timestamptz",
                  ("'2024-02-29 23:59:59.999999-03'", "'1900-01-01 00:00+05:53:28'"),
                  "to_char({} at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')",
                  "strftime({}, '%Y-%m-%d %H:%M:%S.%f')"),
    "seconds": Kind("timestamptz(0)", "timestamptz", ("'2024-06-01 12:00:00+02'",),
                    "to_char({} at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')",
                    "strftime({}, '%Y-%m-%d %H:%M:%S')"),
    "clock": Kind("time", "time", ("'00:00'", "'23:59:59.999999'")),
    "clock_zone": Kind("timetz", "varchar", ("'12:00+02'",)),
    "lasts": Kind("interval", "varchar", ("'1 year -2 days 03:04:05.6'", "'-838:59:59'")),
    "identity": Kind("uuid", "varchar", ("'123e4567-e89b-12d3-a456-426655440000'",)),
    "doc": Kind("json", "json", ("'{\"a\":  [1, null]}'", "'null'", "'\"\"'")),
    "docb": Kind("jsonb", "json", ('\'{"ñ": 1e400, "a": "x"}\'',)),
    "list_of": Kind("integer[]", "integer[]", ("'{}'", "'{1,null,-3}'", "'{2147483647}'"),
                    "to_jsonb({})::text", "replace(to_json({})::varchar, ',', ', ')"),
    "grid": Kind("text[][]", "json", ("array[['a,b','\"'],[null,'']]",), "to_jsonb({})::text"),
    "bytes_of": Kind("bytea", "blob", ("'\\x00ff00'", "''", "'\\xfb'"), "encode({}, 'hex')",
                     "lower(hex({}))"),
    "mood": Kind("mood", "varchar", ("'it''s'", "'sad'")),
    "domain_of": Kind("positive", "decimal(10,2)", ("1.5",)),
    "pair_of": Kind("pair", "json", ("row(1, 'a\"b')",), "to_jsonb({})::text"),
    "address": Kind("inet", "varchar", ("'::1'", "'10.0.0.1/8'")),
    "network": Kind("cidr", "varchar", ("'10.0.0.0/8'",)),
    "money_of": Kind("money", "varchar", ("1234.5",)),
    "span": Kind("int4range", "varchar", ("'[1,10)'", "'empty'")),
    "days": Kind("daterange", "varchar", ("'[2024-01-01,2024-02-01)'",)),
    "spans": Kind("int4multirange", "varchar", ("'{[1,3),[5,8)}'",)),
    "bits": Kind("bit varying", "varchar", ("b'10101'",)),
    "place": Kind("point", "varchar", ("point(1.5, -2)",)),
    "words": Kind("tsvector", "varchar", ("'gato perro'::tsvector",)),
    "page": Kind("xml", "varchar", ("'<a b=\"1\">x</a>'",)),
    "text_of": Kind("text", "varchar", (*TEXTS, "repeat('ñ', 3000000)"), **BYTES),
    "short": Kind("varchar(10)", "varchar", TEXTS[:2], **BYTES),
    "padded": Kind("char(5)", "varchar", ("'a'", "''"), "rpad({}::text, 5)"),
    "letter": Kind('"char"', "varchar", ("'x'",)),
    "twice": Kind("bigint generated always as (id * 2) stored", "bigint", ()),
}  # fmt: skip


@pytest.fixture
def torture(postgres_source: PostgresSource) -> PostgresSource:
    """A table with a column of each kind; a row a value, the others NULL, and one row of NULLs."""
    columns = ", ".join(f"{name} {kind.server_type}" for name, kind in KINDS.items())
    rows = [(name, value) for name, kind in KINDS.items() for value in kind.values]
    postgres_source.run(
        "create type mood as enum ('sad', 'it''s')",
        "create domain money_like as numeric(10,2)",
        "create domain positive as money_like check (value > 0)",
        "create type pair as (a integer, b text)",
        f"create table torture (id integer primary key, {columns})",
        "insert into torture (id) values (0)",
        *(
            f"insert into torture (id, {name}) values ({number}, {value})"
            for number, (name, value) in enumerate(rows, 1)
        ),
    )
    return postgres_source


def test_every_type_arrives_as_the_server_says_it(torture: PostgresSource) -> None:
    declared = {"id": "integer"} | {name: kind.declared for name, kind in KINDS.items()}
    table = torture.table("torture", declared)
    (load,) = torture.load(table)
    (told,) = torture.run("select count(*) from torture")
    assert (load.rows_loaded, load.findings) == (told[0], [])
    asked = ", ".join(kind.server.format(name) for name, kind in KINDS.items())
    expected = torture.run("set timezone = 'UTC'", f"select {asked} from torture order by id")
    asked = ", ".join(kind.raw.format(name) for name, kind in KINDS.items())
    found = torture.raw(table, f"select {asked} from raw.torture order by id")
    differences = [
        f"row {row}, {name}: {str(said)[:80]} became {str(came)[:80]}"
        for row, cells in enumerate(zip(expected, found, strict=True))
        for name, said, came in zip(KINDS, *cells, strict=True)
        if not the_same(said, came)
    ]
    assert differences == []


def the_same(said: Any, came: Any) -> bool:
    return (said, came) == (said, said) or str(said).lower() == str(came).lower()


@pytest.mark.parametrize("policy", ["null", "fail"])
def test_infinity_nan_and_bc_become_null_and_a_finding_or_refuse_the_load(
    postgres_source: PostgresSource, policy: str
) -> None:
    postgres_source.run(
        "create table odd (id integer primary key, day date, at_time timestamp, stamp timestamptz, "
        "price numeric(12,2))",
        "insert into odd values (1, '2024-01-01', '2024-01-01', '2024-01-01 00:00+00', 1.5), "
        "(2, 'infinity', '-infinity', 'infinity', 'NaN'), "
        "(3, '0044-03-15 BC', '0044-03-15 BC', '0044-03-15 12:00 BC', null)",
    )
    columns = {
        "id": "integer", "day": "date", "at_time": "timestamp", "stamp": "timestamptz",
        "price": "decimal(12,2)",
    }  # fmt: skip
    table = postgres_source.table("odd", columns, key=["id"], invalid_dates=policy)
    (load,) = postgres_source.load(table)
    if policy == "fail":
        assert load.deliveries[0].status == "quarantined"
        return
    assert load.rows_loaded == 3
    assert "7 cells of day, at_time, stamp, price" in load.findings[0]
    rows = postgres_source.raw(
        table, "select id, day, at_time, stamp, price from raw.odd order by id"
    )
    assert [row[1:] for row in rows[1:]] == [(None,) * 4] * 2
    assert None not in rows[0]


def test_names_of_any_letters_are_read(postgres_source: PostgresSource) -> None:
    names = ["select", "with space", "it's", 'dou"ble', "UPPER", "100%", "%s", "ñandú", "a.b", ":x"]
    quoted = ['"' + name.replace('"', '""') + '"' for name in names]
    postgres_source.run(
        'create schema "Mi Esquema"',
        f'create table "Mi Esquema"."order 100%" ({", ".join(f"{n} int" for n in quoted)}, '
        f"primary key ({quoted[5]}, {quoted[3]}))",
        f'insert into "Mi Esquema"."order 100%" values ({", ".join(map(str, range(10)))})',
    )
    table = postgres_source.table(
        "strange", dict.fromkeys(names, "integer"), relation="Mi Esquema.order 100%"
    )
    postgres_source.load(table)
    assert postgres_source.raw(table, f"select {', '.join(quoted)} from raw.strange") == [
        tuple(range(10))
    ]


def test_a_nan_among_whole_numerics_is_refused_by_the_columns_that_may_hold_it(
    postgres_source: PostgresSource,
) -> None:
    postgres_source.run("create table t (id numeric(10,0))", "insert into t values (1), ('NaN')")
    with pytest.raises(DatabaseRefused, match=r"shop\.t: .*id numeric\(10,0\)"):
        postgres_source.load(postgres_source.table("t", {"id": "decimal(10,0)"}))
