"""Every type of MySQL arrives in RAW as the server itself says it is, cell by cell."""

import re
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from servers.database_source import DatabaseSource

from lakehouse.connectors.database.mysql import dialect as mysql
from lakehouse.connectors.database.read_tables import read_tables
from lakehouse.errors import DatabaseRefused

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Kind:
    """A column of the torture table.

    Attributes:
        declared: its type in the contract.
        values: SQL of what is inserted, one a row.
        server: SQL that makes the server say the value, and `raw` the same of the lake.
    """

    server_type: str
    declared: str
    values: tuple[str, ...]
    server: str = "cast({} as char)"
    raw: str = "{}::varchar"


HEX = {"server": "hex(convert({} using utf8mb4))", "raw": "hex(encode({}))"}
BYTES = {"server": "hex({})", "raw": "hex({})"}
SHAPE = {"server": "hex(st_aswkb({}))", "raw": "hex({})"}
NUMBER = {"server": "cast({} as double)", "raw": "{}::double"}
TEXTS = ("''", "'NULL'", "'null'", r"'\\N'", "' a '", "'ñ€'", r"'it''s \" `x` %s'", r"'\n\r\t'")
LONG = tuple(f"repeat('x', {size})" for size in (249, 250, 251, 252, 255, 256, 65_534, 65_536))

KINDS: dict[str, Kind] = {
    "flag": Kind("tinyint(1)", "tinyint", ("5", "-128", "0")),
    "small": Kind("smallint zerofill", "usmallint", ("42", "65535"), "cast({}+0 as char)"),
    "medium": Kind("mediumint", "integer", ("-8388608", "8388607")),
    "medium_unsigned": Kind("mediumint unsigned", "uinteger", ("16777215",)),
    "plain": Kind("int", "integer", ("-2147483648", "2147483647")),
    "big": Kind("bigint", "bigint", ("-9223372036854775808", "9223372036854775807")),
    "huge": Kind("bigint unsigned", "ubigint", ("18446744073709551615", "0")),
    "price": Kind("decimal(12,2)", "decimal(12,2)", ("-9999999999.99", "0.00", "19.9")),
    "exact": Kind(
        "decimal(38,10)", "decimal(38,10)", ("9999999999999999999999999999.9999999999", "-1e-10")
    ),
    "padded": Kind(
        "decimal(10,3) unsigned zerofill", "decimal(10,3)", ("1.5",), "cast({}+0 as char)"
    ),
    "longest": Kind(
        "decimal(65,30)",
        "varchar",
        ("-99999999999999999999999999999999999.999999999999999999999999999999", "0"),
    ),
    "ratio": Kind("double", "double", ("1e308", "-2.2250738585072014e-308", "0.1", "3"), **NUMBER),
    "single": Kind("float", "double", ("16777216", "0.1", "-3.4e38"), **NUMBER),
    "bits": Kind("bit(64)", "ubigint", ("b'1'", "18446744073709551615"), "cast({}+0 as char)"),
    "day": Kind("date", "date", ("'0001-01-01'", "'9999-12-31'", "'2024-02-29'")),
    "moment": Kind(
        "datetime(6)",
        "timestamp",
        ("'2024-02-29 23:59:59.999999'", "'1000-01-01 00:00:00.000001'"),
        raw="strftime({}, '%Y-%m-%d %H:%M:%S.%f')",
    ),
    "second": Kind("datetime", "timestamp", ("'9999-12-31 23:59:59'",)),
    "stamp": Kind(
        "timestamp(3)",
        "timestamptz",
        ("'1970-01-01 00:00:01.001'", "'2038-01-19 03:14:07.999'"),
        raw="strftime({}, '%Y-%m-%d %H:%M:%S.%g')",
    ),
    "lasts": Kind(
        "time(6)",
        "bigint",
        ("'838:59:59.999999'", "'-838:59:59'", "'00:00:00.000001'", "'-00:00:00.5'"),
        "cast(if({0} < 0, -1, 1) * (cast(hour({0}) as signed) * 3600000000 + minute({0}) * 60000000"
        " + second({0}) * 1000000 + microsecond({0})) as char)",
    ),
    "year_of": Kind("year", "smallint", ("0", "1901", "2155"), "cast({}+0 as char)"),
    "doc": Kind("json", "json", ('\'{"a": [1, null, "ñ😀"]}\'', "'\"\"'"), **HEX),
    "choice": Kind("enum('', 'uno', 'it''s')", "varchar", ("''", "'uno'", "'it''s'"), **HEX),
    "several": Kind("set('a', 'b', 'c')", "varchar", ("''", "'a,c'"), **HEX),
    "latin": Kind("varchar(20) character set latin1", "varchar", ("'€uro ñ'", "''"), **HEX),
    "wide": Kind("varchar(20) character set utf16", "varchar", ("'ñ😀'",), **HEX),
    "fixed": Kind("char(5)", "varchar", ("'a'", "''"), **HEX),
    "text_of": Kind("longtext", "varchar", (*TEXTS, "'😀'", *LONG, "repeat('ñ', 1500000)"), **HEX),
    "bytes_of": Kind(
        "longblob", "blob", ("x'00ff00'", "''", "x'fb'", "repeat(x'fe', 70000)"), **BYTES
    ),
    "fixed_bytes": Kind("binary(4)", "blob", ("x'00'", "'abcd'"), **BYTES),
    "place": Kind("point", "blob", ("point(1.5, -2)",), **SHAPE),
    "shape": Kind("geometry", "blob", ("st_geomfromtext('LINESTRING(0 0,1 1)')",), **SHAPE),
    "identity": Kind("uuid", "varchar", ("'123e4567-e89b-12d3-a456-426655440000'",)),
    "address": Kind("inet6", "varchar", ("'::1'", "'2001:db8::ff00:42:8329'")),
}


