import duckdb
import pytest

from lakehouse.errors import PublishRefused
from lakehouse.publish.postgres.column_types import published_column


def make_column(kind, name="it"):
    described = duckdb.connect().execute(f"select null::{kind} as x").description
    return published_column("shop_marts.sales", name, described[0][1])


def text_of(kind, value):
    column = make_column(kind)
    row = duckdb.connect().execute(f"select {column.text} from (select {value}::{kind} as it)")
    return row.fetchone()[0]


@pytest.mark.parametrize("kind", ["variant", "geometry", "struct(a variant)", "geometry[]"])
def test_a_type_that_postgresql_has_not_is_refused_with_its_column(kind):
    with pytest.raises(PublishRefused, match=r"shop_marts\.sales, column it: .* Cast it"):
        make_column(kind)


def test_decimals_inside_of_lists_keep_every_digit():
    assert text_of("decimal(38,10)[]", "[12345678901234567890.0000000001, null]") == (
        "[12345678901234567890.0000000001,null]"
    )


def test_a_null_struct_is_null_and_not_an_object_of_nulls():
    assert text_of("struct(a integer)", "null") is None
    assert text_of("struct(a integer)", "{'a': null}") == '{"a":null}'


def test_names_of_any_content_are_quoted_in_json():
    assert (
        text_of('struct("it""s" varchar)', "{'it\"s': 'a''b\"c'}")
        == r'{"it\"s":"a' + "'" + r'b\"c"}'
    )
