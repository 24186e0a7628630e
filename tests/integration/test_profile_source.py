"""Hazards that only real servers have, counted by a look before the first load."""

import pytest
from servers.database_source import DatabaseSource
from servers.mariadb import connect_to
from servers.postgres_source import PostgresSource

from lakehouse.connectors.database.profile import TableProfile, profile_tables

pytestmark = pytest.mark.integration


def said(profile: TableProfile) -> dict[str | None, list[str]]:
    found: dict[str | None, list[str]] = {}
    for hazard in profile.hazards:
        found.setdefault(hazard.column, []).append(hazard.what)
    return found


def test_mysql_shows_what_other_tools_lose(mysql_source: DatabaseSource) -> None:
    mysql_source.run(
        "set sql_mode = 'allow_invalid_dates'",
        "create table odd (id int primary key, day date, at_time datetime, flag tinyint(1), "
        "big bigint unsigned, wide decimal(65,2), name varchar(9) character set latin1, "
        "other varchar(9) character set utf8mb4, lasts time, modified_at timestamp not null "
        "default now(), `order` int, price double, `d``ay` date, key (modified_at))",
        "insert into odd (id, day, at_time, flag, big, lasts, `d``ay`) values "
        "(1, '0000-00-00', '2024-02-31 00:00:00', 5, 18446744073709551615, '838:59:59', null), "
        "(2, '2024-00-01', '0000-00-00 00:00:00', 1, 1, '-00:00:01', '2024-02-00'), "
        "(3, '2024-02-29', '2024-02-29 00:00:00', 0, 9223372036854775807, '23:59:59', null), "
        "(4, null, null, null, null, null, null)",
    )
    (profile,) = profile_tables(mysql_source.url, ["odd"])
    found = said(profile)
    charsets = found.pop(None)
    assert charsets == ["mixes character sets: latin1, utf8mb4"]
    assert found == {
        "day": ["2 of 4 rows hold a date that does not exist"],
        "at_time": ["2 of 4 rows hold a date that does not exist"],
        "d`ay": ["1 of 4 rows hold a date that does not exist"],
        "flag": ["1 of 4 rows hold other values than 0 and 1"],
        "big": ["1 of 4 rows are above 2^63"],
        "wide": ["has 65 digits, more than the 38 of a decimal"],
        "name": ["is latin1"],
        "lasts": ["2 of 4 rows are no time of day: negative, or 24 hours and more"],
        "order": ["is named like a word of SQL"],
        "price": ["keeps money as a binary number (double)"],
    }
    assert profile.cursor == "modified_at"


def test_mysql_tables_that_cannot_be_read_do_not_hide_the_others(
    mysql_source: DatabaseSource,
) -> None:
    mysql_source.run(
        "create table base (id int primary key)", "create view gone as select id from base",
        "create table fine (id int primary key)", "drop table base",
    )  # fmt: skip
    profiles = {profile.name: profile for profile in profile_tables(mysql_source.url)}
    assert profiles["gone"].relation is None
    assert profiles["fine"].relation is not None


def test_postgresql_shows_infinity_nan_and_what_has_no_limits(
    postgres_source: PostgresSource,
) -> None:
    postgres_source.run(
        "create table odd (id integer primary key, day date, stamp timestamptz, price numeric, "
        "amount numeric(12,2), whole numeric(5,0), ratio float8, updated_at timestamptz)",
        "create index on odd (updated_at)",
        "insert into odd values (1, 'infinity', '-infinity', 'NaN', 'NaN', 'NaN', 'NaN', now()), "
        "(2, '0044-03-15 BC', now(), 1.5, 1, 1, 1, now())",
        "insert into odd (id) values (3)",
        "create view broken as select 1 / (id - id) as x from odd",
        'create table "Mi Tabla" (id integer)',
    )
    profiles = {profile.name: profile for profile in profile_tables(postgres_source.url)}
    assert said(profiles["odd"]) == {
        "day": ["1 of 3 rows hold infinity", "1 of 3 rows hold a date before Christ"],
        "stamp": ["1 of 3 rows hold infinity"],
        "price": ["1 of 3 rows hold NaN or infinity", "is a numeric without limits"],
        "amount": ["1 of 3 rows hold NaN or infinity"],
        "whole": ["1 of 3 rows hold NaN or infinity"],
        "ratio": ["1 of 3 rows hold NaN or infinity"],
        "updated_at": ["could be the cursor, but is NULL in 1 rows"],
    }
    assert profiles["odd"].cursor == "updated_at"
    assert said(profiles["Mi Tabla"])[None][0] == "has no primary key"


def test_a_look_changes_nothing(mysql_source: DatabaseSource) -> None:
    mysql_source.run("create table t (id int primary key)", "insert into t values (1)")
    before = mysql_source.run("checksum table t")
    profile_tables(mysql_source.url)
    assert mysql_source.run("checksum table t") == before
    with connect_to(mysql_source.url) as session, session.cursor() as cursor:
        cursor.execute("select count(*) from information_schema.innodb_trx")
        assert cursor.fetchone() == (0,)