@pytest.fixture
def torture(mysql_source: DatabaseSource) -> DatabaseSource:
    """A table with a column of each kind; a row a value, the others NULL, and one row of NULLs."""
    columns = ", ".join(f"{name} {kind.server_type} null" for name, kind in KINDS.items())
    mysql_source.run(
        f"create table torture (id int primary key, {columns})",
        "insert into torture (id) values (0)",
    )
    rows = [(name, value) for name, kind in KINDS.items() for value in kind.values]
    mysql_source.run(
        *(
            f"insert into torture (id, {name}) values ({number}, {value})"
            for number, (name, value) in enumerate(rows, 1)
        )
    )
    return mysql_source


def differences(source: DatabaseSource) -> list[str]:
    """Load the torture table; every cell that differs from what the server says."""
    declared = {"id": "integer"} | {name: kind.declared for name, kind in KINDS.items()}
    table = source.table("torture", declared)
    (load,) = source.load(table)
    (told,) = source.run("select count(*) from torture")
    assert (load.rows_loaded, load.findings) == (told[0], [])
    asked = ", ".join(kind.server.format(name) for name, kind in KINDS.items())
    expected = source.run(f"select {asked} from torture order by id")
    asked = ", ".join(kind.raw.format(name) for name, kind in KINDS.items())
    found = source.raw(table, f"select {asked} from raw.torture order by id")
    return [
        f"row {row}, {name}: {str(said)[:80]} became {str(came)[:80]}"
        for row, cells in enumerate(zip(expected, found, strict=True))
        for name, said, came in zip(KINDS, *cells, strict=True)
        if said != came
    ]


def test_every_type_arrives_as_the_server_says_it(torture: DatabaseSource) -> None:
    assert differences(torture) == []


def test_every_type_arrives_exact_without_the_driver_s_private_socket(
    torture: DatabaseSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mysql, "_PRIVATE", ("_an_attribute_of_another_version",))
    assert differences(torture) == []


