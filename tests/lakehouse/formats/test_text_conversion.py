import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.formats.text_conversion import fault_sql, value_sql
from lakehouse.source_catalog import Column, CsvDialect

POINT = CsvDialect()
COMMA = CsvDialect(delimiter=";", decimal=",", thousands=".", date_format="%d/%m/%Y")
DIALECTS = st.sampled_from([POINT, COMMA])
NUMBERS = st.one_of(
    st.from_regex(r"\A ?[+-]?[0-9]{1,4}([.,][0-9]{3}){0,3}([.,][0-9]{0,4})?\Z"),
    st.text("0123456789.,+-eE ", max_size=8),
    st.decimals(allow_nan=False, allow_infinity=False, places=2).map(str),
    st.integers().map(str),
)


@pytest.fixture(scope="module")
def convert(duck):
    def run(data_type, dialect, cells):
        column, identifier = Column(name="x", data_type=data_type), '"the ""x"""'
        duck.execute(f"create or replace temp table cells (n integer, {identifier} varchar)")
        duck.executemany("insert into cells values (?, ?)", list(enumerate(cells)))
        fault = fault_sql(column, dialect, identifier) or "cast(null as varchar)"
        return duck.execute(
            f"select {value_sql(column, dialect, identifier)}, {fault} from cells order by n"
        ).fetchall()

    return run


def number_of(cell: str, dialect: CsvDialect) -> Fraction | None:
    """Read a number digit group by digit group; None if it is none."""
    text = cell.strip(" ")
    sign = -1 if text.startswith("-") else 1
    text = text[1:] if text[:1] in ("+", "-") else text
    whole, mark, fraction = text.partition(dialect.decimal)
    if dialect.thousands and dialect.thousands in whole:
        first, *groups = whole.split(dialect.thousands)
        well_formed = 1 <= len(first) <= 3 and first[0] != "0"
        if not well_formed or any(len(group) != 3 for group in groups):
            return None
        whole = first + "".join(groups)
    digits = whole + fraction
    if not re.fullmatch("[0-9]+", digits) or (mark and not whole and not fraction):
        return None
    return sign * Fraction(int(digits), 10 ** len(fraction))


def expect(found, cell, value, reason):
    if not cell.strip(" "):
        assert found == (None, None), cell
    elif value is None:
        assert found[0] is None, cell
        assert reason in found[1], cell
    else:
        assert found == (value, None), cell


def decimal_of(number: Fraction, scale: int) -> Decimal:
    return Decimal(int(number * 10**scale)).scaleb(-scale)


@settings(max_examples=150, deadline=None)
@given(cells=st.lists(NUMBERS, min_size=1, max_size=30), dialect=DIALECTS)
def test_decimals_convert_without_loss_or_not_at_all(convert, cells, dialect):
    for cell, found in zip(cells, convert("decimal(18,2)", dialect, cells), strict=True):
        number = number_of(cell, dialect)
        if number is None:
            expect(found, cell, None, "not a number with decimal")
        elif (number * 100).denominator != 1:
            expect(found, cell, None, "more than 2 decimals")
        elif abs(number) >= 10**16:
            expect(found, cell, None, "out of range for decimal(18,2)")
        else:
            expect(found, cell, decimal_of(number, 2), "")


@settings(max_examples=100, deadline=None)
@given(cells=st.lists(NUMBERS, min_size=1, max_size=30), dialect=DIALECTS)
def test_integers_convert_without_loss_or_not_at_all(convert, cells, dialect):
    for cell, found in zip(cells, convert("integer", dialect, cells), strict=True):
        number = number_of(cell, dialect)
        leading_mark = cell.strip(" +-").startswith(dialect.decimal)
        if number is None or number.denominator != 1 or leading_mark:
            expect(found, cell, None, "not an integer")
        elif not -(2**31) <= number < 2**31:
            expect(found, cell, None, "out of range for integer")
        else:
            expect(found, cell, int(number), "")


