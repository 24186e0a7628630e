"""Every type of DuckDB in PostgreSQL, value by value."""

import datetime as dt
import json
import math
import uuid
from decimal import Decimal
from typing import Any

import duckdb
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers.published_domain import PublishedDomain

from lakehouse.errors import PublishRefused

pytestmark = pytest.mark.integration
MAX = {8: 127, 16: 32767, 32: 2**31 - 1, 64: 2**63 - 1, 128: 2**127 - 1}

# type of DuckDB, type of PostgreSQL, and values: SQL of DuckDB, and what PostgreSQL says of it.
TYPES: dict[str, tuple[str, list[tuple[str, str | None]]]] = {
    "boolean": ("boolean", [("true", "true"), ("false", "false")]),
    "tinyint": ("smallint", [("-128", "-128"), ("127", "127")]),
    "smallint": ("smallint", [("-32768", "-32768"), ("32767", "32767")]),
    "integer": ("integer", [("-2147483648", "-2147483648"), ("2147483647", "2147483647")]),
    "bigint": ("bigint", [(f"{-(2**63)}", f"{-(2**63)}"), (f"{2**63 - 1}", f"{2**63 - 1}")]),
    "hugeint": ("numeric(39,0)", [(f"{s}{2**127 - 1}", f"{s}{2**127 - 1}") for s in ("", "-")]),
    "utinyint": ("smallint", [("0", "0"), ("255", "255")]),
    "usmallint": ("integer", [("65535", "65535")]),
    "uinteger": ("bigint", [("4294967295", "4294967295")]),
    "ubigint": ("numeric(20,0)", [(f"{2**64 - 1}", f"{2**64 - 1}")]),
    "uhugeint": ("numeric(39,0)", [(f"{2**128 - 1}", f"{2**128 - 1}")]),
    "bignum": ("numeric", [(f"'{10**60 + 7}'", f"{10**60 + 7}"), ("'-1'", "-1")]),
    "decimal(9,2)": ("numeric(9,2)", [("1.10", "1.10"), ("-9999999.99", "-9999999.99")]),
    "decimal(38,10)": (
        "numeric(38,10)",
        [("1234567890123456789012345678.0123456789", "1234567890123456789012345678.0123456789")],
    ),
    "decimal(4,4)": ("numeric(4,4)", [("0.0001", "0.0001"), ("-0.9999", "-0.9999")]),
    "decimal(4,1)": ("numeric(4,1)", [("-999.9", "-999.9"), ("0", "0.0")]),
    "decimal(9,5)": ("numeric(9,5)", [("9999.99999", "9999.99999"), ("0.00001", "0.00001")]),
    # Their last group of four decimals does not fit the integer that holds the value.
    "decimal(9,9)": ("numeric(9,9)", [("0.999999999", "0.999999999"), ("-1e-9", "-0.000000001")]),
    "decimal(18,17)": ("numeric(18,17)", [("'-9." + "9" * 17 + "'", "-9." + "9" * 17)]),
    "decimal(18,18)": ("numeric(18,18)", [("'0." + "9" * 18 + "'", "0." + "9" * 18)]),
    "decimal(38,36)": ("numeric(38,36)", [("'-99." + "9" * 36 + "'", "-99." + "9" * 36)]),
    "decimal(38,37)": ("numeric(38,37)", [("'9." + "9" * 37 + "'", "9." + "9" * 37)]),
    "decimal(38,38)": ("numeric(38,38)", [("'-0." + "9" * 38 + "'", "-0." + "9" * 38)]),
    "float": (
        "real",
        [("0.1", "0.1"), ("'inf'", "Infinity"), ("'-inf'", "-Infinity"), ("'nan'", "NaN"),
         ("1e-45", "1e-45"), ("3.4028235e38", "3.4028235e+38")],
    ),
    "double": (
        "double precision",
        [("0.1", "0.1"), ("'nan'", "NaN"), ("'inf'", "Infinity"), ("'-inf'", "-Infinity"),
         ("1.7976931348623157e308", "1.7976931348623157e+308"), ("5e-324", "5e-324"),
         ("'-0.0'", "-0")],
    ),
    "varchar": (
        "text",
        [("''", ""), ("'NULL'", "NULL"), (r"'\.'", r"\."), (r"'\N'", r"\N"),
         ("'a\"b,c;''d'", "a\"b,c;'d"),
         (r"E'line\nother\r\n\\.\nend'", "line\nother\r\n\\.\nend"), ("' x '", " x "),
         ("'añejo 🍷 \u2028'", "añejo 🍷 \u2028"), (r"E'\x01\t'", "\x01\t")],
    ),
    "enum('low', 'high, \"very\"')": ("text", [("'high, \"very\"'", 'high, "very"')]),
    "blob": ("bytea", [(r"'\x00\xFFa\x22'::blob", r"\x00ff6122"), ("''::blob", r"\x")]),
    "bit": ("bit varying", [("'0101'::bit", "0101")]),
    "uuid": ("uuid", [(f"'{uuid.UUID(int=10)}'", str(uuid.UUID(int=10)))]),
    "date": (
        "date",
        [("'2024-02-29'", "2024-02-29"), ("'infinity'", "infinity"), ("'-infinity'", "-infinity"),
         ("'0044-03-15 (BC)'", "0044-03-15 BC"), ("'99999-12-31'", "99999-12-31"),
         ("'4713-11-24 (BC)'", "4713-11-24 BC"), ("'5874897-12-31'", "5874897-12-31")],
    ),
    "time": (
        "time without time zone",
        [("'23:59:59.999999'", "23:59:59.999999"), ("'24:00:00'", "24:00:00")],
    ),
    "time with time zone": (
        "time with time zone",
        [("'12:00:00+05:30'", "12:00:00+05:30"), ("'00:00:00.000001-12'", "00:00:00.000001-12")],
    ),
    "timestamp": (
        "timestamp without time zone",
        [("'2024-02-29 12:34:56.123456'", "2024-02-29 12:34:56.123456"), ("'infinity'", "infinity"),
         ("'0044-03-15 (BC) 12:00:00'", "0044-03-15 12:00:00 BC"), ("'-infinity'", "-infinity"),
         ("'20000-01-01 00:00:00'", "20000-01-01 00:00:00")],
    ),
    "timestamp_s": (
        "timestamp without time zone", [("'2024-02-29 12:34:56'", "2024-02-29 12:34:56")],
    ),
    "timestamp_ms": (
        "timestamp without time zone", [("'2024-02-29 12:34:56.789'", "2024-02-29 12:34:56.789")],
    ),
    "timestamp_ns": (
        "timestamp without time zone",
        [("'2024-02-29 12:34:56.123456000'", "2024-02-29 12:34:56.123456")],
    ),
    "time_ns": ("time without time zone", [("'12:34:56.123456'", "12:34:56.123456")]),
    "timestamp with time zone": (
        "timestamp with time zone",
        [("'2024-02-29 12:00:00.5-03'", "2024-02-29 15:00:00.5+00"), ("'infinity'", "infinity"),
         ("'0044-03-15 (BC) 12:00:00+00'", "0044-03-15 12:00:00+00 BC")],
    ),
    "interval": (
        "interval",
        [("'14 months 3 days'", "1 year 2 mons 3 days"), ("'-1 month'", "-1 mons"),
         ("interval '-4 hours' + interval '3 days'", "3 days -04:00:00"),
         ("interval '0.000001 seconds'", "00:00:00.000001"), ("interval '100 hours'", "100:00:00")],
    ),
    "json": ("jsonb", [("'{\"a\": [1, 1.50, null, \"ñ\"]}'", '{"a": [1, 1.50, null, "ñ"]}')]),
    "decimal(38,10)[]": (
        "jsonb",
        [("[1.5, null, 1234567890123456789012345678.0123456789]",
          "[1.5000000000, null, 1234567890123456789012345678.0123456789]"), ("[]", "[]")],
    ),
    "decimal(4,4)[]": ("jsonb", [("['0.5', '-0.5']", "[0.5000, -0.5000]")]),
    "integer[2]": ("jsonb", [("[1, null]", "[1, null]")]),
    'struct("a ""b" int, moment timestamp, deep struct(x double[], f float, y blob, z bignum))': (
        "jsonb",
        [("{'a \"b': 1, 'moment': '2024-01-02 03:04:05', 'deep': "
          "{'x': ['nan'::double, 'inf'::double, 0.1], 'f': 0.1, 'y': '\\xAA'::blob, 'z': 7}}",
          json.dumps({"a \"b": 1, "moment": "2024-01-02 03:04:05", "deep": {
              "f": 0.1, "x": ["nan", "inf", 0.1], "y": "\\xAA", "z": 7}})),
         ("{'a \"b': null, 'moment': null, 'deep': null}",
          '{"moment": null, "deep": null, "a \\"b": null}')],
    ),
    "map(varchar, decimal(9,2))": (
        "jsonb", [("map {'k': 1.10, 'ñ': null}", '{"k": 1.10, "ñ": null}')],
    ),
    "map(integer, struct(a date)[])": (
        "jsonb", [("map {1: [{'a': '2024-01-01'}]}", '{"1": [{"a": "2024-01-01"}]}')],
    ),
    "union(n integer, s varchar)": (
        "jsonb",
        [("union_value(n := 1)", '{"n": 1}'), ("union_value(s := 'x')", '{"s": "x"}')],
    ),
}  # fmt: skip


