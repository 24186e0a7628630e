import duckdb
import numpy as np

from lakehouse.formats.source_lines import LineBreaks, source_line_sql


def lines_in_sql(breaks, rows):
    with duckdb.connect() as connection:
        expression = source_line_sql(connection, breaks, "ordinal")
        query = f"select {expression} from range({rows}) as t(ordinal) order by ordinal"
        return [line for (line,) in connection.execute(query).fetchall()]


def test_one_offset_is_plain_arithmetic():
    breaks = LineBreaks.from_steps([0], [2])
    assert breaks.constant_offset == 2
    assert lines_in_sql(breaks, 3) == [2, 3, 4]


def test_several_offsets_hold_from_their_row_on():
    breaks = LineBreaks.from_steps([0, 2, 3], [2, 5, 9])
    assert breaks.constant_offset is None
    assert lines_in_sql(breaks, 5) == [2, 3, 7, 12, 13]


def test_sql_and_python_agree_over_many_vectors():
    ordinals = np.arange(0, 50_000, 7)
    breaks = LineBreaks.from_steps(ordinals.tolist(), (ordinals // 3 + 2).tolist())
    assert lines_in_sql(breaks, 50_000) == breaks.lines_of(np.arange(50_000)).tolist()


def test_unknown_lines_are_null_and_no_rows_need_no_breaks():
    assert lines_in_sql(None, 2) == [None, None]
    assert lines_in_sql(LineBreaks.from_steps([], []), 0) == []