def test_every_type_arrives_exact_through_a_tiny_buffer(
    torture: DatabaseSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakehouse.connectors.database.mysql.rows.read_rows.__defaults__", (4,))
    assert differences(torture) == []


def test_rows_beyond_the_longest_packet_arrive_whole(
    mysql_source: DatabaseSource, tmp_path: Path
) -> None:
    mysql_source.run("create table long_rows (id int primary key, cell longtext, after varchar(9))")
    sizes = [2**24 - 20, 2**24 - 1, 2**24, 2**25 + 5, 3]
    for number, size in enumerate(sizes):
        cell = f"repeat('ñ', {size} div 2)"
        mysql_source.run(f"insert into long_rows values ({number}, {cell}, 'end')")
    columns = {"id": "integer", "cell": "varchar", "after": "varchar"}
    table = mysql_source.table("long_rows", columns)
    (staged,) = read_tables(mysql_source.url, [table], {}, tmp_path)
    rows = pq.read_table(staged.parts[0].path).to_pylist()
    found = [(row["id"], md5(row["cell"].encode()).hexdigest(), row["after"]) for row in rows]
    assert found == mysql_source.run("select id, md5(cell), after from long_rows order by id")


@pytest.mark.parametrize("policy", ["null", "fail"])
def test_dates_that_do_not_exist_become_null_and_a_finding_or_refuse_the_load(
    mysql_source: DatabaseSource, policy: str
) -> None:
    mysql_source.run(
        "create table dates (id int primary key, day date, at_time datetime, stamp timestamp null)",
        "set sql_mode = 'allow_invalid_dates'",
        "insert into dates values (1, '2024-05-06', '2024-05-06 07:08:09', '2024-05-06 07:08:09'), "
        "(2, '0000-00-00', '0000-00-00 00:00:00', '0000-00-00 00:00:00'), "
        "(3, '2024-00-00', '2024-02-31 00:00:00', null), (4, '0000-05-06', null, null)",
    )
    columns = {"id": "integer", "day": "date", "at_time": "timestamp", "stamp": "timestamptz"}
    table = mysql_source.table("dates", columns, key=["id"], invalid_dates=policy)
    (load,) = mysql_source.load(table)
    if policy == "fail":
        assert load.deliveries[0].status == "quarantined"
        assert "2024" not in (load.deliveries[0].reason or "").replace("'2024-00-00'", "")
        return
    assert load.rows_loaded == 4
    assert "dates or numbers that do not exist" in load.findings[0]
    rows = mysql_source.raw(table, "select id, day, at_time, stamp from raw.dates order by id")
    assert [tuple(str(cell) for cell in row) for row in rows] == [
        ("1", "2024-05-06", "2024-05-06 07:08:09", "2024-05-06 07:08:09+00:00"),
        ("2", "None", "None", "None"),
        ("3", "None", "None", "None"),
        ("4", str(rows[3][1]), "None", "None"),
    ]


def test_names_of_any_letters_are_read(mysql_source: DatabaseSource) -> None:
    names = ["select", "with space", "it's", 'dou"ble', "back`tick", "100%", "%s", "ñandú", "a.b"]
    quoted = [mysql.quoted(name) for name in names]
    relation = "order `by` 100% 'of' \"it\""
    mysql_source.run(
        f"create table {mysql.quoted(relation)} ({', '.join(f'{name} int' for name in quoted)}, "
        f"primary key ({quoted[5]}))",
        f"insert into {mysql.quoted(relation)} values ({', '.join(map(str, range(len(names))))})",
    )
    table = mysql_source.table("strange", dict.fromkeys(names, "integer"), relation=relation)
    (load,) = mysql_source.load(table)
    assert load.deliveries[0].file_name == relation
    columns = ", ".join('"' + name.replace('"', '""') + '"' for name in names)
    assert mysql_source.raw(table, f"select {columns} from raw.strange") == [tuple(range(9))]


def test_views_and_tables_of_other_schemas_are_read(mysql_source: DatabaseSource) -> None:
    database = mysql_source.url.database
    mysql_source.run(
        "create table base_table (id int primary key, doubled int as (id * 2))",
        "insert into base_table (id) values (1), (2)",
        "create view seen as select id, doubled from base_table",
    )
    columns = {"id": "integer", "doubled": "integer"}
    view = mysql_source.table("a", columns, relation="seen")
    other = mysql_source.table("b", columns, relation=f"{database}.base_table")
    mysql_source.load(view, other)
    assert mysql_source.raw(view, "select id, doubled from raw.a order by 1") == [(1, 2), (2, 4)]
    assert mysql_source.raw(other, "select id, doubled from raw.b order by 1") == [(1, 2), (2, 4)]


def test_a_type_that_nobody_knows_is_refused_with_its_column() -> None:
    with pytest.raises(DatabaseRefused, match=re.escape("items, column e: type vector(3) is not")):
        mysql.server_column("e", "vector(3)", nullable=True, where="items")