@pytest.fixture
def shop(postgres_database, tmp_path) -> PublishedDomain:
    return PublishedDomain(postgres_database, tmp_path)


def same(kind: str, found: str | None, wanted: str | None) -> bool:
    if found is None or wanted is None:
        return found is wanted
    if kind == "jsonb":
        exact: dict[str, Any] = {"parse_float": Decimal, "parse_int": Decimal}
        return json.loads(found, **exact) == json.loads(wanted, **exact)
    return found == wanted


def test_every_type_arrives_value_by_value(shop):
    statements = []
    for number, (kind, (_, values)) in enumerate(TYPES.items()):
        rows = ", ".join(f"({place}, ({value})::{kind})" for place, (value, _) in enumerate(values))
        statements += [
            f'create table marts.t{number} (place integer, "the value" {kind})',
            f"insert into marts.t{number} values {rows}, (99, null)",
        ]
    shop.build("begin", *statements, "commit")
    shop.publish(*(f"t{number}" for number in range(len(TYPES))))
    wrong = []
    with shop.connect() as session:
        session.execute("set timezone = 'UTC'")
        for number, (kind, (there, values)) in enumerate(TYPES.items()):
            (found,) = session.execute(
                "select format_type(atttypid, atttypmod) from pg_attribute "
                f"where attrelid = 'shop_marts.t{number}'::regclass and attname = 'the value'"
            ).fetchall()
            assert found == (there,), kind
            rows = session.execute(
                f'select "the value"::text from shop_marts.t{number} order by place'.encode()
            ).fetchall()
            wanted = [value for _, value in values] + [None]
            wrong += [
                (kind, text, value)
                for (text,), value in zip(rows, wanted, strict=True)
                if not same(there, text, value)
            ]
    assert wrong == []


