import duckdb
import pytest

from lakehouse.publish.postgres.column_types import published_column


def binary_of(kind):
    described = duckdb.connect().execute(f"select null::{kind} as it").description
    return published_column("shop_marts.sales", "it", described[0][1]).binary


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("bigint", '"it"'),
        ("utinyint", 'cast("it" as smallint)'),
        ("decimal(9,8)", '"it"'),
        ("decimal(9,9)", 'cast("it" as decimal(18, 9))'),
        ("decimal(18,16)", '"it"'),
        ("decimal(18,17)", 'cast("it" as decimal(38, 17))'),
        ("decimal(38,36)", '"it"'),
        ("json", 'chr(1) || cast("it" as varchar)'),
    ],
)
def test_what_the_extension_is_given(kind, wanted):
    assert binary_of(kind) == wanted


@pytest.mark.parametrize(
    "kind", ["decimal(38,37)", "hugeint", "uhugeint", "bignum", "bit", "timestamp_ns", "time_ns"]
)
def test_what_does_not_go_through_the_binary_format(kind):
    assert binary_of(kind) is None