@settings(max_examples=100, deadline=None)
@given(
    cells=st.lists(
        st.one_of(
            st.dates(date(1000, 1, 1)).map(lambda day: day.strftime("%d/%m/%Y")),
            st.from_regex(r"\A[0-3]?[0-9][/-][01]?[0-9]/(20)?[0-9]{2}\Z"),
            st.text("0123/ -", max_size=10),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_dates_are_those_that_python_reads_with_a_year_of_four_digits(convert, cells):
    for cell, found in zip(cells, convert("date", COMMA, cells), strict=True):
        try:
            day = datetime.strptime(cell.strip(" ").replace(" ", "x"), "%d/%m/%Y").date()
        except ValueError:
            day = None
        if day and day.year < 1000:
            day = None
        expect(found, cell, day, "date like %d/%m/%Y")


@pytest.mark.parametrize(
    ("data_type", "dialect", "cell", "value"),
    [
        ("decimal(18,2)", POINT, "850.500", Decimal("850.50")),
        ("decimal(18,2)", COMMA, "1.234,5", Decimal("1234.50")),
        ("decimal(18,2)", COMMA, "\u00a01234,50 ", Decimal("1234.50")),
        ("decimal(38,38)", POINT, "." + "1" * 38, Decimal("." + "1" * 38)),
        ("decimal(4,0)", POINT, "0012.000", Decimal(12)),
        ("integer", COMMA, "1.100", 1100),
        ("integer", POINT, "12.0", 12),
        ("bigint", POINT, "-9223372036854775808", -(2**63)),
        ("double", POINT, "-1.5e-3", -0.0015),
        ("double", COMMA, "1.234,5E2", 123450.0),
        ("boolean", POINT, " True ", True),
        ("boolean", POINT, "N", False),
        ("date", POINT, "2024-02-29", date(2024, 2, 29)),
        ("date", COMMA, "1/2/2024", date(2024, 2, 1)),
        ("timestamp", POINT, "2024-01-15 10:20:30", datetime(2024, 1, 15, 10, 20, 30)),
        ("varchar", COMMA, " 001 ", " 001 "),
        ("varchar", COMMA, "", ""),
    ],
)
def test_a_cell_of_the_right_form_converts(convert, data_type, dialect, cell, value):
    assert convert(data_type, dialect, [cell]) == [(value, None)]


@pytest.mark.parametrize(
    ("data_type", "dialect", "cell", "reason"),
    [
        ("integer", POINT, "12.7", "not an integer"),
        ("integer", POINT, "1e3", "not an integer"),
        ("integer", POINT, "1,100", "not an integer"),
        ("smallint", POINT, "32768", "out of range for smallint"),
        ("decimal(18,2)", POINT, "850.505", "more than 2 decimals"),
        ("decimal(18,2)", COMMA, "12.34,5", "not a number with decimal ',' and thousands '.'"),
        ("decimal(18,2)", COMMA, "0.123", "not a number with decimal ',' and thousands '.'"),
        ("decimal(18,2)", POINT, "9" * 17, "out of range for decimal(18,2)"),
        ("double", POINT, "nan", "not a number with decimal '.'"),
        ("double", POINT, "1e999", "out of range for double"),
        ("boolean", POINT, "2", "not a boolean (true, t, y, 1, false, f, n, 0)"),
        ("date", COMMA, "31/02/2024", "no such date like %d/%m/%Y"),
        ("date", COMMA, "15/01/24", "not a date like %d/%m/%Y"),
        ("date", POINT, "infinity", "not a date like %Y-%m-%d"),
        ("date", POINT, "0000-00-00", "not a date like %Y-%m-%d"),
        ("timestamp", POINT, "2024-01-15 25:00:00", "no such time like %Y-%m-%d %H:%M:%S"),
        ("timestamp", POINT, "2024-01-15", "not a timestamp like %Y-%m-%d %H:%M:%S"),
    ],
)
def test_a_cell_that_would_lose_something_is_a_fault(convert, data_type, dialect, cell, reason):
    assert convert(data_type, dialect, [cell]) == [(None, reason)]


@pytest.mark.parametrize(
    "data_type", ["integer", "decimal(18,2)", "double", "boolean", "date", "timestamp"]
)
def test_an_empty_typed_cell_is_null_and_no_fault(convert, data_type):
    assert convert(data_type, COMMA, ["", "  ", None, "\t"]) == [(None, None)] * 4


@pytest.mark.parametrize(
    ("fields", "cell", "value"),
    [
        ({"date_format": "%d.%m.%y"}, "15.01.24", date(2024, 1, 15)),
        ({"date_format": "%d %b %Y"}, "15 Jan 2024", date(2024, 1, 15)),
        ({"date_format": "day '{%d}' %m %Y"}, "day '{15}' 01 2024", date(2024, 1, 15)),
        ({"date_format": "%Y-%m-%d %H:%M"}, "2024-01-15 00:00", date(2024, 1, 15)),
        ({"date_format": "%Y-%m-%d %H:%M"}, "2024-01-15 00:01", None),
    ],
)
def test_dates_follow_any_declared_format(convert, fields, cell, value):
    assert convert("date", CsvDialect(**fields), [cell])[0][0] == value


def test_a_timestamp_with_an_offset_is_stored_in_utc_whatever_the_session_s_zone(convert, duck):
    duck.execute("set timezone = 'America/Argentina/Buenos_Aires'")
    dialect = CsvDialect(timestamp_format="%Y-%m-%dT%H:%M:%S%z")
    found = convert("timestamp", dialect, ["2024-01-15T10:00:00-03:00"])
    assert found == [(datetime(2024, 1, 15, 13, 0), None)]


@pytest.mark.parametrize(("thousands", "cell"), [(" ", "1 234.5"), ("'", "1'234.5")])
def test_other_digit_groups_are_read(convert, thousands, cell):
    dialect = CsvDialect(thousands=thousands)
    assert convert("decimal(18,2)", dialect, [cell]) == [(Decimal("1234.50"), None)]


@pytest.mark.parametrize(
    ("data_type", "cell", "value"),
    [
        ("tinyint", "-128", -128),
        ("utinyint", "255", 255),
        ("ubigint", "18446744073709551615", 18446744073709551615),
        ("float", "0.5", 0.5),
        ("time", "23:59:59.000001", time(23, 59, 59, 1)),
        ("time", "07:05", time(7, 5)),
        ("blob", "00ff10", b"\x00\xff\x10"),
        ("timestamptz", "2024-02-29 12:00:00", datetime(2024, 2, 29, 12, tzinfo=UTC)),
    ],
)
def test_a_text_of_its_type_becomes_a_value(convert, data_type, cell, value):
    assert convert(data_type, POINT, [cell]) == [(value, None)]


@pytest.mark.parametrize(
    ("data_type", "cell", "reason"),
    [
        ("tinyint", "128", "out of range for tinyint"),
        ("utinyint", "-1", "out of range for utinyint"),
        ("float", "1e39", "out of range for float"),
        ("time", "24:61:00", "no such time"),
        ("time", "noon", "not a time"),
        ("blob", "0f0", "not hexadecimal"),
        ("timestamptz", "2024-02-30 12:00:00", "no such time"),
    ],
)
def test_a_text_that_is_not_of_its_type_says_why(convert, data_type, cell, reason):
    ((value, fault),) = convert(data_type, POINT, [cell])
    assert value is None
    assert reason in fault
