import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from lakehouse.errors import DeliveryRefused
from lakehouse.formats.json import reader as json_format
from lakehouse.formats.json.reader import stage_json, stage_ndjson
from lakehouse.formats.staged_file import StagedFile
from lakehouse.formats.staging_limits import StagingLimits
from lakehouse.source_catalog import Table

Stage = Callable[..., StagedFile]


def table_of(columns: dict[str, Any], records: str = "$", **dialect: Any) -> Table:
    """`columns` gives a type, or the fields of a column, by name."""
    declared = [
        {"name": name, **(kind if isinstance(kind, dict) else {"data_type": kind})}
        for name, kind in columns.items()
    ]
    return Table.model_validate(
        {
            "source": "shop",
            "name": "shipments",
            "connector": "files",
            "block": "landing",
            "schema_name": "raw",
            "meta": {
                "load": "append",
                "pattern": "*",
                "format": "json",
                "dialects": [dialect],
                "file": {"records": records},
            },
            "columns": declared,
            "file": Path("_shop__sources.yml"),
        }
    )


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Write content to a file and stage it: as lines if `lines`, else as a document."""

    def write_and_stage(
        content: str | bytes, columns: dict[str, Any], *, lines: bool = True, **options: Any
    ) -> StagedFile:
        file = tmp_path / "delivered.json"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        read = stage_ndjson if lines else stage_json
        limits = StagingLimits(threads=1)
        return read(file, table_of(columns, **options), tmp_path / "scratch", limits=limits)

    return write_and_stage


@pytest.fixture(params=["DuckDB first", "record by record"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test through DuckDB where it serves, and once more without it."""
    if request.param == "record by record":
        monkeypatch.setattr(json_format, "stage_regular", lambda *_, **__: None)


def rows_of(staged: StagedFile) -> list[tuple[Any, ...]]:
    with duckdb.connect() as session:
        return session.execute(f"from '{staged.path}'").fetchall()


def faults_of(staged: StagedFile) -> list[tuple[int | None, str]]:
    return [(reject.line, reject.reason) for reject in staged.rejects]


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize(
    ("written", "text"),
    [
        ('"001"', "001"),
        ("1", "1"),
        ("1.0", "1.0"),
        ("1.50", "1.50"),
        ("-0.25", "-0.25"),
        ("12345678901234567.89", "12345678901234567.89"),
        ("0.1000000000000000055", "0.1000000000000000055"),
        ("0.00001", "0.00001"),
        ("1e3", "1e3"),
        ("-2.5E-7", "-2.5E-7"),
        ("18446744073709551616", "18446744073709551616"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("9" * 5_000, "9" * 5_000),
        ("true", "true"),
        ("null", None),
        ('""', ""),
        ('" x "', " x "),
        (r'"a\u0000b\n\"\\\/\u00e9"', 'a\0b\n"\\/é'),
        ('"NaN"', "NaN"),
        ('"10:20:30.500, 1.50, x"', "10:20:30.500, 1.50, x"),
        ('"\ue000"', "\ue000"),
        ('{"x": 1.10, "y": ["é", null, 2]}', '{"x":1.10,"y":["é",null,2]}'),
        ("[]", "[]"),
    ],
)
def test_a_value_is_text_as_it_was_written(stage: Stage, written: str, text: str | None):
    (row,) = rows_of(stage(f'{{"a": {written}, "b": 1.50}}\n', {"a": "varchar"}))
    assert row == (text, "1.50")


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize(
    ("written", "text"), [("1e3", "1000"), ("2.50E-2", "0.0250"), ("1e400", "1e400")]
)
def test_an_exponent_becomes_digits_where_a_decimal_is_declared(
    stage: Stage, written: str, text: str
):
    assert rows_of(stage(f'{{"a": {written}}}', {"a": "decimal(20,4)"})) == [(text,)]


@pytest.mark.usefixtures("either_way")
def test_a_missing_key_and_null_are_both_null_and_new_keys_are_text(stage: Stage):
    staged = stage('{"a": 1}\n{"b": {"c": 2}, "a": null}\n{"z": "x"}\n', {"a": "integer"})
    assert staged.header == ("a", "b", "z")
    assert staged.new_columns == ("b", "z")
    assert rows_of(staged) == [("1", None, None), (None, '{"c":2}', None), (None, None, "x")]
    assert faults_of(staged) == []


@pytest.mark.usefixtures("either_way")
def test_a_declared_key_that_no_record_has_refuses_the_file(stage: Stage):
    with pytest.raises(DeliveryRefused, match=r"declared columns b; they have a"):
        stage('{"a": 1}\n{"a": 2}\n', {"a": "integer", "b": "integer"})


@pytest.mark.usefixtures("either_way")
def test_paths_reach_into_records_and_rename_keys(stage: Stage):
    staged = stage(
        '{"cliente": {"id": 7, "n~/": "x"}, "fechaAlta": "d"}\n{"cliente": null}\n',
        {
            "cliente_id": {"path": "$.cliente.id"},
            "odd": {"path": "$.cliente.n~/"},
            "fecha_alta": {"path": "$.fechaAlta"},
        },
    )
    assert staged.header == ("cliente_id", "odd", "fecha_alta", "cliente")
    assert rows_of(staged) == [
        ("7", "x", "d", '{"id":7,"n~/":"x"}'),
        (None, None, None, None),
    ]


@pytest.mark.usefixtures("either_way")
def test_a_path_that_leads_nowhere_in_any_record_refuses_the_file(stage: Stage):
    lines = '{"c": {"id": null}}\n{"c": {"idd": 1}}\n{"c": [7]}\n'
    assert stage(lines, {"id": {"path": "$.c.id"}}).rows == 3
    with pytest.raises(DeliveryRefused, match="declared columns name; they have c"):
        stage(lines, {"id": {"path": "$.c.id"}, "name": {"path": "$.c.name"}})


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ('{"a": 1, "a": 2}', "the key a comes twice"),
        ('{"a": 1, "A": 2}', "its key A differs from a only in its letters' case"),
        ('{"b": 1, "B": 2, "a": 1}', "the key b comes twice, in other letters"),
        ('{"a": 1, "_batch_id": 2}', "its key _batch_id is the name of a column"),
        ('{"a": 1, "": 2}', "it has a key without a name"),
        ('{"a": 1, " b": 2}', "its key ' b' begins or ends with a blank"),
        ('{"a": NaN}', "it is no JSON: NaN is not a number"),
        ('{"a": -Infinity}', "it is no JSON: -Infinity is not a number"),
        ('{"a": nan}', "it is no JSON"),
        ('{"a": 1,}', "it is no JSON"),
        ('{"a": [1, ]}', "it is no JSON"),
        ('{"a": 1} {"a": 2}', "it is no JSON: Extra data"),
        ('{"a": 1', "it is no JSON"),
        ('{"a": 01}', "it is no JSON"),
        ('{"a": .5}', "it is no JSON"),
        ("{'a': 1}", "it is no JSON"),
        ('{"a": "\t"}', "it is no JSON: Invalid control character"),
        ('{"a": "\\ud800"}', "it holds half of a surrogate pair"),
        ('{"a": 1} // why', "it is no JSON: Extra data"),
        ("1", "it is no object"),
        ("null", "it is no object"),
        ('[{"a": 1}]', "it is no object"),
        ('"a"', "it is no object"),
        ('{"a": ' + "[" * 300 + "]" * 300 + "}", "it is nested more than 200 levels deep"),
    ],
)
def test_a_bad_record_is_rejected_and_the_others_are_rows(stage: Stage, record: str, reason: str):
    staged = stage(f'{{"a": "first"}}\n{record}\n\n{{"a": "last"}}', {"a": "varchar"})
    assert [row[0] for row in rows_of(staged)] == ["first", "last"]
    ((line, said),) = faults_of(staged)
    assert line == 2
    assert reason in said
    assert staged.rejects[0].raw == record
    assert staged.line_breaks is not None
    assert staged.line_breaks.lines_of(np.arange(2)).tolist() == [1, 4]


