import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from lakehouse.reports.artifacts.markdown import cell, code, code_block, plain, table, text

RENDERER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
NASTY = st.text(alphabet="ab1 |\\`*_[]()<>!#-+.=~&;:@/\n\r$wx'\"", max_size=40)
INLINE = {"text", "text_special", "code_inline", "softbreak"}


def rendered_cells(markdown):
    """Text of the body cells, and the kinds of tokens that are neither table nor text."""
    cells, kinds = [], set()
    for token in RENDERER.parse(markdown):
        if token.type == "inline":
            kinds |= {child.type for child in token.children} - INLINE
            cells.append("".join(child.content for child in token.children))
        elif not token.type.startswith(("table", "thead", "tbody", "tr_", "th_", "td_")):
            kinds.add(token.type)
    return cells, kinds


@given(NASTY, NASTY)
def test_data_in_a_table_is_shown_and_is_never_markup(one, other):
    cells, kinds = rendered_cells(table(["a", "b"], [[text(one), text(other)]]))
    assert kinds == set()
    wanted = [plain(value).replace("\\|", "\\ |") for value in (one, other)]
    assert [shown.replace("\\|", "\\ |").strip() for shown in cells[2:]] == wanted


@given(NASTY)
def test_data_in_a_code_span_is_shown_and_is_never_markup(value):
    cells, kinds = rendered_cells(table(["a"], [[code(value)]]))
    assert kinds == set()
    assert cells[1].strip() == plain(value).replace("\\|", "\\ |")


@given(NASTY)
def test_a_line_of_data_is_one_paragraph_of_text(value):
    tokens = RENDERER.parse(text(value))
    wanted = ["paragraph_open", "inline", "paragraph_close"] if plain(value) else []
    assert [token.type for token in tokens] == wanted


@pytest.mark.parametrize(
    "address", ["https://x.example/?a=1", "www.x.example", "ana@x.example", "mailto:a@b.c"]
)
def test_an_address_in_data_is_code_so_that_it_does_not_become_a_link(address):
    assert text(address) == f"`{address}`"


def test_html_in_data_is_text():
    assert text("<img src=x onerror=alert(1)>") == "&lt;img src=x onerror=alert(1)&gt;"


def test_what_is_missing_can_be_told_from_what_is_blank():
    assert [cell(value) for value in (None, " ", True, 0)] == [
        "*(empty)*",
        "*(blank)*",
        "true",
        "0",
    ]


def test_a_long_value_is_cut():
    assert text("x" * 500) == "x" * 199 + "…"


def test_control_and_direction_characters_are_taken_out():
    assert plain("a\x00b\u202ec\nd\x1b[31m") == "a bc d [31m"


def test_a_fence_in_code_does_not_end_the_block():
    (token,) = RENDERER.parse(code_block("\n  \nselect '```'\n~~~\n", "sql"))
    assert (token.type, token.content) == ("fence", "select '```'\n~~~\n")


def test_a_table_has_a_rule_with_numbers_to_the_right():
    made = table(["a", "n"], [[text("x|y"), text(1)]], numeric=["n"])
    assert made.splitlines() == ["| a | n |", "| --- | ---: |", "| x\\|y | 1 |"]
