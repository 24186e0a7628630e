"""The same rows have the same hash however they come; other rows have another."""

from decimal import Decimal
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.connectors.database.content_hash import ContentHash

SCHEMA = pa.schema(
    [
        ("number", pa.int32()),
        ("text", pa.string()),
        ("price", pa.decimal128(12, 2)),
        ("ratio", pa.float64()),
        ("content", pa.binary()),
        ("flag", pa.bool_()),
        ("tags", pa.list_(pa.string())),
    ]
)
ROW = st.tuples(
    st.none() | st.integers(-5, 5),
    st.none() | st.text(max_size=3),
    st.none() | st.decimals(-99, 99, places=2),
    st.none() | st.floats(allow_nan=False, width=32),
    st.none() | st.binary(max_size=3),
    st.none() | st.booleans(),
    st.none() | st.lists(st.none() | st.text(max_size=2), max_size=2),
)


def hash_of(rows: list[tuple], cuts: list[int], schema: pa.Schema = SCHEMA) -> str:
    whole = pa.Table.from_pylist(
        [dict(zip(schema.names, row, strict=True)) for row in rows], schema
    ).combine_chunks()
    content = ContentHash(schema)
    bounds = sorted({0, len(rows), *(cut for cut in cuts if cut <= len(rows))})
    for begin, end in pairwise(bounds):
        for batch in whole.slice(begin, end - begin).to_batches():
            content.update(batch)
    return content.hexdigest()


@given(st.lists(ROW, max_size=20), st.lists(st.integers(0, 20), max_size=5))
@settings(max_examples=100, deadline=None)
def test_the_cuts_between_batches_do_not_count(rows, cuts):
    assert hash_of(rows, []) == hash_of(rows, cuts)


@given(st.lists(ROW, max_size=6), st.lists(ROW, max_size=6))
@settings(max_examples=200, deadline=None)
def test_other_rows_have_another_hash(rows, others):
    if list(map(repr, rows)) != list(map(repr, others)):
        assert hash_of(rows, []) != hash_of(others, [])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["ab", "c"], ["a", "bc"]),
        (["", None], [None, ""]),
        (["a", None], ["a", ""]),
        (["a", "b"], ["b", "a"]),
        (["NULL"], [None]),
    ],
)
def test_neither_lengths_nor_nulls_nor_order_are_lost(one, other):
    schema = pa.schema([("text", pa.string())])
    assert hash_of([(v,) for v in one], [], schema) != hash_of([(v,) for v in other], [], schema)


def test_names_and_types_are_part_of_the_content():
    rows = [(Decimal(1),)]
    hashes = {
        hash_of(rows, [], pa.schema([(name, pa.decimal128(precision, 0))]))
        for name in ("a", "b")
        for precision in (5, 6)
    }
    assert len(hashes) == 4