@pytest.mark.usefixtures("either_way")
def test_bytes_that_are_not_utf_8_reject_their_record(stage: Stage):
    content = '{"a": "ñandú ñato"}\n'.encode() + b'{"a": "\xff"}\n{"a": "\xc3\xb1"}\n'
    staged = stage(content, {"a": "varchar"})
    assert rows_of(staged) == [("ñandú ñato",), ("ñ",)]
    assert faults_of(staged) == [(2, "it holds bytes that are not UTF-8")]
    assert staged.rejects[0].raw == r'{"a": "\xff"}'


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [("utf-8-sig", "utf-8"), ("utf-16", "utf-8"), ("latin-1", "latin-1"), ("cp1252", "cp1252")],
)
@pytest.mark.parametrize("lines", [True, False])
def test_declared_encodings_and_byte_order_marks_are_read(
    stage: Stage, encoding: str, declared: str, lines: bool
):
    staged = stage(
        '{"a": "Córdoba"}\n'.encode(encoding), {"a": "varchar"}, lines=lines, encoding=declared
    )
    assert rows_of(staged) == [("Córdoba",)]


def test_a_file_in_an_undeclared_encoding_is_refused(stage: Stage):
    with pytest.raises(DeliveryRefused, match="none of the encodings"):
        stage('{"a": "é"}'.encode("latin-1"), {"a": "varchar"})


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("indent", [None, 1, "\t"])
def test_an_array_of_any_layout_is_read(stage: Stage, indent: int | str | None):
    written = [{"a": n, "b": [{"x": '],[{}\n\\"'}, []], "c": None} for n in range(3)]
    staged = stage(json.dumps(written, indent=indent), {"a": "integer"}, lines=False)
    nested = '[{"x":"],[{}\\n\\\\\\""},[]]'
    assert rows_of(staged) == [(str(n), nested, None) for n in range(3)]
    assert staged.line_breaks is None


