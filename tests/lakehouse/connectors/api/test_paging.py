import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.connectors.api.paging import has_lines, linked, value_at

DOCUMENT = {"meta": {"next": "abc", "zero": "0"}, "items": [{"id": 1}, {"id": 2}]}


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ('<https://x/?page=2>; rel="next"', "https://x/?page=2"),
        ("<https://x/?page=2>; rel=next", "https://x/?page=2"),
        ('<https://x/1>; rel="prev", <https://x/3>; REL="last Next"', "https://x/3"),
        ('</a;b,c?d=<e>; title="x, <y>; rel=next"; rel="next"', "/a;b,c?d=<e"),
        ('<https://x/1>; rel="prev"; title="rel=next"', None),
        ('<https://x/1>; rel="nextish"', None),
        ("<https://x/1>", None),
        ("", None),
        ("rel=next", None),
    ],
)
def test_the_next_page_of_a_link_header_is_found(header, target):
    assert linked([header], "next") == target


def test_several_link_headers_are_read_as_one():
    assert linked(['<a>; rel="first"', '<b>; rel="next"'], "next") == "b"


@given(st.text(max_size=200))
def test_any_link_header_is_read(header):
    linked([header], "next")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$", DOCUMENT),
        ("$.meta.next", "abc"),
        ("meta.next", "abc"),
        ("$.items[1].id", 2),
        ("$.items[7].id", None),
        ("$.items.id", None),
        ("$.nothing.there", None),
    ],
)
def test_a_path_leads_to_a_value_or_nowhere(path, value):
    assert value_at(DOCUMENT, path) == value


def test_a_page_of_lines_has_records_below_its_header(tmp_path):
    file = tmp_path / "page"
    file.write_bytes(b"\nid\n\n")
    assert not has_lines(file, 1)
    file.write_bytes(b"id\n1")
    assert has_lines(file, 1)
