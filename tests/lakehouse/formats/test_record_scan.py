import numpy as np
import pytest

from lakehouse.formats.record_scan import CHUNK_BYTES, RecordGrammar, Span, scan_records

COMMA = RecordGrammar(b",", b'"')


@pytest.fixture
def scan(tmp_path):
    def run(content: bytes, rejected=(), grammar=COMMA, limit=1_000):
        (tmp_path / "text").write_bytes(content)
        return scan_records(
            tmp_path / "text", grammar, header_lines=1, rejected=rejected, record_limit=limit
        )

    return run


def lines(found):
    return found.breaks.lines_of(np.arange(found.accepted)).tolist()


def test_records_without_quotes_or_blank_lines_pair_off_with_lines(scan):
    assert lines(scan(b"a,b\n1,2\n3,4\n5,6")) == [2, 3, 4]


def test_a_quote_opens_only_at_the_start_of_a_field(scan):
    assert lines(scan(b'a,b\n1,x"y\n2,  "z\nz"\n3,""\n4,"a""\n"\n5,6\n')) == [2, 3, 5, 6, 8]


def test_a_rejected_record_is_no_row_and_its_span_covers_all_its_lines(scan):
    found = scan(b'a,b\n1,2\n3,"x\ny",4\n5,6\n', rejected=[8])
    assert lines(found) == [2, 5]
    assert found.rejected == {8: Span(3, 8, 18)}


def test_a_position_inside_a_record_is_not_taken_for_a_reject(scan):
    assert scan(b"a,b\n1,2\n3,4\n", rejected=[9]).rejected == {}


def test_a_quote_that_is_never_closed_is_reported_with_its_line(scan):
    found = scan(b'a,b\n1,2\n\n3,"x\n5,6\n')
    assert (found.open_quote, found.accepted) == (4, 2)


def test_the_first_record_beyond_the_limit_is_reported(scan):
    assert scan(b'a,b\n1,2\n3,"' + b"x\n" * 600 + b'"\n4,5\n').oversized == 3


def test_lone_carriage_returns_end_lines_where_they_are_the_only_ends(scan):
    grammar = RecordGrammar(b",", b'"', carriage_return_only=True)
    assert lines(scan(b'a,b\r1,2\r\r3,"4\r"\r5,6', grammar=grammar)) == [2, 4, 6]


def test_delimiters_of_several_bytes_and_spaces_are_understood(scan):
    section = RecordGrammar("§".encode(), b'"')
    assert lines(scan('a§b\n1§"x\n"\n2§3\n'.encode(), grammar=section)) == [2, 4]
    space = RecordGrammar(b" ", b'"')
    assert lines(scan(b'a b\n1 "x\n"\n2 3\n', grammar=space)) == [2, 4]


@pytest.mark.parametrize("blank", [b"\n", b"\r\n"])
def test_a_blank_line_at_the_start_of_a_chunk_is_no_record(scan, blank):
    first = b"a,b\n" + b"1,2\n" * (CHUNK_BYTES // 4 - 1)
    assert len(first) == CHUNK_BYTES
    found = scan(first + blank + b"3,4\n")
    assert found.accepted == CHUNK_BYTES // 4
    assert lines(found)[-1] == CHUNK_BYTES // 4 + 2


def test_lines_are_exact_across_the_chunks_of_a_large_file(scan):
    block = b"1,2\n" * 99_999 + b'"two\nlines",2\n'
    found = scan(b"a,b\n" + block * 12, limit=10**9)
    assert found.accepted == 1_200_000
    assert lines(found)[-1] == 1 + 100_001 * 12 - 1
