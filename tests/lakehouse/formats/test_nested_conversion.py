from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from lakehouse.format_options import CsvDialect
from lakehouse.formats.text_conversion import fault_sql, value_sql
from lakehouse.table_contract import Column

HISTORY = "struct(estado varchar, fecha timestamp, monto decimal(20,2))[]"


def converted(
    duck: duckdb.DuckDBPyConnection, data_type: str, cell: str | None, **dialect: Any
) -> tuple[Any, str | None]:
    """Value and fault of one cell."""
    column, how = Column(name="x", data_type=data_type), CsvDialect(**dialect)
    row = duck.execute(
        f"select {value_sql(column, how, 'x')}, {fault_sql(column, how, 'x')} "
        "from (select $cell::varchar as x)",
        {"cell": cell},
    ).fetchone()
    assert row is not None
    return row


def event(**fields: Any) -> dict[str, Any]:
    return {"estado": None, "fecha": None, "monto": None, **fields}


@pytest.mark.parametrize(
    ("data_type", "cell", "value"),
    [
        (
            HISTORY,
            '[{"estado":"a","fecha":"2024-01-02 03:04:05","monto":1.50}]',
            [event(estado="a", fecha=datetime(2024, 1, 2, 3, 4, 5), monto=Decimal("1.50"))],
        ),
        (HISTORY, '[{"estado":"a","lugar":1}, null, {}]', [event(estado="a"), None, event()]),
        (
            HISTORY,
            '[{"monto":12345678901234567.89}]',
            [event(monto=Decimal("12345678901234567.89"))],
        ),
        (
            HISTORY,
            '[{"monto":"12345678901234567.8"}]',
            [event(monto=Decimal("12345678901234567.80"))],
        ),
        (HISTORY, '[{"estado":1.10}]', [event(estado="1.10")]),
        (HISTORY, '[{"estado":{"a":[1.10]}}]', [event(estado='{"a":[1.10]}')]),
        (
            HISTORY,
            '[{"estado":"at 10:20:30.50, 1.50, x","monto":1.5}]',
            [event(estado="at 10:20:30.50, 1.50, x", monto=Decimal("1.50"))],
        ),
        (HISTORY, " [] ", []),
        (HISTORY, "null", None),
        (HISTORY, " ", None),
        (HISTORY, None, None),
        ("integer[]", '[1, 2.0, "3", null]', [1, 2, 3, None]),
        ("integer[][]", "[[1], [], null, [2, 3]]", [[1], [], None, [2, 3]]),
        ("boolean[]", '[true, false, "y"]', [True, False, True]),
        ("varchar[]", '["a", 1.10, true, {"z":1}]', ["a", "1.10", "true", '{"z":1}']),
        ("map(varchar, integer)", '{"a": 1, "b": null}', {"a": 1, "b": None}),
        (
            'struct("b c" date, n integer)',
            '{"b c":"2024-01-02"}',
            {"b c": date(2024, 1, 2), "n": None},
        ),
        ("struct(x json)", '{"x":{"a":1.50}}', {"x": '{"a":1.50}'}),
        (
            "struct(a struct(b integer[])[])",
            '{"a":[{"b":[1]},{"b":null}]}',
            {"a": [{"b": [1]}, {"b": None}]},
        ),
    ],
)
def test_json_text_becomes_a_nested_value(duck, data_type: str, cell: str | None, value: Any):
    assert converted(duck, data_type, cell) == (value, None)


@pytest.mark.parametrize(
    ("data_type", "cell", "reason"),
    [
        (HISTORY, "x", "not JSON"),
        (HISTORY, '{"estado":"a"}', f"does not fit {HISTORY}"),
        (HISTORY, "[1]", f"does not fit {HISTORY}"),
        (HISTORY, '[{"monto":[1]}]', f"does not fit {HISTORY}"),
        (HISTORY, '[{"monto":1,"monto":2}]', f"does not fit {HISTORY}"),
        (HISTORY, '[{}, {"monto":850.505}]', "monto: more than 2 decimals"),
        (HISTORY, '[{"monto":true}]', "monto: not a number with decimal '.'"),
        (
            HISTORY,
            '[{"fecha":"2024-02-31 00:00:00"}]',
            "fecha: no such time like %Y-%m-%d %H:%M:%S",
        ),
        (HISTORY, '[{"estado":"5, 1.5, 2","monto":12345678901234567.89}]', "holds numbers of many"),
        (HISTORY, '[{"estado":"\ue000"}]', "or the character U+E000"),
        (HISTORY, "[" * 30_000 + "]" * 30_000, "holds more than 20000 lists and objects"),
        ("integer[]", "[1.5]", "not an integer"),
        ("map(varchar, integer)", '{"b":"x"}', "not an integer"),
        ("struct(a struct(b tinyint)[])", '{"a":[{"b":300}]}', "a: b: out of range for tinyint"),
    ],
)
def test_what_would_lose_something_is_a_fault(duck, data_type: str, cell: str, reason: str):
    fault = converted(duck, data_type, cell)[1]
    assert fault is not None
    assert reason in fault


def test_leaves_are_written_as_the_dialect_says(duck):
    assert converted(
        duck,
        "struct(d date, n decimal(8,2))",
        '{"d":"02/01/2024","n":"1.234,5"}',
        date_format="%d/%m/%Y",
        decimal=",",
        thousands=".",
    ) == ({"d": date(2024, 1, 2), "n": Decimal("1234.50")}, None)