def test_records_lie_where_the_path_says(stage: Stage):
    content = '{"x": [1, {"items": "]"}], "data": {"y": "}", "items": [{"a": 1}], "z": 2}, "w": {}}'
    staged = stage(content, {"a": "integer"}, lines=False, records="$.data.items")
    assert rows_of(staged) == [("1",)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"data": {"other": 1}}', r"\$\.data has no key items; it has other"),
        ('{"data": [1]}', r"\$\.data is no object"),
        ('{"data": {"items": null}}', "neither an array nor an object"),
        ('{"data": {"items": [{"a": 1}]', "damaged or cut off"),
        ('{"data": {"items": [{"a": 1}], "items": []}}', "the key items comes twice"),
        ('{"data": {"items": [{"a": 1}]}, "data": {}}', "the key data comes twice"),
        ('{"data": {"items": [{"a": 1}]}} []', "more follows"),
        ('{"data": {"items": [{"a": 1}, {"a', "cut off within record 2"),
        ('{"data": {"items": [{"a": 1}}}}', "another bracket should stand"),
        ('{"data"', "damaged or cut off"),
        ('{"data: 1', "no key can be read"),
        ('{"k": [1, 2', "never ends"),
    ],
)
def test_a_damaged_document_is_refused(stage: Stage, content: str, reason: str):
    with pytest.raises(DeliveryRefused, match=reason):
        stage(content, {"a": "integer"}, lines=False, records="$.data.items")


def test_a_single_object_is_one_record(stage: Stage):
    staged = stage('{"a": 1,\n "b": [{}]}', {"a": "integer"}, lines=False)
    assert rows_of(staged) == [("1", "[{}]")]


def test_an_empty_array_has_no_rows_and_an_empty_file_is_refused(stage: Stage):
    staged = stage(" [ \n ] ", {"a": "integer"}, lines=False)
    assert (staged.rows, staged.header) == (0, ("a",))
    for content in ("", " \n\n", "\ufeff"):
        with pytest.raises(DeliveryRefused, match="is empty"):
            stage(content, {"a": "integer"}, lines=False)


@pytest.mark.usefixtures("either_way")
def test_rejects_of_an_array_say_which_record_it_is(stage: Stage):
    staged = stage('[{"a": 1}, 7, {"a": 2}, {"a": tru}, , {"a": 3}]', {"a": "varchar"}, lines=False)
    assert rows_of(staged) == [("1",), ("2",), ("3",)]
    assert [line for line, _ in faults_of(staged)] == [None] * 3
    assert [reason.partition(":")[0] for _, reason in faults_of(staged)] == [
        "record 2",
        "record 4",
        "record 5",
    ]
    assert staged.record_breaks is not None
    assert staged.record_breaks.lines_of(np.arange(3)).tolist() == [1, 3, 6]


def test_a_raw_line_feed_inside_a_string_stays_an_error(stage: Stage):
    staged = stage('[{"a": "x\ny"}, {"a": "z"}]', {"a": "varchar"}, lines=False)
    assert rows_of(staged) == [("z",)]
    assert "Invalid control character" in faults_of(staged)[0][1]


HISTORY = "struct(estado varchar, fecha timestamp, monto decimal(8,2))[]"


@pytest.mark.parametrize("amount", ["1.5", "1.50"])
def test_nested_columns_are_typed_and_undeclared_fields_are_told(stage: Stage, amount: str):
    staged = stage(
        '{"h": [{"estado": "a", "fecha": "2024-01-02 03:04:05", "monto": ' + amount + "}]}\n"
        '{"h": [{"estado": "b", "lugar": "x"}, null]}\n{"h": []}\n{"h": null}\n',
        {"h": HISTORY},
    )
    assert staged.warnings == (
        "h holds fields that its type does not declare, which were left out: lugar",
    )
    assert staged.rows == 4


def test_values_seen_late_in_a_file_are_not_lost(stage: Stage):
    first = '{"a": 1}\n' * 20_000
    staged = stage(first + '{"a": 2, "late": "x"}\n', {"a": "integer"})
    assert staged.new_columns == ("late",)
    assert rows_of(staged)[-1] == ("2", "x")
    spoilt = stage(first + '{"a": 2, "late": "x"}\n{"a"\n', {"a": "integer"})
    assert rows_of(spoilt)[-1] == ("2", "x")
    assert [line for line, _ in faults_of(spoilt)] == [20_002]


def test_keys_that_are_data_are_refused(stage: Stage):
    content = "".join(f'{{"a": 1, "k{n}": 1}}\n' for n in range(1_500))
    with pytest.raises(DeliveryRefused, match="1500 different keys that are not declared"):
        stage(content, {"a": "integer"})


def test_a_new_key_with_the_name_of_a_column_from_elsewhere_is_refused(stage: Stage):
    with pytest.raises(DeliveryRefused, match="have the names of columns that are read from else"):
        stage('{"id": 1, "c": {"id": 2}}', {"id": {"path": "$.c.id"}})


def test_hardly_any_good_record_is_still_read_and_too_many_bad_ones_are_refused(stage: Stage):
    staged = stage("x\n" * 500 + '{"a": 1}\n', {"a": "integer"})
    assert (staged.rows, len(staged.rejects)) == (1, 500)
    with pytest.raises(DeliveryRefused, match="more than 100000 records are at fault"):
        stage("x\n" * 100_002, {"a": "integer"})