# What a driver gives as the same Python value on both sides.
ANY = {
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "decimal(18,4)": st.decimals(
        min_value=-(10**13), max_value=10**13, places=4, allow_nan=False, allow_infinity=False
    ),
    "decimal(9,9)": st.decimals(
        min_value=Decimal("-0.999999999"), max_value=Decimal("0.999999999"), places=9
    ),
    "double": st.floats(),
    "float": st.floats(width=32),
    "utinyint": st.integers(0, 255),
    "time": st.times(),
    "interval": st.timedeltas(dt.timedelta(days=-(10**6)), dt.timedelta(days=10**6)),
    "varchar": st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",))),
    "blob": st.binary(),
    "date": st.dates(),
    "timestamp": st.datetimes(),
    "timestamptz": st.datetimes(
        dt.datetime(2, 1, 1), dt.datetime(9998, 1, 1), timezones=st.just(dt.UTC)
    ),
    "boolean": st.booleans(),
    "uuid": st.uuids(),
    "varchar[]": st.lists(
        st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)))
    ),
}
ROWS = st.lists(st.tuples(*(st.none() | one for one in ANY.values())), max_size=6)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=ROWS)
def test_any_rows_arrive_as_they_are(shop, rows):
    columns = ", ".join(f"c{number} {kind}" for number, kind in enumerate(ANY))
    shop.build(f"create or replace table marts.any_rows (n integer, {columns})")
    with duckdb.connect(str(shop.warehouse)) as connection:
        connection.execute("set timezone = 'UTC'")
        marks = ", ".join("?" * (len(ANY) + 1))
        for number, row in enumerate(rows):
            connection.execute(f"insert into marts.any_rows values ({marks})", [number, *row])
    publication = shop.publish("any_rows")
    assert publication.rows == {"marts.any_rows": len(rows)}
    with shop.connect() as session:
        session.execute("set timezone = 'UTC'")
        # As text a real is shown with the fewest digits, which are not those of its value.
        found = session.execute(
            "select * from shop_marts.any_rows order by n", binary=True
        ).fetchall()
    assert len(found) == len(rows)
    for row, wanted in zip(found, rows, strict=True):
        for got, value in zip(row[1:], wanted, strict=True):
            if isinstance(value, float) and math.isnan(value):
                assert math.isnan(got)
            else:
                assert got == value


