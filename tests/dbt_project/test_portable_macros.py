"""Models of portable domains name nothing that only DuckDB has; what differs is dispatched."""

import re
from pathlib import Path

import duckdb
import pytest
from portable_sql import FILES, MACROS, render

PROJECT = MACROS.parent
PORTABLE = ("wells", "bioreactor")
# dbt dispatches these itself, and its own for DuckDB does.
OF_DBT = {"date_trunc", "listagg", "cast"}
ONLY_DUCKDB = re.compile(
    r"\b(time_bucket|date_diff|date_sub|strftime|strptime|string_agg|arg_max|arg_min|unnest|"
    r"generate_series|isfinite|try_cast|epoch|to_minutes|regexp_full_match|unpivot|exclude|"
    r"list_\w+|struct_pack|hugeint|varchar)\b|::|\*\*|\[\s*\d+\s*\]|\bformat\(",
    re.IGNORECASE,
)
NOON = "timestamp '2024-01-01 12:00:00.9'"
LATER = "timestamp '2024-01-01 12:00:02.4'"
_COMMENTS = re.compile(r"--[^\n]*|\{#.*?#\}|'[^']*'", re.DOTALL)


def portable_files() -> list[Path]:
    return [
        path
        for domain in PORTABLE
        for part in ("models", "tests/singular")
        for path in sorted((PROJECT / part / domain).rglob("*.sql"))
    ]


@pytest.mark.parametrize("path", portable_files(), ids=lambda path: path.stem)
def test_a_portable_model_names_nothing_that_only_duckdb_has(path):
    text = _COMMENTS.sub("''", path.read_text("utf-8"))
    found = [match[0] for match in ONLY_DUCKDB.finditer(text)]
    assert not found, (
        f"{path.name}: {', '.join(found)}. Call a macro of dbt/macros/portable, or write one with "
        "a version for each engine."
    )


def test_what_one_engine_has_the_other_has_too():
    text = "".join(path.read_text("utf-8") for path in FILES)
    of = {
        engine: set(re.findall(rf"macro {engine}__(\w+)\(", text)) for engine in ("duckdb", "spark")
    }
    assert of["spark"] - OF_DBT == of["duckdb"]
    assert set(re.findall(r"adapter\.dispatch\('(\w+)'\)", text)) == of["duckdb"]


@pytest.mark.parametrize(
    ("call", "value"),
    [
        (f"microseconds_between({NOON!r}, {LATER!r})", 1_500_000),
        (f"seconds_between({NOON!r}, {LATER!r})", 1.5),
        (f"second_marks_between({NOON!r}, {LATER!r})", 2),
        ("epoch_seconds(\"timestamp '1970-01-01 00:00:00.25'\")", 0.25),
        (f"dbt.cast(stretch_of(10, {NOON!r}), 'varchar')", "2024-01-01 12:00:00"),
        ("text_with_digits('1.005::double', 2)", "1.00"),
        ("rounded('1.2345675::double', 6)", 1.234568),
        ("number_of_text(\"'1e3'\")", 1000.0),
        ("is_finite(\"'inf'::double\")", False),
        ("matches_all_of(\"'ab'\", 'a')", False),
        ("surrogate_key(['null', \"'1'\"])", "740120af1493e0d01a9512be5e47e52b"),
    ],
)
def test_the_macros_of_duckdb_say_what_they_are_for(call, value):
    found = duckdb.sql(f"select {render('duckdb', call)}").fetchone()
    assert found == (value,)


@pytest.mark.parametrize(
    ("call", "sql"),
    [
        ("value_of_last('v', ['a', 'b'])", "max_by(v, struct(a, b))"),
        ("value_of_first('v', 'a')", "min_by(v, a)"),
        ("added_in_order_of('a')", ""),
        ("all_but(['a', 'b'])", "* except (a, b)"),
        ("spark__cast('x', 'VARCHAR')", "cast(x as string)"),
        ("spark__cast('x', 'timestamp')", "cast(x as timestamp_ntz)"),
        ("spark__cast('x', 'timestamp with time zone')", "cast(x as timestamp_ltz)"),
        ("spark__cast('x', 'decimal(10,2)')", "cast(x as decimal(10,2))"),
        ("spark__date_trunc('day', 'x')", "cast(date_trunc('day', x) as timestamp_ntz)"),
        (
            "spark__listagg('x', \"', '\", 'order by x')",
            "listagg(x, ', ') within group (order by x)",
        ),
        (
            "spark__listagg('distinct x', \"', '\", 'order by x')",
            "case when count(x) > 0 then array_join(array_sort(collect_set(x)), ', ') end",
        ),
        ("matches_all_of('x', 'a|b')", r"regexp_like(x, r'(?d)\A(?:a|b)\z')"),
        ("rounded('x', 6)", "(round(x * 1e6) / 1e6)"),
        (
            "surrogate_key(['x'])",
            r"md5(concat_ws('|', coalesce(cast(x as string), r'\x00')))",
        ),
    ],
)
def test_the_macros_of_spark_are_written_in_its_own_words(call, sql):
    assert re.sub(r"\s+", " ", render("spark", call)).strip() == sql