@pytest.mark.parametrize(
    ("kind", "value", "what"),
    [
        ("varchar", "'a' || chr(0)", "row 2: PostgreSQL cannot hold a NUL character"),
        ("varchar[]", "['a' || chr(0)]", "row 2: PostgreSQL cannot hold a NUL character"),
        ("json", r"""'{"secret": "\u0000"}'""", "row 2: PostgreSQL cannot hold a NUL character"),
        ("date", "'4714-01-01 (BC)'::date", "row 2: PostgreSQL cannot hold a date outside"),
        ("date", "'5877000-01-01'::date", "row 2: PostgreSQL cannot hold a date outside"),
        ("timestamp", "'9999-01-01 (BC) 00:00:00'", "row 2: PostgreSQL cannot hold a timestamp"),
        # What counts beyond an integer from the year 2000 would come out as the year 294246.
        ("timestamp", "'290300-01-01 (BC) 00:00:00'", "row 2: PostgreSQL cannot hold a timestamp"),
        (
            "timestamptz",
            "'290300-01-01 (BC) 00:00:00+00'",
            "cannot hold a timestamp with time zone",
        ),
        ("timestamp_ns", "'2024-01-01 00:00:00.123456789'", "a value has nanoseconds"),
    ],
)
def test_a_value_that_postgresql_cannot_hold_is_named_and_nothing_moves(shop, kind, value, what):
    shop.build("create table marts.good as select 1 as n")
    shop.publish("good")
    shop.build(
        "create or replace table marts.good as select 2 as n",
        f'create table marts.bad ("it" {kind})',
        f"insert into marts.bad values (null), ({value})",
    )
    with pytest.raises(PublishRefused) as refused:
        shop.publish("bad", "good")
    assert what in str(refused.value)
    assert "shop_marts.bad, column it" in str(refused.value)
    assert "secret" not in str(refused.value)
    assert "Nothing was published" in str(refused.value)
    assert shop.run("select n from shop_marts.good") == [(1,)]
    with pytest.raises(psycopg.errors.UndefinedTable):
        shop.run("select * from shop_marts.bad")


def test_a_table_with_one_column_beyond_the_binary_format_is_carried_too(shop):
    shop.build(
        "create table marts.mixed as select 'a' || range as name, range::hugeint as n, "
        "(range / 10)::decimal(9,9) as share, [range] as list from range(3)"
    )
    shop.publish("mixed")
    assert shop.run("select name, n, share, list from shop_marts.mixed order by n")[2] == (
        "a2",
        2,
        Decimal("0.2"),
        [2],
    )


def test_a_table_of_one_column_keeps_its_nulls_and_empty_texts(shop):
    shop.build("create table marts.one as select * from (values (null), (''), ('x')) as t(c)")
    shop.publish("one")
    assert shop.run("select c from shop_marts.one") == [(None,), ("",), ("x",)]


def test_a_column_may_have_the_name_of_a_pseudo_column(shop):
    shop.build(
        'create table marts.odd as select range * 2 as rowid, range as "100%s{}" from range(5)'
    )
    assert shop.publish("odd").rows == {"marts.odd": 5}
    assert shop.run('select sum(rowid), sum("100%s{}") from shop_marts.odd') == [(20, 10)]
